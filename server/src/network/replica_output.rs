//! What a replica's link gets behind its replies: a snapshot, then the stream from its offset on.

use std::task::{Context, Poll};

use super::output::Output;
use crate::replication::{Fed, PeerId, PeerInput};
use crate::server::client::{Client, Transfer};
use crate::server::state::Server;

/// Bytes of the stream copied out of the backlog at a time.
const STREAM_CHUNK: usize = 256 * 1024;

/// The state of a link's output.
#[derive(Default)]
pub struct ReplicaOutput {
    transfer: Option<Transfer>,
    /// The snapshot was handed to the socket: the machine must hear of it.
    finished: bool,
    /// More of the stream may be there than was copied.
    more: bool,
    active: bool,
}

impl ReplicaOutput {
    /// True for a replica's link.
    pub fn is_active(&self) -> bool {
        self.active
    }

    /// True where [`Self::refill`] should be called although nobody raised the signal.
    pub fn wants_refill(&self) -> bool {
        self.more || self.finished
    }

    /// Puts the next part of a snapshot into `output`; true where there is one.
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

    /// Takes over a new snapshot, moves the link's state on, copies the stream.
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
            // The rest follows when the socket has taken this.
            self.more = true;
            return;
        }
        let peer = PeerId(client.id);
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
