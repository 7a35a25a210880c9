//! The life of a topology: planned, started, ready, watched, taken down; by one process, its supervisor.

use crate::bring_up::bring_up;
use crate::control::{self, Answer, Asked, NodeReport, Request};
use crate::engine::Engine;
use crate::events::{Event, Events};
use crate::failure::{Doing, Failure, Kind, Outcome};
use crate::fleet::Fleet;
use crate::interrupts::{Interrupt, Interrupts};
use crate::plan::{Choices, Plan};
use crate::ports::Lease;
use crate::state::{Held, ProcessMark, Record, Session, Stage, has_nodes};
use crate::topology::Topology;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::process::ExitStatus;
use std::time::Duration;
use tokio::process::Child;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// How often the supervisor looks whether a node has ended by itself.
const WATCH: Duration = Duration::from_millis(50);

/// How long a command of `runner run` may take to end when `runner down` takes its topology away.
const GRACE: Duration = Duration::from_secs(5);

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
    /// Whether data that were kept before are removed.
    pub fresh: bool,
}

/// A topology that is up, or about to be; its supervisor is this process.
#[derive(Debug)]
pub struct Supervisor {
    session: Session,
    fleet: Fleet,
    record: Record,
    requests: mpsc::Receiver<Asked>,
    interrupts: Interrupts,
    // Ports and name stay ours until the end.
    lease: Lease,
    _held: Held,
}

/// Why a topology is taken down.
enum Reason {
    Interrupt,
    Request(oneshot::Sender<Answer>),
}

impl Reason {
    /// Where the answer goes, if somebody asked.
    fn answer(self) -> Option<oneshot::Sender<Answer>> {
        match self {
            Reason::Interrupt => None,
            Reason::Request(answer) => Some(answer),
        }
    }
}

/// Why a topology did not get ready.
struct Unready {
    failure: Failure,
    /// Where the answer goes, if `runner down` ended it.
    asked: Option<oneshot::Sender<Answer>>,
}

