//! The running nodes of one plan: started, stopped, paused, and taken down to the last process.

use crate::client::Client;
use crate::engine::RUNNER_PROGRAM;
use crate::events::{Event, Events};
use crate::failure::{Doing, Failure, Outcome};
use crate::faults::{Order, Proxies, Rule};
use crate::launch::{Launch, Process, descends_from, describe, signal_pid};
use crate::plan::{NodePlan, Plan};
use crate::pool::connect;
use crate::ports;
use nix::sys::signal::Signal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io::ErrorKind;
use std::time::Duration;
use tokio::time::timeout;

/// How long a node may take to end by itself before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// How long a node has to end before it is asked again: one that writes its first append-only file refuses, and forgets that
/// it was asked.
const ASK_AGAIN: Duration = Duration::from_millis(250);

/// What a node's process is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeState {
    /// The process runs.
    Running,
    /// It was stopped by SIGSTOP.
    Paused,
    /// It is not there.
    Ended,
    /// It is external: the runner only watches it.
    External,
}

/// What can be done to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// SIGKILL, to the whole group of processes.
    Kill,
    /// SIGTERM: it saves and leaves as configured.
    Stop,
    /// SIGSTOP: the node keeps its connections and does not answer.
    Pause,
    /// SIGCONT, after a pause.
    Resume,
    /// Starts it again if it ended.
    Start,
    /// SIGTERM, then a start.
    Restart,
}

impl Action {
    /// The word for the action on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Action::Kill => "kill",
            Action::Stop => "stop",
            Action::Pause => "pause",
            Action::Resume => "resume",
            Action::Start => "start",
            Action::Restart => "restart",
        }
    }
}

#[derive(Debug)]
struct Member {
    server: Server,
    paused: bool,
    // The end of a process is reported once, and as unexpected unless it was asked for.
    asked_to_end: bool,
    reported: bool,
}

/// The running nodes of a plan.
#[derive(Debug)]
pub struct Fleet {
    /// The plan that its nodes follow.
    pub plan: Plan,
    events: Events,
    members: HashMap<String, Member>,
    cpu: Option<usize>,
    proxies: Option<Proxies>,
}

impl Fleet {
    /// A fleet of which nothing runs yet.
    pub fn new(plan: Plan, events: Events) -> Self {
        Self { plan, events, members: HashMap::new(), cpu: None, proxies: None }
    }

    /// Pins the nodes that start from now on to one CPU.
    #[must_use]
    pub fn pinned_to(mut self, cpu: Option<usize>) -> Self {
        self.cpu = cpu;
        self
    }

    /// The stream that it reports to.
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// Starts every node, or says which ports are not available, and who holds them.
    pub async fn start_all(&mut self) -> Outcome<()> {
        all_free(&self.plan)?;
        self.make_certificates()?;
        self.proxies = Some(Proxies::start(&self.plan, self.events.clone()).await?);
        let ours = self.plan.nodes.iter().filter(|node| !node.is_external());
        let names: Vec<String> = ours.map(|node| node.name.clone()).collect();
        for name in names {
            self.start(&name).await?;
        }
        Ok(())
    }

