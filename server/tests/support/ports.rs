//! Ports for the servers of tests, leased: no two tests that run at once get the same one.
//!
//! A block of ports belongs to the process that holds the lock on its file, which the kernel releases with the process. The range, and
//! that of the cluster bus 10000 above it, lie below the ports that Linux gives to outgoing connections (32768 and up): a client of
//! another test that happened to sit on a server's port would keep that server from starting.

use std::fs::File;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use nix::fcntl::{Flock, FlockArg};

const FIRST: u16 = 10_100;
const BLOCK: u16 = 8;
const BLOCKS: u16 = 350;

/// The ports of this process that no test has had, and the locks on their blocks.
struct Lease {
    free: Vec<u16>,
    locks: Vec<Flock<File>>,
}

static LEASE: Mutex<Lease> = Mutex::new(Lease { free: Vec::new(), locks: Vec::new() });

/// A port of 127.0.0.1 that nobody listens on, and that no other test gets while this process lives.
pub fn free_port() -> u16 {
    let mut lease = LEASE.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        while let Some(port) = lease.free.pop() {
            if is_free(port) && is_free(port + 10_000) {
                return port;
            }
        }
        lease.lock_a_block();
    }
}

/// Whether the port can be bound. The socket does not listen: a process that is being started on another thread has a copy of it
/// until its program begins, and a copy that listened would keep the server of the test from its port.
fn is_free(port: u16) -> bool {
    let bind = || {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::from(([127, 0, 0, 1], port)))
    };
    bind().is_ok()
}

impl Lease {
    fn lock_a_block(&mut self) {
        let folder = std::env::temp_dir().join(format!("redis-server-test-ports-{}", nix::unistd::geteuid()));
        std::fs::create_dir_all(&folder).unwrap();
        // Processes begin at different places, so that they seldom meet.
        let start = (std::process::id() % u32::from(BLOCKS)) as u16;
        let lock = |step| {
            let block = (start + step) % BLOCKS;
            let path = folder.join(format!("{block}.lock"));
            let file = File::options().create(true).truncate(false).write(true).open(path).unwrap();
            let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock).ok()?;
            Some((block, lock))
        };
        let (block, lock) = (0..BLOCKS).find_map(lock).expect("fewer tests run at once than there are blocks of ports");
        self.locks.push(lock);
        let first = FIRST + block * BLOCK;
        self.free.extend((first..first + BLOCK).rev());
    }
}
