//! A topology that is up for a test, and what can be done to it.

use crate::addresses::{master_now, url, variables};
use crate::bring_up::bring_up;
use crate::client::Reply;
use crate::events::Events;
use crate::failure::{Doing, Failure, Outcome};
use crate::fault_command::FaultCommand;
use crate::fleet::{Action, Fleet, NodeState};
use crate::plan::{Choices, NodePlan, Plan};
use crate::pool::{connect, connect_as_client};
use crate::ports::Lease;
use crate::probe::answers_at_all;
use crate::scenario::trust_a_busy_machine;
use crate::selectors::select;
use crate::timeline::observe::watch_node;
use crate::timeline::world::{Shared, World, hold};
use crate::topology::Topology;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// How long to wait between two looks at a node.
const PAUSE: Duration = Duration::from_millis(5);
/// How long a node may take to answer one command.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Stage {
    pub(super) plan: Plan,
    fleet: Mutex<Fleet>,
    wait: Duration,
    dir: Mutex<Option<TempDir>>,
    // The ports are ours until the end.
    _lease: Lease,
}

impl Stage {
    pub(super) async fn up(topology: &Topology, choices: &Choices, wait: Duration) -> Outcome<Self> {
        let dir = tempfile::Builder::new().prefix("runner-testing-").tempdir().doing(|| "create a directory".into())?;
        let mut lease = Lease::new();
        let plan = Plan::new(topology, choices, dir.path(), || lease.take())?;
        let mut fleet = Fleet::new(plan.clone(), Events::silent());
        if let Err(failure) = get_ready(&mut fleet, wait).await {
            fleet.down(std::future::ready(())).await;
            return Err(failure);
        }
        Ok(Self { plan, fleet: Mutex::new(fleet), wait, dir: Mutex::new(Some(dir)), _lease: lease })
    }

    pub(super) async fn select(&self, selector: &str) -> Outcome<&NodePlan> {
        select(&self.plan, selector).await
    }

    pub(super) async fn url(&self, selector: &str) -> Outcome<String> {
        self.select(selector).await.map(url)
    }

    pub(super) fn addresses(&self) -> Vec<(String, String)> {
        self.plan.nodes.iter().map(|node| (node.name.clone(), node.announced().to_string())).collect()
    }

    pub(super) async fn environment(&self) -> Vec<(String, String)> {
        let master = master_now(&self.plan).await;
        variables(&self.plan, master.or_else(|| self.plan.first_master()))
    }

    pub(super) async fn call(&self, selector: &str, words: &[String]) -> Outcome<Reply> {
        let node = self.select(selector).await?;
        let mut client = connect_as_client(node, PATIENCE).await?;
        client.call(words).await.doing(|| format!("call {}", node.name))
    }

    pub(super) async fn act(&self, selector: &str, action: Action) -> Outcome<()> {
        let node = self.select(selector).await?;
        self.fleet.lock().await.act(&node.name, action).await?;
        if matches!(action, Action::Start | Action::Restart) {
            answers_at_all(&self.plan, node, || async { Ok(self.fleet.lock().await.end_of(&node.name)) }).await?;
        }
        Ok(())
    }

    pub(super) async fn fault(&self, words: &str) -> Outcome<()> {
        let command: FaultCommand = words.parse().map_err(Failure::bad_input)?;
        let order = command.resolve(&self.plan).await?;
        self.fleet.lock().await.fault(order).map(drop)
    }

    /// Waits until all nodes that run agree about who leads.
    pub(super) async fn wait_agreed(&self) -> Outcome<()> {
        let world = World::new(self.plan.clone(), Vec::new());
        let mut observers = JoinSet::new();
        for node in &self.plan.nodes {
            observers.spawn(watch_node(world.clone(), self.plan.clone(), node.clone(), PAUSE));
        }
        let deadline = Instant::now() + self.wait;
        loop {
            let Some(found) = self.disagreement(&world).await? else {
                return Ok(());
            };
            if Instant::now() >= deadline {
                return Err(Failure::failed(format!("the nodes do not agree after {:?}: {found}", self.wait))
                    .hint("`wait` of the topology waits longer"));
            }
            sleep(PAUSE).await;
        }
    }

    async fn disagreement(&self, world: &Shared) -> Outcome<Option<String>> {
        let mut fleet = self.fleet.lock().await;
        if let Some((node, how)) = fleet.unexpected_end() {
            return Err(Failure::failed(format!("{node} {how}, which was not asked for")));
        }
        let world = hold(world);
        for node in &self.plan.nodes {
            let runs = matches!(fleet.state(&node.name), NodeState::Running | NodeState::External);
            match world.nodes.get(&node.name).map(|now| now.answers) {
                Some(true) if !runs => return Ok(Some(format!("{} is asked again", node.name))),
                Some(answers) if answers == runs => {}
                None if !runs => {}
                _ => return Ok(Some(format!("{} does not answer", node.name))),
            }
        }
        Ok(world.unsettled(false).or_else(|| world.leaderless()))
    }

    /// Ends all nodes and removes their files.
    pub(super) async fn down(&self) {
        self.fleet.lock().await.down(std::future::ready(())).await;
        if let Some(dir) = self.dir.lock().await.take() {
            // Somebody may have put files there that cannot be removed; the test's result is not about that.
            let _ = dir.close();
        }
    }
}

async fn get_ready(fleet: &mut Fleet, wait: Duration) -> Outcome<()> {
    fleet.start_all().await?;
    bring_up(fleet, wait).await?;
    for node in fleet.plan.nodes.iter().filter(|node| !node.holds_data()) {
        trust_a_busy_machine(node, &mut connect(node, PATIENCE).await?).await?;
    }
    Ok(())
}
