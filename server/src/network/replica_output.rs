//! What a replica's link gets behind its replies: a snapshot, then the stream from its offset on.

use std::fs::File;
use std::io::Read;
use std::task::{Context, Poll};

use crate::base::clock::now_ms;
use crate::dispatch::client::{Client, ClientFlags, Transfer};
use crate::dispatch::server::Server;
use crate::info::log::{Level, log};
use crate::replication::primary::PeerState;

/// Bytes of the stream copied out of the backlog at a time.
const STREAM_CHUNK: usize = 256 * 1024;
/// Bytes of a file read at a time.
const FILE_CHUNK: usize = 64 * 1024;

/// The state of a link's output.
#[derive(Default)]
pub struct ReplicaOutput {
    transfer: Option<Transfer>,
    /// The snapshot was handed to the socket: its link's state must move on.
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
    pub fn poll_snapshot(&mut self, context: &mut Context<'_>, output: &mut Vec<u8>) -> bool {
        match &mut self.transfer {
            None => false,
            Some(Transfer::Stream(receiver)) => match receiver.poll_recv(context) {
                Poll::Ready(Some(chunk)) => {
                    output.extend_from_slice(&chunk);
                    true
                }
                Poll::Ready(None) => {
                    self.transfer = None;
                    self.finished = Some(true);
                    false
                }
                Poll::Pending => false,
            },
            Some(Transfer::File(file)) => {
                if read_chunk(file, output) {
                    return true;
                }
                self.transfer = None;
                self.finished = Some(false);
                false
            }
        }
    }

    /// Takes over a new snapshot, moves the link's state on, copies the stream.
    pub fn refill(&mut self, server: &mut Server, client: &mut Client, output: &mut Vec<u8>, written: usize) {
        self.active = true;
        if let Some(transfer) = client.transfer.take() {
            self.transfer = Some(transfer);
        }
        if let Some(over_socket) = self.finished.take() {
            end_snapshot(server, client, over_socket);
        }
        self.more = false;
        let Some(peer) = &mut client.peer else { return };
        if peer.state != PeerState::Online || self.transfer.is_some() || output.len() > written {
            return;
        }
        while output.len() - written < STREAM_CHUNK {
            let part = server.replication.backlog.as_ref().and_then(|backlog| backlog.read(peer.cursor));
            let Some(part) = part else {
                log(Level::Warning, &format!("Replica {} is too far behind, closing its link", client.addr));
                client.flags.insert(ClientFlags::CLOSE_ASAP);
                client.signal.raise();
                return;
            };
            if part.is_empty() {
                return;
            }
            output.extend_from_slice(part);
            peer.cursor += part.len() as i64;
        }
        self.more = true;
    }
}

fn read_chunk(file: &mut File, output: &mut Vec<u8>) -> bool {
    let start = output.len();
    output.resize(start + FILE_CHUNK, 0);
    let count = file.read(&mut output[start..]).unwrap_or(0);
    output.truncate(start + count);
    count > 0
}

fn end_snapshot(server: &Server, client: &mut Client, over_socket: bool) {
    let Some(peer) = &mut client.peer else { return };
    peer.last_progress = now_ms();
    if peer.rdb_only {
        peer.state = PeerState::Finished;
        if !over_socket {
            client.flags.insert(ClientFlags::CLOSE_AFTER_REPLY);
        }
        return;
    }
    // Over a socket the end is told by a mark, so nothing may follow it before the replica acknowledged.
    peer.state = if over_socket && !peer.old_sync { PeerState::WaitAck } else { PeerState::Online };
    peer.ack_time = server.now;
    log(Level::Notice, &format!("Synchronization with replica {} succeeded", client.addr));
}
