//! What a replica's link gets after its replies: a snapshot, then the stream from its offset on.

use std::task::{Context, Poll};

use super::output::Output;
use crate::replication::{Fed, PeerInput};
use crate::server::client::{Client, Transfer};
use crate::server::state::Server;

/// How many bytes of the stream are copied out of the backlog at a time.
const STREAM_CHUNK: usize = 256 * 1024;

/// The state of a link's output.
#[derive(Default)]
pub struct ReplicaOutput {
    transfer: Option<Transfer>,
    /// Whether the snapshot was passed to the socket, of which the machine has still to be told.
    finished: bool,
    /// Whether there may be more of the stream than was copied.
    more: bool,
    active: bool,
}

impl ReplicaOutput {
    /// Whether this is a replica's link.
    pub fn is_active(&self) -> bool {
        self.active
    }

    /// Whether [`Self::refill`] should be called although the signal was not raised.
    pub fn wants_refill(&self) -> bool {
        self.more || self.finished
    }

    /// Moves the next part of a snapshot to `output`; true if there was one.
    pub fn poll_snapshot(&mut self, context: &mut Context<'_>, output: &mut Output) -> bool {
        let Some(transfer) = &mut self.transfer else { return false };
        match transfer.chunks.poll_recv(context) {
            Poll::Ready(Some(chunk)) => {
                output.append(&chunk);
                true
            }
            Poll::Ready(None) => {
                self.finished = true;
                self.transfer = None;
                false
            }
            Poll::Pending => false,
        }
    }

    /// Takes a new snapshot, advances the link's state, and copies the stream.
    pub fn refill(&mut self, server: &mut Server, client: &mut Client, output: &mut Output) {
        self.active = true;
        if let Some(transfer) = client.transfer.take() {
            self.transfer = Some(transfer);
        }
        if std::mem::take(&mut self.finished) {
            server.tell_of_replica(client, PeerInput::SnapshotSent);
        }
        self.more = false;
        if self.transfer.is_some() {
            return;
        }
        if !output.is_empty() {
            // The rest follows once the socket has accepted this.
            self.more = true;
            return;
        }
        let peer = client.id;
        let fed = server.replication.feed(peer, |part| {
            output.append(part);
            output.len() < STREAM_CHUNK
        });
        match fed {
            Fed::NotYet | Fed::All => {}
            Fed::Part => self.more = true,
            Fed::TooLate => server.with_replication(Some(client), |machine| machine.drop_lagging(peer)),
        }
    }
}
