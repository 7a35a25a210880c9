//! A guard for the state of loading a dataset, so that clients no longer get `-LOADING` however loading ends.

use std::sync::Arc;

use super::Shared;
use crate::base::clock::now_ms;
use crate::base::signals;
use crate::persistence::state::Loading;
use crate::server::Server;

/// The server is loading for as long as this lives.
pub struct LoadingGuard {
    shared: Shared,
    /// What must follow the end of loading, in the same turn.
    afterwards: fn(&mut Server),
    ended: bool,
}

impl LoadingGuard {
    /// Begins loading in the caller's turn: `total` bytes, and whether old data are served in the meantime.
    pub fn begin(
        shared: &Shared,
        server: &mut Server,
        total: u64,
        serves_old_data: bool,
        afterwards: fn(&mut Server),
    ) -> Self {
        signals::set_loading(true);
        server.persistence.begin_loading(Loading::new(now_ms(), total, serves_old_data));
        Self { shared: Arc::clone(shared), afterwards, ended: false }
    }

    /// Ends loading in the caller's turn, in which the loaded data are installed.
    pub fn end(mut self, server: &mut Server) {
        self.end_in(server);
    }

    fn end_in(&mut self, server: &mut Server) {
        self.ended = true;
        signals::set_loading(false);
        server.persistence.end_loading();
        (self.afterwards)(server);
    }
}

impl Drop for LoadingGuard {
    fn drop(&mut self) {
        if !self.ended {
            let shared = Arc::clone(&self.shared);
            self.end_in(&mut shared.turn());
        }
    }
}