impl From<Failure> for Unready {
    fn from(failure: Failure) -> Self {
        Self { failure, asked: None }
    }
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
        if session.has_kept_data() && !order.keep && !order.fresh {
            return Err(Failure::failed(format!("`{name}` has data that `up --keep` kept"))
                .detail(format!("  in {}", session.nodes_dir().display()))
                .hint("--keep starts from them and keeps them again; --fresh removes them"));
        }
        Self::prepare(order, &session, interrupts, held, events).inspect_err(|_| {
            // The user is shown the failure; data that were kept before stay.
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
        if order.fresh || !order.keep {
            // What a crash left, or an earlier --keep: this run starts from nothing.
            session.clear_nodes()?;
        }
        session.clear_failed()?;
        let mut lease = Lease::new();
        let mut choices = order.choices.clone();
        choices.keep_ports_of(&session.dir);
        let plan = Plan::new(&order.topology, &choices, &session.dir, || lease.take())?;
        let record = Record {
            stage: Stage::Starting,
            file: order.file.clone(),
            plan: plan.clone(),
            processes: Vec::new(),
            keep: order.keep,
        };
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
        Ok(Self { session, fleet, record, requests, interrupts, lease, _held: held })
    }

    /// What will run, or runs.
    pub fn plan(&self) -> &Plan {
        &self.fleet.plan
    }

    /// Starts all nodes and waits until they are ready. On failure, Ctrl-C, or `runner down`, everything is down again.
    pub async fn start(&mut self, wait: Duration) -> Outcome<()> {
        let Err(Unready { failure, asked }) = self.get_ready(wait).await else {
            return Ok(());
        };
        self.fleet.events().emit(Event::Failed { error: failure.message.clone() });
        let ended = match (&asked, failure.kind == Kind::Interrupted || self.record.keep) {
            (Some(_), _) => self.end("by `runner down`").await,
            (None, true) => self.end("it did not get ready").await,
            (None, false) => self.end_failed().await,
        };
        answer_down(asked, &ended).await;
        // Why it did not get ready matters more than why its files could not be removed then.
        Err(failure)
    }

    async fn get_ready(&mut self, wait: Duration) -> Result<(), Unready> {
        self.fleet.start_all().await?;
        self.note_processes()?;
        self.bring_up(wait).await?;
        // Who is told that it is ready reads the record.
        self.record.stage = Stage::Up;
        self.note_plan()?;
        let (topology, after_ms) = (self.fleet.plan.name.to_string(), self.fleet.events().elapsed_ms());
        self.fleet.events().emit(Event::Ready { topology, after_ms });
        Ok(())
    }

    /// Waits until all nodes are ready, while other terminals may ask how far it is, and end it.
    async fn bring_up(&mut self, wait: Duration) -> Result<(), Unready> {
        let nodes = self.report();
        let up = bring_up(&mut self.fleet, wait);
        tokio::pin!(up);
        loop {
            tokio::select! {
                result = &mut up => return Ok(result?),
                _ = self.interrupts.next() => return Err(Failure::new(Kind::Interrupted, "interrupted").into()),
                Some((request, answer)) = self.requests.recv() => {
                    let reply = match request {
                        Request::Down => {
                            let failure = Failure::new(Kind::Interrupted, "`runner down` took it down before it was ready");
                            return Err(Unready { failure, asked: Some(answer) });
                        }
                        Request::Status => Answer::Status { ready: false, nodes: nodes.clone() },
                        _ => refused(
                            Failure::failed(format!("`{}` is not ready yet", self.session.name))
                                .hint("`runner status` shows how far it is"),
                        ),
                    };
                    // The caller may no longer wait for the answer.
                    let _ = answer.send(reply);
                }
            }
        }
    }

    /// Watches the nodes and serves requests until Ctrl-C, SIGTERM or `runner down`; then takes everything down.
    pub async fn watch(mut self) -> Outcome<()> {
        match self.serve_until(std::future::pending::<()>(), |_| ControlFlow::Break(())).await {
            Err(Reason::Interrupt) => self.end("interrupted").await,
            Err(Reason::Request(answer)) => {
                let result = self.end("by `runner down`").await;
                answer_down(Some(answer), &result).await;
                result
            }
            Ok(()) => Ok(()),
        }
    }

    /// Serves requests while `work` runs, then takes everything down. `None` where it was interrupted.
    pub async fn during<T>(mut self, work: impl Future<Output = T>) -> Outcome<Option<T>> {
        let result = self.serve_until(work, |_| ControlFlow::Break(())).await;
        self.end(if result.is_ok() { "the command is done" } else { "interrupted" }).await?;
        Ok(result.ok())
    }

    /// Serves requests until a command ends, then takes everything down; how the command ended.
    ///
    /// Interrupts are the command's: it gets each that it has not got from the terminal, and the second one kills it.
    /// Where it talks to a terminal, what the terminal sends never does: in a prompt, Ctrl-C only cancels a line.
    pub async fn during_command(mut self, mut command: Child) -> Outcome<ExitStatus> {
        let pid = command.id().map(|pid| Pid::from_raw(pid.cast_signed()));
        let is_interactive = std::io::stdin().is_terminal();
        let mut count = 0;
        let result = self.serve_until(command.wait(), |interrupt| {
            if interrupt.from_terminal && is_interactive {
                return ControlFlow::Continue(());
            }
            count += 1;
            match count {
                1 if interrupt.from_terminal => {}
                1 => signal(pid, interrupt.signal),
                _ => signal(pid, Signal::SIGKILL),
            }
            ControlFlow::Continue(())
        });
        let (status, answer) = match result.await {
            Ok(status) => (status, None),
            Err(reason) => {
                signal(pid, Signal::SIGTERM);
                let status = match timeout(GRACE, command.wait()).await {
                    Ok(status) => status,
                    Err(_) => command.kill().await.and(command.wait().await),
                };
                (status, reason.answer())
            }
        };
        let ended = self.end(if answer.is_some() { "by `runner down`" } else { "the command is done" }).await;
        answer_down(answer, &ended).await;
        ended?;
        status.doing(|| "wait for the command".into())
    }

    /// Takes everything down before it was used.
    pub async fn abandon(mut self, reason: &str) -> Outcome<()> {
        self.end(reason).await
    }

    /// Serves requests until `work` is done, or until `interrupted` breaks it off.
    async fn serve_until<T>(
        &mut self,
        work: impl Future<Output = T>,
        mut interrupted: impl FnMut(Interrupt) -> ControlFlow<()>,
    ) -> Result<T, Reason> {
        tokio::pin!(work);
        let mut tick = tokio::time::interval(WATCH);
        loop {
            tokio::select! {
                result = &mut work => return Ok(result),
                interrupt = self.interrupts.next() => if interrupted(interrupt).is_break() {
                    return Err(Reason::Interrupt);
                },
                _ = tick.tick() => {
                    self.fleet.unexpected_end();
                }
                Some((request, answer)) = self.requests.recv() => match request {
                    Request::Down => return Err(Reason::Request(answer)),
                    other => {
                        // The caller may no longer wait for the answer.
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
            Request::Grow { count, engine } => match self.grow(count, engine.as_ref().map(|engine| &engine.0)).await {
                Ok(nodes) => Answer::Grown { nodes },
                Err(failure) => refused(failure),
            },
            Request::Shrink { nodes } => {
                self.fleet.remove(&nodes).await;
                done(self.note_plan())
            }
            Request::Reshape { shards } => {
                self.fleet.plan.reshape(shards);
                done(self.note_plan())
            }
            Request::Status | Request::Down => {
                Answer::Status { ready: self.record.stage == Stage::Up, nodes: self.report() }
            }
        }
    }

    /// Starts more nodes; their names.
    async fn grow(&mut self, count: usize, engine: Option<&Engine>) -> Outcome<Vec<String>> {
        // Ports that are not needed after all are given back.
        let mut lease = Lease::new();
        let nodes = self.fleet.plan.grow(count, engine, || lease.take())?;
        self.lease.absorb(lease);
        let names: Vec<String> = nodes.iter().map(|node| node.name.clone()).collect();
        for node in nodes {
            if let Err(failure) = self.fleet.add(node).await {
                self.fleet.remove(&names).await;
                return Err(failure);
            }
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
                end: self.fleet.end_of(&node.name),
            })
            .collect()
    }

    /// Keeps the record's list of processes current: after a crash `gc` ends what is left of them.
    fn note_processes(&mut self) -> Outcome<()> {
        self.record.processes = self.fleet.pids().into_iter().filter_map(ProcessMark::of).collect();
        self.session.write(&self.record)
    }

    /// Takes down what did not get ready, and keeps the logs.
    async fn end_failed(&mut self) -> Outcome<()> {
        self.fleet.events().emit(Event::Stopping { reason: "it did not get ready".into() });
        let plan = self.fleet.plan.clone();
        self.take_fleet_down().await;
        let are_kept = self.session.clear_but_logs(&plan)?;
        let logs = are_kept.then(|| self.session.failed_dir().display().to_string());
        self.fleet.events().emit(Event::Down { kept: None, logs });
        Ok(())
    }

    /// Ends all nodes; a further interrupt kills them.
    async fn take_fleet_down(&mut self) {
        self.record.stage = Stage::Stopping;
        // Where it cannot be written, other terminals see an older stage for the seconds that are left.
        let _ = self.note_processes();
        let interrupts = &mut self.interrupts;
        let hurry = async {
            interrupts.next().await;
        };
        self.fleet.down(hurry).await;
    }

    async fn end(&mut self, reason: &str) -> Outcome<()> {
        self.fleet.events().emit(Event::Stopping { reason: reason.into() });
        self.take_fleet_down().await;
        let keep = self.record.keep;
        self.session.clear(keep)?;
        let kept = keep.then(|| self.session.nodes_dir().display().to_string());
        self.fleet.events().emit(Event::Down { kept, logs: None });
        Ok(())
    }
}

/// Tells who asked for it how the end went, and lets the answer reach the other terminal before the process goes.
async fn answer_down(asked: Option<oneshot::Sender<Answer>>, ended: &Outcome<()>) {
    if let Some(asked) = asked {
        // The caller may no longer wait for the answer.
        let _ = asked.send(done(ended.clone()));
        tokio::time::sleep(WATCH).await;
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

fn signal(pid: Option<Pid>, signal: Signal) {
    if let Some(pid) = pid {
        // It may have ended this very moment. Its pid is not another's yet, because it has not been waited for.
        let _ = kill(pid, signal);
    }
}
