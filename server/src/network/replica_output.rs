//! What a replica's link gets behind its replies: a snapshot, then the stream from its offset on.

use std::task::{Context, Poll};

use super::output::Output;
use crate::base::clock::now_ms;
use crate::dispatch::client::{Client, ClientFlags, Transfer};
use crate::dispatch::server::Server;
use crate::info::log::{Level, log};
use crate::replication::primary::PeerState;

/// Bytes of the stream copied out of the backlog at a time.
const STREAM_CHUNK: usize = 256 * 1024;

/// The state of a link's output.
#[derive(Default)]
pub struct ReplicaOutput {
    transfer: Option<Transfer>,
    /// The snapshot was handed to the socket: its link's state must move on. Whether its length had been announced.
    finished: Option<bool>,
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
        self.more || self.finished.is_some()
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
                self.finished = Some(transfer.length_announced);
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
        if let Some(length_announced) = self.finished.take() {
            end_snapshot(server, client, length_announced);
        }
        self.more = false;
        let Some(peer) = &mut client.peer else { return };
        if peer.state != PeerState::Online || self.transfer.is_some() {
            return;
        }
        if !output.is_empty() {
            // The rest follows when the socket has taken this.
            self.more = true;
            return;
        }
        while output.len() < STREAM_CHUNK {
            let part = server.replication.backlog.as_ref().and_then(|backlog| backlog.read(peer.cursor));
            let Some(part) = part else {
                log(Level::Warning, &format!("Replica {} is too far behind, closing its link", client.addr));
                client.flags.insert(ClientFlags::CLOSE_ASAP);
                client.signal.raise();
                return;
            };
            if part.is_empty() {
                peer.caught_up = true;
                return;
            }
            output.append(part);
            peer.cursor += part.len() as i64;
        }
        self.more = true;
    }
}

fn end_snapshot(server: &Server, client: &mut Client, length_announced: bool) {
    let Some(peer) = &mut client.peer else { return };
    peer.last_progress = now_ms();
    if peer.rdb_only {
        peer.state = PeerState::Finished;
        if length_announced {
            client.flags.insert(ClientFlags::CLOSE_AFTER_REPLY);
        }
        return;
    }
    // Without a length the end is told by a mark, so nothing may follow it before the replica acknowledged.
    peer.state = if length_announced || peer.old_sync { PeerState::Online } else { PeerState::WaitAck };
    peer.ack_time = server.now;
    log(Level::Notice, &format!("Synchronization with replica {} succeeded", client.addr));
}
