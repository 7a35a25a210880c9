//! A network in memory: nodes reach each other by name, over wires that are narrow, slow, stall and break.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use server::base::random::Random;
use server::config::Config;
use server::network::dial::Dialed;
use server::network::listener::{Origin, admit};
use server::network::{Node, Shared, cluster, timers};
use server::server::Server;
use server::server::mode::Mode;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split};
use tokio::task::JoinHandle;

/// Ports of buses begin here.
const BUS: u16 = 17_000;

/// How the wires of a world are.
#[derive(Debug, Clone, Copy)]
pub struct Wiring {
    /// Bytes that a wire holds, and bytes that move at a time.
    pub capacity: usize,
    pub largest: usize,
    /// How many wires break somewhere, and after how many bytes at most.
    pub cuts: usize,
    pub cut_after: usize,
}

impl Wiring {
    pub fn of(dice: &mut Random) -> Self {
        Self {
            capacity: [7, 100, 5_000, 70_000][dice.below(4)],
            largest: [5, 40, 1_000, 70_000][dice.below(4)],
            cuts: dice.below(6),
            cut_after: [40, 300, 5_000, 100_000][dice.below(4)],
        }
    }
}

/// Nodes and the wires between them.
pub struct Net {
    nodes: Mutex<Vec<Shared>>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    dice: Mutex<Random>,
    wiring: Wiring,
    cuts: AtomicUsize,
    /// A wire that this node opens accepts this many bytes from the other side, and then stalls.
    stalls: Mutex<Option<(usize, usize)>>,
}

impl Net {
    pub fn new(wiring: Wiring, dice: Random) -> Arc<Self> {
        Arc::new(Self {
            nodes: Mutex::default(),
            tasks: Mutex::default(),
            dice: Mutex::new(dice),
            wiring,
            cuts: AtomicUsize::new(wiring.cuts),
            stalls: Mutex::default(),
        })
    }

    /// Makes the wires that this node opens stall after this many bytes.
    pub fn stall(&self, node: usize, after: usize) {
        *self.stalls.lock().unwrap() = Some((node, after));
    }

    /// Adds a node; it is reached by its number as an address.
    pub fn add(self: &Arc<Self>, config: Config) -> Shared {
        let (net, number) = (Arc::clone(self), self.nodes.lock().unwrap().len());
        let (exit, _exits) = tokio::sync::mpsc::unbounded_channel();
        let mode = match config.cluster_enabled {
            true => Mode::Cluster(cluster::mode(&config).unwrap()),
            false => Mode::Standalone,
        };
        let mut server = Server::new(config, server::commands::catalogue(), false);
        server.mode = mode;
        let node = Node::new(server, exit).with_dialer(Box::new(move |host, port| net.dial(number, host, port)));
        let shared = Arc::new(node);
        self.nodes.lock().unwrap().push(Arc::clone(&shared));
        let ticking = Arc::clone(&shared);
        self.keep(tokio::spawn(async move { match timers::run(ticking).await {} }));
        shared
    }

    pub fn keep(&self, task: JoinHandle<()>) {
        self.tasks.lock().unwrap().push(task);
    }

    fn dial(&self, from: usize, host: &str, port: u16) -> io::Result<Dialed> {
        let number = |host: &str| host.rsplit('.').next()?.parse::<usize>().ok();
        let to = number(host).and_then(|to| self.nodes.lock().unwrap().get(to).cloned());
        let to = to.ok_or(io::ErrorKind::ConnectionRefused)?;
        let (ours, theirs) = self.wire(from);
        let (local, peer) = (format!("10.0.0.{from}:1"), format!("{host}:{port}"));
        if port >= BUS {
            // It is accepted when the dialler's turn is over.
            let (local, host) = (format!("10.0.0.{from}"), host.to_owned());
            tokio::spawn(async move { cluster::admit(&to, Box::new(theirs), local, host) });
        } else {
            let origin = Origin { addr: local.clone(), laddr: peer.clone(), fd: 0, local: true, unix: false };
            tokio::spawn(async move { admit(&to, theirs, origin) });
        }
        Ok(Dialed { stream: Box::new(ours), local, peer })
    }

    /// A wire and the two tasks that move its bytes.
    fn wire(&self, from: usize) -> (DuplexStream, DuplexStream) {
        let mut dice = self.dice.lock().unwrap();
        let (ours, near) = duplex(self.wiring.capacity);
        let (far, theirs) = duplex(self.wiring.capacity);
        let breaks = dice.below(2) == 0
            && self.cuts.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
        let mut end = if breaks { 1 + dice.below(self.wiring.cut_after) } else { usize::MAX };
        let mut stalls = false;
        if let Some((_, after)) = self.stalls.lock().unwrap().filter(|(node, _)| *node == from) {
            (end, stalls) = (after, true);
        }
        let mut fresh = || Random::from_seed(dice.next_u64());
        let ((near_read, near_write), (far_read, far_write)) = (split(near), split(far));
        let up = mover(near_read, far_write, self.wiring.largest, fresh(), usize::MAX, false);
        let down = mover(far_read, near_write, self.wiring.largest, fresh(), end, stalls);
        // Whichever ends takes the other direction with it.
        self.keep(tokio::spawn(async move {
            tokio::select! { () = up => {}, () = down => {} }
        }));
        (ours, theirs)
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        self.tasks.lock().unwrap().iter().for_each(JoinHandle::abort);
    }
}

/// Moves bytes until the end that is set for the wire; there it breaks, or stalls for ever.
async fn mover(
    mut from: ReadHalf<DuplexStream>,
    mut to: WriteHalf<DuplexStream>,
    largest: usize,
    mut dice: Random,
    end: usize,
    stalls: bool,
) {
    let (mut part, mut moved) = (vec![0; largest], 0);
    loop {
        let size = (1 + dice.below(largest)).min(end - moved);
        if size == 0 && stalls {
            std::future::pending::<()>().await;
        }
        let Ok(count @ 1..) = from.read(&mut part[..size]).await else { return };
        if to.write_all(&part[..count]).await.is_err() {
            return;
        }
        moved += count;
        if moved == end && !stalls {
            return;
        }
        if dice.below(200) == 0 {
            tokio::time::sleep(Duration::from_millis(dice.below(3) as u64)).await;
        }
        for _ in 0..dice.below(3) {
            tokio::task::yield_now().await;
        }
    }
}

/// Sends a line and returns the first line of the reply, without its sign.
pub async fn ask(shared: &Shared, line: &str) -> String {
    let (mut ours, theirs) = duplex(100_000);
    admit(shared, theirs, Origin { addr: "127.0.0.1:1".into(), local: true, ..Origin::default() });
    ours.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
    let mut reply = Vec::new();
    while !reply.ends_with(b"\r\n") {
        if ours.read_buf(&mut reply).await.unwrap_or(0) == 0 {
            return "closed".to_owned();
        }
    }
    String::from_utf8_lossy(&reply).trim().to_owned()
}
