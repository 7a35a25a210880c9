//! The life of a topology: planned, started, ready, watched, taken down; by one process, its supervisor.

use crate::control::{self, Answer, Asked, NodeReport, Request};
use crate::engine::Engine;
use crate::events::{Event, Events};
use crate::failure::{Failure, Kind, Outcome};
use crate::fleet::Fleet;
use crate::plan::{Choices, Plan};
use crate::ports::Lease;
use crate::probe;
use crate::state::{Held, ProcessMark, Record, Session, has_nodes};
use crate::topology::Topology;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

/// How often the supervisor looks whether a node has ended by itself.
const WATCH: Duration = Duration::from_millis(50);

/// What to bring up, and how.
#[derive(Debug, Clone)]
pub struct Order {
    /// What its file says.
    pub topology: Topology,
    /// The topology file, as the user named it.
    pub file: String,
    /// What the command line adds to it.
    pub choices: Choices,
    /// How long readiness may take.
    pub wait: Duration,
    /// Whether the data outlive the topology.
    pub keep: bool,
}

/// A topology that is up, or about to be; its supervisor is this process.
#[derive(Debug)]
pub struct Supervisor {
    session: Session,
    fleet: Fleet,
    record: Record,
    requests: mpsc::Receiver<Asked>,
    interrupts: Interrupts,
    ready: bool,
    // Ports and name stay ours until the end.
    lease: Lease,
    _held: Held,
}

/// Why a topology is taken down.
enum Reason {
    Interrupt,
    Request(oneshot::Sender<Answer>),
}

impl Supervisor {
    /// Plans the topology and takes its name and ports; nothing runs yet.
    ///
    /// `events` is made when the topology's directory is there, so that a sink may write into it.
    pub fn new(order: &Order, events: impl FnOnce(&Session) -> Events) -> Outcome<Self> {
        let interrupts = Interrupts::new()?;
        let name = order.choices.name.clone().unwrap_or_else(|| order.topology.name());
        let session = Session::named(&name);
        let held = session.hold()?;
        Self::prepare(order, &session, interrupts, held, events).inspect_err(|_| {
            // The failure is what the user hears of; what was kept before stays.
            let _ = session.clear(has_nodes(&session.dir));
        })
    }

    fn prepare(
        order: &Order,
        session: &Session,
        interrupts: Interrupts,
        held: Held,
        events: impl FnOnce(&Session) -> Events,
    ) -> Outcome<Self> {
        if has_nodes(&session.dir) && !order.keep {
            // What a crash left, or an earlier --keep: this run starts from nothing.
            session.clear_nodes()?;
        }
        let mut lease = Lease::new();
        let mut choices = order.choices.clone();
        choices.keep_ports_of(&session.dir);
        let plan = Plan::new(&order.topology, &choices, &session.dir, || lease.take())?;
        let record = Record { file: order.file.clone(), plan: plan.clone(), processes: Vec::new(), keep: order.keep };
        session.write(&record)?;
        let requests = control::listen(session)?;
        let events = events(session);
        events.emit(Event::Starting {
            topology: plan.name.to_string(),
            nodes: plan.nodes.len(),
            dir: session.dir.display().to_string(),
        });
        let fleet = Fleet::new(plan, events);
        let session = session.clone();
        Ok(Self { session, fleet, record, requests, interrupts, ready: false, lease, _held: held })
    }

    /// What will run, or runs.
    pub fn plan(&self) -> &Plan {
        &self.fleet.plan
    }

    /// Starts all nodes and waits until they are ready. On failure, or Ctrl-C, everything is down again.
    pub async fn start(&mut self, wait: Duration) -> Outcome<()> {
        let result = match self.fleet.start_all().await {
            Ok(()) => {
                self.note_processes()?;
                tokio::select! {
                    result = probe::ready(&mut self.fleet, wait) => result,
                    () = self.interrupts.next() => Err(Failure::new(Kind::Interrupted, "interrupted")),
                }
            }
            Err(failure) => Err(failure),
        };
        match result {
            Ok(()) => {
                self.ready = true;
                Ok(())
            }
            Err(failure) => {
                self.fleet.events().emit(Event::Failed { error: failure.message.clone() });
                self.end("it did not get ready").await?;
                Err(failure)
            }
        }
    }

    /// Watches the nodes and serves requests until Ctrl-C, SIGTERM or `runner down`; then takes everything down.
    pub async fn watch(mut self) -> Outcome<()> {
        match self.serve_until(std::future::pending::<()>()).await {
            Err(Reason::Interrupt) => self.end("interrupted").await,
            Err(Reason::Request(answer)) => {
                let result = self.end("by `runner down`").await;
                let _ = answer.send(match &result {
                    Ok(()) => Answer::Done,
                    Err(failure) => refused(failure.clone()),
                });
                // Let the answer reach the other terminal before the process goes.
                tokio::time::sleep(WATCH).await;
                result
            }
            Ok(()) => Ok(()),
        }
    }