    /// Starts one node. Its configuration file is written where there is none yet: a node that rewrote it keeps its own.
    pub async fn start(&mut self, name: &str) -> Outcome<()> {
        let node = self.node(name)?.clone();
        if self.state(name) != NodeState::Ended {
            return Err(Failure::failed(format!("{name} is already running")));
        }
        self.make_certificates()?;
        std::fs::create_dir_all(&node.dir).doing(|| format!("create {}", node.dir.display()))?;
        let file = node.dir.join(&node.config_file);
        if !file.exists() {
            std::fs::write(&file, &node.config).doing(|| format!("write {}", file.display()))?;
        }
        let (program, mut arguments) = node.engine.command().map_err(|error| {
            Failure::failed(format!("cannot start {}: {error}", node.name)).hint(format!(
                "`cargo install --path runner` puts one on PATH; {RUNNER_PROGRAM}=/path/to/runner names one; \
                 the engine `redis` needs none"
            ))
        })?;
        arguments.extend(node.command_line().into_iter().map(Into::into));
        let launch =
            Launch { program: program.clone(), arguments, dir: node.dir.clone(), log: node.log(), cpu: self.cpu };
        let process = Process::start(launch).map_err(|error| {
            let failure = Failure::failed(format!("cannot start {}: {error}", program.display()));
            match node.engine.is_installed() {
                true => failure,
                false => failure.hint(format!("the engine `{}` is not installed here", node.engine)),
            }
        })?;
        self.events.emit(Event::Started {
            node: node.name.clone(),
            role: node.role.word().into(),
            engine: node.engine.to_string(),
            port: node.port,
            pid: process.pid(),
        });
        let server = Server { process, port: node.port };
        let member = Member { server, paused: false, asked_to_end: false, reported: false };
        self.members.insert(node.name, member);
        Ok(())
    }

    /// Makes the certificates of a topology with TLS, unless they are there.
    fn make_certificates(&self) -> Outcome<()> {
        let Some(certificates) = &self.plan.certificates else { return Ok(()) };
        let announced = self.plan.nodes.iter().map(|node| node.announced().host);
        let mut hosts: Vec<String> = ["localhost".into(), "127.0.0.1".into()].into_iter().chain(announced).collect();
        hosts.sort();
        hosts.dedup();
        certificates.make(&hosts)
    }

    /// Takes a node into the plan and starts it.
    pub async fn add(&mut self, node: NodePlan) -> Outcome<()> {
        if let Some(proxies) = &mut self.proxies {
            proxies.add(&node).await?;
        }
        let name = node.name.clone();
        self.plan.nodes.push(node);
        self.start(&name).await
    }

    /// Ends nodes, all at the same time, and removes them from the plan and their files from the disk.
    pub async fn remove(&mut self, names: &[String]) {
        let leaving = self.members.iter_mut().filter(|(name, _)| names.contains(name));
        let servers: Vec<Server> = leaving
            .map(|(_, member)| {
                member.asked_to_end = true;
                member.server.clone()
            })
            .collect();
        // A node that does not end in time is killed below.
        let _ = timeout(GRACE, ask_to_end(servers)).await;
        for name in names {
            self.end(name, Signal::SIGTERM).await;
            self.members.remove(name);
            if let Some(node) = self.plan.node(name) {
                // The user can copy the data before; what cannot be removed now goes with the topology's directory.
                let _ = std::fs::remove_dir_all(&node.dir);
            }
        }
        self.plan.nodes.retain(|node| !names.contains(&node.name));
    }

    /// Does something to a node and waits until it is done.
    pub async fn act(&mut self, name: &str, action: Action) -> Outcome<()> {
        self.node(name)?.must_be_ours()?;
        let needs_process = !matches!(action, Action::Start | Action::Restart);
        if needs_process && self.state(name) == NodeState::Ended {
            return Err(Failure::failed(format!("{name} is not running"))
                .hint(format!("`runner restart {name}` starts it again")));
        }
        self.events.emit(Event::Acted { node: name.into(), action: action.word().into() });
        match action {
            Action::Kill => self.end(name, Signal::SIGKILL).await,
            Action::Stop => self.end(name, Signal::SIGTERM).await,
            Action::Pause => self.pause(name, true),
            Action::Resume => self.pause(name, false),
            Action::Start => return self.start(name).await,
            Action::Restart => {
                self.end(name, Signal::SIGTERM).await;
                return self.start(name).await;
            }
        }
        Ok(())
    }

    /// Makes or heals a network fault; the faults that there are then.
    pub fn fault(&mut self, order: Order) -> Outcome<Vec<Rule>> {
        let Some(proxies) = &mut self.proxies else {
            return Err(Failure::failed("nothing runs yet"));
        };
        let changes = order != Order::List;
        let rules = proxies.obey(&self.plan, order)?;
        if changes {
            let shown = rules.iter().map(Rule::to_string).collect();
            self.events.emit(Event::Faults { rules: shown });
        }
        Ok(rules)
    }

