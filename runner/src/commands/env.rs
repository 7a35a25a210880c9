//! `runner env`: a running topology as environment variables.

use super::say;
use crate::failure::Outcome;
use crate::plan::{Plan, Role};
use crate::state::Session;
use clap::Args;

/// Prints the addresses of a running topology as shell variables: `eval "$(runner env)"`.
#[derive(Debug, Args)]
pub struct Env {
    /// Which one, where several are up.
    #[arg(long)]
    name: Option<String>,
}

impl Env {
    pub(super) fn run(self) -> Outcome<u8> {
        let session = Session::find(self.name.as_deref())?;
        for (name, value) in variables(&session.read()?.plan) {
            say(format!("export {name}='{value}'"));
        }
        Ok(0)
    }
}

/// The variables, in the order of the topology.
pub(super) fn variables(plan: &Plan) -> Vec<(String, String)> {
    let mut variables = vec![("REDIS_TOPOLOGY".to_owned(), plan.name.clone())];
    let url = |port: u16, password: Option<&String>| match password {
        Some(password) => format!("redis://:{password}@127.0.0.1:{port}"),
        None => format!("redis://127.0.0.1:{port}"),
    };
    if let Some(master) = plan.nodes.iter().find(|node| node.role == Role::Master) {
        variables.push(("REDIS_URL".into(), url(master.port, master.password.as_ref())));
    }
    for node in &plan.nodes {
        let name = node.name.to_ascii_uppercase().replace('-', "_");
        variables.push((format!("REDIS_{name}_HOST"), "127.0.0.1".into()));
        variables.push((format!("REDIS_{name}_PORT"), node.port.to_string()));
        variables.push((format!("REDIS_{name}_URL"), url(node.port, node.password.as_ref())));
    }
    let sentinels: Vec<_> = plan.nodes.iter().filter(|node| !node.holds_data()).collect();
    if let Some(Role::Sentinel { monitor, .. }) = sentinels.first().map(|node| &node.role) {
        let addresses: Vec<String> = sentinels.iter().map(|node| node.address().to_string()).collect();
        variables.push(("REDIS_SENTINELS".into(), addresses.join(",")));
        variables.push(("REDIS_SENTINEL_MASTER".into(), monitor.clone()));
    }
    let cluster: Vec<String> = plan.cluster_nodes().map(|node| node.address().to_string()).collect();
    if !cluster.is_empty() {
        variables.push(("REDIS_CLUSTER".into(), cluster.join(",")));
    }
    variables
}