    /// Serves requests while `work` runs, then takes everything down. `None` where it was interrupted.
    pub async fn during<T>(mut self, work: impl Future<Output = T>) -> Outcome<Option<T>> {
        let result = self.serve_until(work).await;
        self.end(if result.is_ok() { "the command is done" } else { "interrupted" }).await?;
        Ok(result.ok())
    }

    async fn serve_until<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Reason> {
        tokio::pin!(work);
        let mut tick = tokio::time::interval(WATCH);
        loop {
            tokio::select! {
                result = &mut work => return Ok(result),
                () = self.interrupts.next() => return Err(Reason::Interrupt),
                _ = tick.tick() => {
                    self.fleet.unexpected_end();
                }
                Some((request, answer)) = self.requests.recv() => match request {
                    Request::Down => return Err(Reason::Request(answer)),
                    other => {
                        // Whoever asked may have gone.
                        let _ = answer.send(self.serve(other).await);
                    }
                },
            }
        }
    }

    async fn serve(&mut self, request: Request) -> Answer {
        match request {
            Request::Act { node, action } => {
                let result = self.fleet.act(&node, action).await;
                let noted = self.note_processes();
                done(result.and(noted))
            }
            Request::Fault { order } => match self.fleet.fault(order) {
                Ok(rules) => Answer::Faults { rules },
                Err(failure) => refused(failure),
            },
            Request::Grow { count, engine } => match self.grow(count, engine.as_ref()).await {
                Ok(nodes) => Answer::Grown { nodes },
                Err(failure) => refused(failure),
            },
            Request::Shrink { nodes } => {
                for node in &nodes {
                    self.fleet.remove(node).await;
                }
                done(self.note_plan())
            }
            Request::Reshape { shards } => {
                self.fleet.plan.reshape(shards);
                done(self.note_plan())
            }
            Request::Status | Request::Down => Answer::Status { ready: self.ready, nodes: self.report() },
        }
    }

    /// Starts more nodes; their names.
    async fn grow(&mut self, count: usize, engine: Option<&Engine>) -> Outcome<Vec<String>> {
        let nodes = self.fleet.plan.grow(count, engine, || self.lease.take())?;
        let names: Vec<String> = nodes.iter().map(|node| node.name.clone()).collect();
        for node in nodes {
            self.fleet.add(node).await?;
        }
        self.note_plan()?;
        Ok(names)
    }

    /// Keeps the record current: other terminals read it.
    fn note_plan(&mut self) -> Outcome<()> {
        self.record.plan = self.fleet.plan.clone();
        self.note_processes()
    }

    fn report(&self) -> Vec<NodeReport> {
        let nodes = self.fleet.plan.nodes.iter();
        nodes
            .map(|node| NodeReport {
                node: node.name.clone(),
                state: self.fleet.state(&node.name),
                pid: self.fleet.pid(&node.name),
            })
            .collect()
    }

    /// Keeps the record's list of processes current: after a crash `gc` ends what is left of them.
    fn note_processes(&mut self) -> Outcome<()> {
        let pids = self.fleet.plan.nodes.iter().filter_map(|node| self.fleet.pid(&node.name));
        self.record.processes = pids.filter_map(ProcessMark::of).collect();
        self.session.write(&self.record)
    }

    async fn end(&mut self, reason: &str) -> Outcome<()> {
        self.fleet.events().emit(Event::Stopping { reason: reason.into() });
        self.fleet.down(self.interrupts.next()).await;
        let keep = self.record.keep;
        self.session.clear(keep)?;
        let kept = keep.then(|| self.session.nodes_dir().display().to_string());
        self.fleet.events().emit(Event::Down { kept });
        Ok(())
    }
}

fn done(result: Outcome<()>) -> Answer {
    match result {
        Ok(()) => Answer::Done,
        Err(failure) => refused(failure),
    }
}

fn refused(failure: Failure) -> Answer {
    Answer::Refused { message: failure.message, hint: failure.hint }
}

/// Ctrl-C and the signals that mean the same.
#[derive(Debug)]
struct Interrupts([Signal; 3]);

impl Interrupts {
    fn new() -> Outcome<Self> {
        let open = |kind| signal(kind).map_err(|error| Failure::failed(format!("cannot watch signals: {error}")));
        Ok(Self([open(SignalKind::interrupt())?, open(SignalKind::terminate())?, open(SignalKind::hangup())?]))
    }

    async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