    /// What a node's process does.
    pub fn state(&self, name: &str) -> NodeState {
        match self.members.get(name) {
            None if self.plan.node(name).is_some_and(NodePlan::is_external) => NodeState::External,
            None => NodeState::Ended,
            Some(member) if member.server.process.ended().is_some() => NodeState::Ended,
            Some(member) if member.paused => NodeState::Paused,
            Some(_) => NodeState::Running,
        }
    }

    /// A node's process id while it runs.
    pub fn pid(&self, name: &str) -> Option<u32> {
        let member = self.members.get(name)?;
        member.server.process.ended().is_none().then(|| member.server.process.pid())
    }

    /// How a node's process ended, if it was started and did.
    pub fn end_of(&self, name: &str) -> Option<String> {
        self.members.get(name)?.server.process.ended().map(describe)
    }

    /// The processes of the nodes: those that were started, and the servers that engine scripts started.
    pub fn pids(&self) -> Vec<u32> {
        let members = self.members.values().filter(|member| member.server.process.ended().is_none());
        members.flat_map(|member| [Some(member.server.process.pid()), member.server.descendant()]).flatten().collect()
    }

    /// Connects to a node, authenticated as its configuration demands.
    pub async fn connect(&self, name: &str, patience: Duration) -> Outcome<Client> {
        connect(self.node(name)?, patience).await
    }

    /// Reports processes that ended without being asked to; returns the first such node and how it ended.
    pub fn unexpected_end(&mut self) -> Option<(String, String)> {
        let mut first = None;
        for (name, member) in &mut self.members {
            let Some(status) = member.server.process.ended() else {
                continue;
            };
            if member.asked_to_end {
                continue;
            }
            let how = describe(status);
            if !member.reported {
                member.reported = true;
                self.events.emit(Event::Ended { node: name.clone(), how: how.clone(), expected: false });
            }
            first.get_or_insert((name.clone(), how));
        }
        first
    }

    /// Takes all nodes down: SIGTERM to all, and SIGKILL to what is left after a grace period or when `hurry` is done.
    pub async fn down(&mut self, hurry: impl Future<Output = ()>) {
        for member in self.members.values_mut() {
            member.asked_to_end = true;
        }
        let servers: Vec<Server> = self.members.values().map(|member| member.server.clone()).collect();
        tokio::select! {
            () = ask_to_end(servers) => {}
            () = hurry => {}
            () = tokio::time::sleep(GRACE) => {}
        }
        for (name, member) in &self.members {
            if member.server.process.ended().is_none() {
                self.events.emit(Event::Killing { node: name.clone() });
                member.server.process.kill_group();
                member.server.process.wait().await;
            }
        }
        self.members.clear();
        if let Some(proxies) = self.proxies.take() {
            proxies.stop().await;
        }
    }

    fn node(&self, name: &str) -> Outcome<&NodePlan> {
        self.plan.node(name).ok_or_else(|| Failure::bad_input(format!("there is no node `{name}`")))
    }

    async fn end(&mut self, name: &str, signal: Signal) {
        let Some(member) = self.members.get_mut(name) else {
            return;
        };
        member.asked_to_end = true;
        let server = member.server.clone();
        let process = server.process.clone();
        let ended = match signal {
            Signal::SIGKILL => {
                process.kill_group();
                process.wait().await;
                Ok(())
            }
            _ => timeout(GRACE * 3, ask_to_end(vec![server])).await,
        };
        if ended.is_err() {
            self.events.emit(Event::Killing { node: name.into() });
            process.kill_group();
            process.wait().await;
        }
        let how = process.ended().map(describe).unwrap_or_default();
        self.events.emit(Event::Ended { node: name.into(), how, expected: true });
    }

    fn pause(&mut self, name: &str, pause: bool) {
        if let Some(member) = self.members.get_mut(name) {
            member.server.signal(if pause { Signal::SIGSTOP } else { Signal::SIGCONT });
            member.paused = pause;
        }
    }
}

