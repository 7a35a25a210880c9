//! `runner env`: a running topology as environment variables.

use super::say;
use crate::failure::Outcome;
use crate::name::TopologyName;
use crate::plan::{NodePlan, Plan, Role};
use crate::state::Session;
use clap::Args;

/// Prints the addresses of a running topology as shell variables: `eval "$(runner env)"`.
#[derive(Debug, Args)]
pub struct Env {
    /// Which one, where several are up.
    #[arg(long)]
    name: Option<TopologyName>,
}

impl Env {
    pub(super) fn run(self) -> Outcome<u8> {
        let session = Session::find(self.name.as_ref())?;
        for (name, value) in variables(&session.read()?.plan) {
            say(format!("export {name}='{value}'"));
        }
        Ok(0)
    }
}

/// The variables, in the order of the topology.
pub(super) fn variables(plan: &Plan) -> Vec<(String, String)> {
    let mut variables = vec![("REDIS_TOPOLOGY".to_owned(), plan.name.to_string())];
    let url = |node: &NodePlan| match &node.password {
        Some(password) => format!("redis://:{password}@{}", node.announced()),
        None => format!("redis://{}", node.announced()),
    };
    if let Some(master) = plan.nodes.iter().find(|node| node.role == Role::Master) {
        variables.push(("REDIS_URL".into(), url(master)));
    }
    for node in &plan.nodes {
        let name = node.name.to_ascii_uppercase().replace('-', "_");
        variables.push((format!("REDIS_{name}_HOST"), node.announced().host));
        variables.push((format!("REDIS_{name}_PORT"), node.port.to_string()));
        variables.push((format!("REDIS_{name}_URL"), url(node)));
    }
    let sentinels: Vec<_> = plan.nodes.iter().filter(|node| !node.holds_data()).collect();
    if let Some(Role::Sentinel { monitor, .. }) = sentinels.first().map(|node| &node.role) {
        let addresses: Vec<String> = sentinels.iter().map(|node| node.announced().to_string()).collect();
        variables.push(("REDIS_SENTINELS".into(), addresses.join(",")));
        variables.push(("REDIS_SENTINEL_MASTER".into(), monitor.clone()));
    }
    let cluster: Vec<String> = plan.cluster_nodes().map(|node| node.announced().to_string()).collect();
    if !cluster.is_empty() {
        variables.push(("REDIS_CLUSTER".into(), cluster.join(",")));
    }
    variables
}
