//! Driving replication's machine: providing the facts that it needs, and carrying out its effects on sessions and data.

use super::machines::Driven;
use crate::base::clock::Millis;
use crate::base::log::log;
use crate::base::machine::Machine;
use crate::replication::{DataEffect, Facts, Input, PeerEffect, PeerInput, Replication, SyncPlan};
use crate::server::client::{Client, ClientFlags};
use crate::server::driver::Driver;
use crate::server::network::Order;
use crate::server::pauses::PausePurpose;
use crate::server::state::Server;

/// The length of a pause without a fixed end, in milliseconds; small enough to compute with.
const UNTIL_TOLD: Millis = 1 << 40;

impl Driven for Replication {
    const ORDER: Order = Order::Replication;

    fn driver(server: &Server) -> Option<&Driver<Self>> {
        Some(&server.replication)
    }

    fn driver_mut(server: &mut Server) -> Option<&mut Driver<Self>> {
        Some(&mut server.replication)
    }

    fn facts(server: &Server) -> Facts {
        Facts {
            empty: server.keyspace.total_keys() == 0,
            snapshot_runs: server.is_saving(),
            loading: server.persistence.is_loading(),
            holds_stream: server.hands_slots_over(),
        }
    }

    fn carry_out(server: &mut Server, effect: DataEffect, current: Option<&mut Client>) {
        server.carry_out_on_data(effect, current);
    }
}

impl Server {
    /// Passes an input to replication's machine, and carries out its effects on sessions and data.
    pub fn tell_replication(&mut self, current: Option<&mut Client>, input: Input) {
        self.with_replication(current, |machine| machine.take(input));
    }

    /// Passes what happened on the link of the replica whose command runs.
    pub fn tell_of_replica(&mut self, current: &mut Client, input: PeerInput) {
        let peer = current.id;
        self.tell_replication(Some(current), Input::Peer(peer, input));
    }

    /// Runs the machine at the time that it asked for, after telling it which sockets accept their snapshots.
    pub fn tick_replication(&mut self) {
        let receives = self.replication.replicas().filter(|peer| peer.receives_snapshot());
        let progress: Vec<Input> = receives
            .filter_map(|peer| {
                let signal = &self.clients.by_id(peer.id())?.signal;
                let progress = PeerInput::Progress { sent: signal.sent(), waits: signal.unsent() > 0 };
                Some(Input::Peer(peer.id(), progress))
            })
            .collect();
        self.with_replication(None, |machine| {
            progress.into_iter().chain([Input::Tick]).for_each(|it| machine.take(it))
        });
    }

    /// Runs an operation of the machine, and carries out its effects on sessions and data; its effects on the network are
    /// carried out when the batch ends. `current` is the session whose command runs.
    pub fn with_replication<R>(&mut self, current: Option<&mut Client>, f: impl FnOnce(&mut Replication) -> R) -> R {
        self.drive(current, f).expect("every server has this machine")
    }

    fn carry_out_on_data(&mut self, effect: DataEffect, current: Option<&mut Client>) {
        match effect {
            DataEffect::Log { level, text } => log(level, &text),
            DataEffect::Peer(peer, effect) => {
                let current = current.filter(|client| client.id == peer);
                if let Some(client) = current.or_else(|| self.clients.by_id_mut(peer)) {
                    carry_out_on_session(client, effect);
                }
            }
            DataEffect::Demoted => {
                self.unblock_for_demotion();
                self.role_changed(b'S');
            }
            DataEffect::Promoted => self.role_changed(b'M'),
            DataEffect::Recording => self.refresh_listening(),
            DataEffect::BeginSnapshot(plan) => self.begin_snapshot_for_replicas(plan),
            DataEffect::Unwanted { in_file } => {
                // A snapshot in the file also counts as the save that the settings require.
                if !in_file || self.config.save.0.is_empty() {
                    self.give_up_snapshot();
                }
            }
            DataEffect::PauseWrites => self.pause_clients(PausePurpose::Failover, self.time.now + UNTIL_TOLD, false),
            DataEffect::ResumeWrites => self.resume_clients(PausePurpose::Failover),
        }
    }

    /// Carries out what every change of the role requires. `letter` stands for the role in log lines.
    fn role_changed(&mut self, letter: u8) {
        crate::base::log::set_role(letter);
        // A value that the kernel refuses has already been reported when it was set.
        let _ = self.adjust_oom_score();
        self.refresh_listening();
    }

    fn begin_snapshot_for_replicas(&mut self, plan: SyncPlan) {
        // The machine asks for this only if nothing else is being saved.
        self.begin_saving(!plan.without_keys);
        let mut header = self.snapshot_header();
        if plan.without_functions {
            header.functions.clear();
        }
        self.network.begin_snapshot(plan, header);
    }
}

fn carry_out_on_session(client: &mut Client, effect: PeerEffect) {
    match effect {
        PeerEffect::Send(bytes) => client.out.extend_from_slice(&bytes),
        PeerEffect::Wake => {}
        PeerEffect::Close => return client.close(),
        PeerEffect::CloseAfterReply => client.flags.insert(ClientFlags::CLOSE_AFTER_REPLY),
    }
    client.signal.raise();
}
