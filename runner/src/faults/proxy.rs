//! The runner in front of every node: listeners on its front, and the connections that come through.

use super::order::Order;
use super::pipe::{Direction, queue, read, write};
use super::rules::{Dice, Ends, Rule, Rules};
use crate::events::{Event, Events};
use crate::failure::{Doing, Failure, Outcome};
use crate::plan::{NodePlan, Plan};
use socket2::SockRef;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;

/// Sides between which all connections are reset.
type Cut = (Ends, Ends);

/// All listeners of a topology and the faults that they play.
#[derive(Debug)]
pub struct Proxies {
    rules: watch::Sender<Rules>,
    cuts: broadcast::Sender<Cut>,
    // Listeners, and faults that heal by themselves.
    tasks: Vec<JoinHandle<()>>,
    gate: Gate,
    next_id: u64,
    events: Events,
}

/// What every connection needs.
#[derive(Debug, Clone)]
struct Gate {
    names: Arc<Mutex<HashMap<IpAddr, String>>>,
    rules: watch::Receiver<Rules>,
    cuts: broadcast::Sender<Cut>,
}

impl Gate {
    /// Names by address; held for a moment only.
    fn names(&self) -> MutexGuard<'_, HashMap<IpAddr, String>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Proxies {
    /// Listens on the fronts of a plan's nodes; a plan without fronts has no listeners.
    ///
    /// `events` hears of faults that heal themselves; the sender of an order already knows of its own.
    pub async fn start(plan: &Plan, events: Events) -> Outcome<Self> {
        let (rules, seen) = watch::channel(Rules::default());
        let (cuts, _) = broadcast::channel(16);
        let gate = Gate { names: Arc::default(), rules: seen, cuts: cuts.clone() };
        let mut proxies = Self { rules, cuts, tasks: Vec::new(), gate, next_id: 1, events };
        for node in &plan.nodes {
            proxies.add(node).await?;
        }
        Ok(proxies)
    }

    /// Listens on the front of a node, if it has one.
    pub async fn add(&mut self, node: &NodePlan) -> Outcome<()> {
        let Some(front) = node.front else {
            return Ok(());
        };
        self.gate.names().insert(front.into(), node.name.clone());
        for port in [Some(node.port), node.bus_port].into_iter().flatten() {
            let listener = TcpListener::bind((front, port)).await;
            let listener = listener.doing(|| format!("listen on {front}:{port} in front of {}", node.name))?;
            self.tasks.push(tokio::spawn(accept(listener, node.name.clone(), port, self.gate.clone())));
        }
        Ok(())
    }

    /// Carries out an order; the faults that there are then.
    pub fn obey(&mut self, plan: &Plan, order: Order) -> Outcome<Vec<Rule>> {
        needs_fronts(plan)?;
        match order {
            Order::Add { fault, left, right, one_way, lasts } => {
                let id = self.next_id;
                let rule = Rule { id, fault, left, right, one_way };
                self.next_id += 1;
                if let Some(lasts) = lasts {
                    let (rules, events, healed) = (self.rules.clone(), self.events.clone(), rule.clone());
                    self.tasks.push(tokio::spawn(async move {
                        tokio::time::sleep(lasts).await;
                        let there = |rules: &Rules| rules.0.contains(&healed);
                        if !there(&rules.borrow()) {
                            return;
                        }
                        rules.send_modify(|rules| rules.0.retain(|rule| rule.id != id));
                        events.emit(Event::Healed { rule: healed.to_string() });
                    }));
                }
                self.rules.send_modify(|rules| rules.0.push(rule));
            }
            // Without connections there are no receivers.
            Order::Reset { left, right } => drop(self.cuts.send((left, right))),
            Order::Heal { id: None } => self.rules.send_modify(|rules| rules.0.clear()),
            Order::Heal { id: Some(id) } => {
                if !self.rules.borrow().0.iter().any(|rule| rule.id == id) {
                    return Err(Failure::failed(format!("there is no fault number {id}"))
                        .hint("`runner fault list` shows the faults and their numbers"));
                }
                self.rules.send_modify(|rules| rules.0.retain(|rule| rule.id != id));
            }
            Order::List => {}
        }
        Ok(self.rules.borrow().0.clone())
    }
}

