//! Ending the process, by SHUTDOWN or a signal: waiting for lagging replicas, and saving the dataset.

use std::path::Path;

use crate::base::clock::Millis;
use crate::base::ids::ClientId;
use crate::base::log::{Level, log};
use crate::base::signals::set_ending;
use crate::persistence::aof::AofState;
use crate::replication::Peer;
use crate::server::client::{BlockKind, Unblock};
use crate::server::network::Order;
use crate::server::pauses::PausePurpose;
use crate::server::shutdown::ShutdownOptions;
use crate::server::state::Server;

impl Server {
    /// Requests a shutdown because of a signal. As in Redis, the cron begins it, without delay unless the cron is paused.
    pub fn request_shutdown(&mut self, options: ShutdownOptions) {
        set_ending(true);
        self.process.shutdown_mut().request(options);
        if !self.time.cron_is_paused() {
            self.begin_requested_shutdown();
        }
    }

    /// Begins the shutdown that a signal requested.
    pub(crate) fn begin_requested_shutdown(&mut self) {
        if let Some(options) = self.process.shutdown_mut().take_request() {
            self.begin_shutdown(options);
        }
    }

    /// Begins a shutdown. Returns false if it fails because the dataset could not be saved.
    pub fn begin_shutdown(&mut self, options: ShutdownOptions) -> bool {
        log(Level::Warning, "User requested shutdown...");
        let patience = i64::from(self.config.shutdown_timeout) * 1000;
        set_ending(true);
        self.process.shutdown_mut().begin(options);
        if !options.now && patience > 0 && self.lagging_replicas() > 0 {
            log(Level::Notice, "Waiting for replicas before shutting down.");
            self.process.shutdown_mut().wait_until(self.time.now + patience);
            // Writes are held back, so that replicas can catch up.
            self.pause_clients(PausePurpose::Shutdown, Millis::MAX, false);
            self.propagate_internal(&[b"REPLCONF", b"GETACK", b"*"]);
            return true;
        }
        self.finish_shutdown()
    }

    fn lagging_replicas(&self) -> usize {
        if self.replication.is_replica() {
            return 0;
        }
        let behind = |peer: &&Peer| peer.is_online() && peer.ack_offset() < self.replication.history().offset();
        self.replication.replicas().filter(behind).count()
    }

    /// Called on each tick while the shutdown waits for replicas.
    pub fn advance_shutdown(&mut self) {
        let deadline = self.process.shutdown().deadline();
        if deadline.is_some_and(|deadline| self.lagging_replicas() == 0 || self.time.now >= deadline) {
            self.finish_shutdown();
        }
    }

    /// Aborts a shutdown: SHUTDOWN ABORT. False if none is in progress.
    pub fn abort_shutdown(&mut self) -> bool {
        if !self.process.shutdown().is_pending() {
            return false;
        }
        self.call_shutdown_off();
        self.resume_clients(PausePurpose::Shutdown);
        log(Level::Notice, "Shutdown manually aborted.");
        self.reply_to_shutdown_requests();
        true
    }

    fn call_shutdown_off(&mut self) {
        set_ending(false);
        self.process.shutdown_mut().call_off();
    }

    /// Replies to the clients that requested a shutdown which was aborted.
    fn reply_to_shutdown_requests(&mut self) {
        let asked = |id: &ClientId| {
            let block = self.clients.by_id(*id).and_then(|client| client.block.as_ref());
            block.is_some_and(|block| matches!(block.kind, BlockKind::Shutdown))
        };
        let waiting: Vec<ClientId> = self.waiting.blocked().iter().filter(asked).collect();
        for id in waiting {
            self.unblock_by_id(id, Unblock::Error("ERR Errors trying to SHUTDOWN. Check logs.".into()));
        }
    }

    fn finish_shutdown(&mut self) -> bool {
        let ShutdownOptions { save, force, .. } = self.process.shutdown().options();
        self.report_lag();
        if self.keyspace.snapshot_runs() && !self.persistence.aof.rewrite().is_running() {
            log(Level::Warning, "There is a child saving an .rdb. Killing it!");
        }
        if self.persistence.aof.is_on() {
            if self.persistence.aof.state() == AofState::Starting {
                if !force {
                    log(Level::Warning, "Writing initial AOF, can't exit.");
                    return self.stay();
                }
                log(Level::Warning, "Writing initial AOF. Exiting anyway.");
            }
            if self.persistence.aof.rewrite().is_running() {
                log(Level::Warning, "There is a child rewriting the AOF. Killing it!");
            }
            log(Level::Notice, "Calling fsync() on the AOF file.");
            self.sync_aof();
        }
        // A Sentinel has no data.
        let wanted = !self.mode.is_sentinel() && save.unwrap_or(!self.config.save.0.is_empty());
        if wanted && !self.persistence.is_loading() {
            log(Level::Notice, "Saving the final RDB snapshot before exiting.");
            if self.save_now().is_err() && !force {
                log(Level::Warning, "Error trying to save the DB, can't exit.");
                return self.stay();
            }
        }
        self.process.shutdown_mut().finish();
        self.cancel_aof_rewrite();
        self.remove_unfinished_files();
        if !self.config.pidfile.is_empty() {
            log(Level::Notice, "Removing the pid file.");
            // It does not matter if the file no longer exists.
            let _ = std::fs::remove_file(self.config.pidfile.as_path());
        }
        if !self.config.unixsocket.is_empty() {
            log(Level::Notice, "Removing the unix socket file.");
            // The same applies to this file.
            let _ = std::fs::remove_file(self.config.unixsocket.as_path());
        }
        let who = if self.mode.is_sentinel() { "Sentinel" } else { "Redis" };
        log(Level::Warning, &format!("{who} is now ready to exit, bye bye..."));
        self.network.order(Order::Exit(0));
        true
    }

    /// Removes the files of snapshots that are being written and are no longer needed.
    fn remove_unfinished_files(&mut self) {
        self.give_up_snapshot();
        let pid = std::process::id();
        let starts = [format!("temp-{pid}-"), format!("temp-{pid}."), format!("temp-rewriteaof-bg-{pid}.")];
        for directory in [self.rdb_path().parent().map(Path::to_path_buf), Some(self.aof_directory())] {
            let entries = directory.and_then(|directory| std::fs::read_dir(directory).ok());
            for entry in entries.into_iter().flatten().flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                if starts.iter().any(|start| name.starts_with(start.as_str())) {
                    // The writer may have removed it by now.
                    let _ = std::fs::remove_file(entry.path());
                }
            }
        }
    }

    /// Aborts the shutdown after an error.
    fn stay(&mut self) -> bool {
        log(Level::Warning, "Errors trying to shut down the server. Check the logs for more information.");
        self.call_shutdown_off();
        self.resume_clients(PausePurpose::Shutdown);
        self.reply_to_shutdown_requests();
        false
    }

    fn report_lag(&self) {
        let online: Vec<&Peer> = self.replication.replicas().filter(|peer| peer.is_online()).collect();
        let mut in_sync = 0;
        for peer in &online {
            let behind = self.replication.history().offset() - peer.ack_offset();
            if behind == 0 {
                in_sync += 1;
                continue;
            }
            log(
                Level::Warning,
                &format!(
                    "Lagging replica {} reported offset {behind} behind master, lag={}, state=online.",
                    peer.addr(),
                    peer.lag_seconds(self.replication.now())
                ),
            );
        }
        if !online.is_empty() {
            log(Level::Notice, &format!("{in_sync} of {} replicas are in sync when shutting down.", online.len()));
        }
    }
}
