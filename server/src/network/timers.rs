//! The server's clock: what happens without anybody asking.

use std::time::Duration;

use super::Shared;
use crate::base::clock::now_ms;

/// Ticks for ever.
pub async fn run(shared: Shared) {
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let mut server = shared.lock();
        server.begin_batch(now_ms());
        server.end_due_waits();
        server.end_batch();
    }
}