impl Proxies {
    /// Listens no longer; the ports are free when this is done.
    pub async fn stop(mut self) {
        for task in std::mem::take(&mut self.tasks) {
            task.abort();
            // It was told to end, and says so.
            let _ = task.await;
        }
    }
}

impl Drop for Proxies {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn accept(listener: TcpListener, node: String, port: u16, gate: Gate) {
    loop {
        match listener.accept().await {
            Ok((stream, from)) => {
                let caller = gate.names().get(&from.ip()).cloned().unwrap_or_else(|| "client".to_owned());
                tokio::spawn(connection(stream, caller, node.clone(), port, gate.clone()));
            }
            // Out of files, most likely: let some connections end first.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// One connection, from its arrival to the end of both directions.
async fn connection(near: TcpStream, caller: String, node: String, port: u16, gate: Gate) {
    let mut cuts = gate.cuts.subscribe();
    // Both sockets live as long as this, so that a reset reaches both.
    let Ok(near) = Kept::new(near) else {
        return;
    };
    let forward = Direction::new(&caller, &node, gate.rules.clone());
    let back = Direction::new(&node, &caller, gate.rules.clone());
    let cut = async {
        loop {
            match cuts.recv().await {
                Ok((left, right)) => {
                    if (left.has(&caller) && right.has(&node)) || (left.has(&node) && right.has(&caller)) {
                        return;
                    }
                }
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return std::future::pending().await,
            }
        }
    };
    tokio::select! {
        () = carry(near, port, forward, back) => {}
        () = cut => {}
    }
}

/// A connection's near end with a second handle to it, through which it is reset unless it ended in order.
struct Kept {
    stream: Option<TcpStream>,
    handle: std::net::TcpStream,
    in_order: bool,
}

impl Kept {
    fn new(stream: TcpStream) -> std::io::Result<Self> {
        stream.set_nodelay(true)?;
        let handle = SockRef::from(&stream).try_clone()?.into();
        Ok(Self { stream: Some(stream), handle, in_order: false })
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if !self.in_order {
            // A socket that is gone needs no reset.
            let _ = SockRef::from(&self.handle).set_linger(Some(Duration::ZERO));
        }
    }
}

async fn carry(mut near: Kept, port: u16, mut forward: Direction, mut back: Direction) {
    let Some(stream) = near.stream.take() else {
        return;
    };
    let (near_read, near_write) = stream.into_split();
    let (forward_in, forward_out) = queue();
    let mut reading = Box::pin(read(near_read, forward_in));
    // A handshake needs both ways. Who gives up meanwhile was never heard of.
    let wait = async {
        forward.open().await;
        let mut dice = Dice::new();
        let late = forward.effect().lateness(&mut dice) + back.effect().lateness(&mut dice);
        if !late.is_zero() {
            tokio::time::sleep(late).await;
        }
        back.open().await;
    };
    let mut read_already = None;
    tokio::select! {
        // It asks for the way first, so that a short request with its end behind it is not mistaken for giving up.
        biased;
        () = wait => {}
        result = &mut reading => read_already = Some(result),
    }
    if let Some(result) = read_already {
        near.in_order = result.is_ok();
        return;
    }
    let source = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let Ok(Ok(far)) = tokio::time::timeout(Duration::from_secs(5), TcpStream::connect(source)).await else {
        return;
    };
    let Ok(mut far) = Kept::new(far) else {
        return;
    };
    let Some(stream) = far.stream.take() else {
        return;
    };
    let (far_read, far_write) = stream.into_split();
    let (back_in, back_out) = queue();
    let both = async {
        tokio::try_join!(
            reading,
            write(far_write, forward_out, forward),
            read(far_read, back_in),
            write(near_write, back_out, back),
        )
    };
    let in_order = both.await.is_ok();
    near.in_order = in_order;
    far.in_order = in_order;
}
/// Refuses faults where nothing flows through the runner.
fn needs_fronts(plan: &Plan) -> Outcome<()> {
    match plan.nodes.iter().any(|node| node.front.is_some()) {
        true => Ok(()),
        false => Err(Failure::failed(format!("`{}` was brought up without faults", plan.name)).hint(
            "`runner up --faults FILE`, or `faults: true` in the file, leads its connections through the runner",
        )),
    }
}
