//! Resolving host names for the machine before they are passed to it.

use std::time::Duration;

use tokio::task::JoinSet;

use super::Shared;
use crate::commands::sentinel::not_resolved;
use crate::sentinel::Input;

/// How long a lookup may take. The link that the name came from cannot answer PING in the meantime.
const PATIENCE: Duration = Duration::from_millis(500);

/// Resolves the host names in inputs. Only the link that the inputs came from waits.
pub async fn look_up(shared: &Shared, inputs: &[Input]) {
    let mut lookups = JoinSet::new();
    for name in names_in(shared, inputs) {
        lookups.spawn(async move {
            let found = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((name.as_str(), 0))).await;
            let found = found.ok().and_then(Result::ok).and_then(|mut found| found.next());
            let ip = found.map_or_else(|| not_resolved(&name), |found| Some(found.ip().to_string()));
            (name, ip)
        });
    }
    while let Some(found) = lookups.join_next().await {
        if let (Ok((name, ip)), Some(mode)) = (found, shared.turn().mode.sentinel_mut()) {
            mode.learn(&name, ip);
        }
    }
}

fn names_in(shared: &Shared, inputs: &[Input]) -> Vec<String> {
    let server = shared.peek();
    let Some(mode) = server.mode.sentinel() else { return Vec::new() };
    let mut names: Vec<String> = inputs.iter().flat_map(|input| mode.names_in(input)).collect();
    names.sort_unstable();
    names.dedup();
    names
}
