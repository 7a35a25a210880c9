//! Host names looked up for the machine, before it hears of them.

use std::time::Duration;

use super::Shared;
use crate::info::log::{Level, log};
use crate::sentinel::Input;

/// A name whose meaning takes longer to find means nothing: a link that waits answers no PING.
const PATIENCE: Duration = Duration::from_millis(500);

/// Looks up what inputs speak of. Only the link waits that brought them.
pub async fn look_up(shared: &Shared, inputs: &[Input]) {
    for name in names_in(shared, inputs) {
        let found = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((name.as_str(), 0))).await;
        let ip = found.ok().and_then(Result::ok).and_then(|mut found| found.next()).map(|found| found.ip().to_string());
        if ip.is_none() {
            log(Level::Warning, &format!("Failed to resolve hostname '{name}'"));
        }
        if let Some(mode) = &mut shared.lock().sentinel {
            mode.core.learn(&name, ip);
        }
    }
}

fn names_in(shared: &Shared, inputs: &[Input]) -> Vec<String> {
    let server = shared.lock();
    let Some(mode) = &server.sentinel else { return Vec::new() };
    let mut names: Vec<String> = inputs.iter().flat_map(|input| mode.core.names_in(input)).collect();
    names.sort_unstable();
    names.dedup();
    names
}
