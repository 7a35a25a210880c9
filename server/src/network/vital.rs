//! Tasks without which the server would keep its port but no longer work.

use std::convert::Infallible;

use crate::base::log::{Level, log};

/// Runs a task that must never end. If it does, the process ends, too.
pub fn spawn_vital(name: &'static str, task: impl Future<Output = Infallible> + Send + 'static) {
    let task = tokio::spawn(task);
    tokio::spawn(async move {
        let Err(lost) = task.await;
        // At shutdown the runtime ends all of them.
        if !lost.is_cancelled() {
            log(Level::Warning, &format!("The task of the {name} ended unexpectedly ({lost}). Exiting."));
            std::process::abort();
        }
    });
}
