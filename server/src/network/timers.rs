//! The server's timers: cron, deadlines and active expiry.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use super::Shared;
use crate::base::clock::{Millis, now_ms};
use crate::server::state::Server;

/// Ticks for ever: `hz` times a second, and when a client's wait times out.
pub async fn run(shared: Shared) -> Infallible {
    loop {
        let pause = {
            let server = shared.peek();
            let tick = server.time.last_cron() + i64::from(1000 / server.config.hz.max(1));
            let due = server.next_deadline().map_or(tick, |deadline| deadline.min(tick));
            let pause = (due - now_ms()).min(server.replication.pause().unwrap_or(Millis::MAX));
            Duration::from_millis(pause.max(1) as u64)
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shared.rearm.notified() => continue,
        }
        super::crash::tick();
        let mut server = shared.turn();
        server.end_due_waits();
        if server.replication.pause().is_some_and(|pause| pause <= 0) {
            server.tick_replication();
        }
        if server.time.cron_is_paused() || server.scripting.busy().is_some() {
            server.time.cron_ran();
        } else if server.time.now - server.time.last_cron() >= i64::from(1000 / server.config.hz.max(1)) {
            expire(&mut server);
            server.cron();
        }
    }
}

/// Retries requests that waited for the end of loading, because it has ended or takes too long.
pub(super) fn retry_postponed(server: &mut Server) {
    server.end_due_waits();
}

/// Records the progress of loading, for INFO and for clients that wait for its end.
pub(super) fn loading_goes_on(shared: &Shared, loaded: u64) {
    let mut server = shared.turn();
    server.persistence.loading_goes_on(loaded);
    if server.persistence.is_loading() {
        retry_postponed(&mut server);
    }
}

/// Active expiry may use a quarter of a tick, more with `active-expire-effort`.
fn expire(server: &mut Server) {
    let started = Instant::now();
    let effort = server.config.active_expire_effort.saturating_sub(1);
    let share = 25 + 2 * effort;
    let budget = Duration::from_micros(u64::from(1_000_000 / server.config.hz.max(1) * share / 100));
    server.expire_actively(|| started.elapsed() >= budget);
    server.stats.spent_on_expiry(started.elapsed().as_micros() as u64);
}