/// A fleet that is dropped, by a panicking test for example, leaves no process behind.
impl Drop for Fleet {
    fn drop(&mut self) {
        for member in self.members.values() {
            member.server.process.kill_group();
        }
    }
}

/// A node's process and where it listens.
#[derive(Debug, Clone)]
struct Server {
    process: Process,
    port: u16,
}

impl Server {
    /// Sends a signal to the server: the process that was started, or the descendant of it that listens on the port where an
    /// engine is a script that does not `exec`. The script would die of SIGTERM and leave its server behind.
    fn signal(&self, signal: Signal) {
        if self.process.ended().is_some() {
            return;
        }
        match self.descendant() {
            Some(pid) => signal_pid(pid, signal),
            None => self.process.signal(signal),
        }
    }

    /// The process that listens on the node's port, where it is not the one that was started.
    fn descendant(&self) -> Option<u32> {
        let started = self.process.pid();
        ports::listener(self.port).filter(|&pid| pid != started && descends_from(pid, started))
    }
}

/// Asks servers to end by SIGTERM, again and again, until they do.
async fn ask_to_end(mut servers: Vec<Server>) {
    while !servers.is_empty() {
        for server in &servers {
            server.signal(Signal::SIGTERM);
            // A stopped process takes no SIGTERM before it goes on.
            server.signal(Signal::SIGCONT);
        }
        let all_ended = async {
            for server in &servers {
                server.process.wait().await;
            }
        };
        let _ = timeout(ASK_AGAIN, all_ended).await;
        servers.retain(|server| server.process.ended().is_none());
    }
}

/// Reports all ports that are not available together, so that a user need not find them one by one.
fn all_free(plan: &Plan) -> Outcome<()> {
    let mut found = Vec::new();
    let (mut is_denied, mut is_held) = (false, false);
    for node in plan.nodes.iter().filter(|node| !node.is_external()) {
        for (port, what) in [(Some(node.port), "port"), (node.plain_port, "plain port"), (node.bus_port, "bus port")] {
            let Some((port, error)) = port.and_then(|port| Some((port, ports::try_to_bind(port).err()?))) else {
                continue;
            };
            is_denied |= error.kind() == ErrorKind::PermissionDenied;
            is_held |= error.kind() == ErrorKind::AddrInUse;
            found.push(format!("{what} {port} of {} {}", node.name, why_not(port, &error)));
        }
    }
    let hint = match (is_denied, is_held) {
        (true, false) => {
            "ports below 1024 need privileges: choose others, or move the topology aside with --port-offset 8000"
        }
        (true, true) => {
            "ports below 1024 need privileges, and the others are in use: move the topology aside with --port-offset 8000"
        }
        (false, _) => "end those processes, or move the topology aside with --port-offset 1000",
    };
    match found.as_slice() {
        [] => Ok(()),
        [one] => Err(Failure::failed(one.clone()).hint(hint)),
        several => Err(Failure::failed(format!("{} ports are not available", several.len()))
            .detail(several.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n"))
            .hint(hint)),
    }
}

/// Why a port cannot be listened on.
fn why_not(port: u16, error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::PermissionDenied => format!("is not for this user: {error}"),
        ErrorKind::AddrInUse => match ports::holder(port) {
            Some(holder) => format!("is held by {holder}"),
            None => "is in use by a process that cannot be seen from here".into(),
        },
        _ => format!("cannot be listened on: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_needs_privileges_is_not_reported_as_held_by_a_process() {
        let denied = why_not(80, &ErrorKind::PermissionDenied.into());
        assert!(denied.starts_with("is not for this user") && !denied.contains("held"), "{denied}");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let held = why_not(port, &ErrorKind::AddrInUse.into());
        assert!(held.starts_with(&format!("is held by pid {}", std::process::id())), "{held}");
        let other = why_not(port, &ErrorKind::AddrNotAvailable.into());
        assert!(other.starts_with("cannot be listened on"), "{other}");
    }
}
