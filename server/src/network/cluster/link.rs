//! One connection of the bus: sending and receiving packets at the same time.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, split};
use tokio::sync::mpsc::UnboundedReceiver;

use super::Shared;
use crate::base::log::{Level, log};
use crate::cluster::message::{PREFIX_LENGTH, packet_length};
use crate::cluster::{Cluster, ConnId, Input};
use crate::config::file::os_text;
use crate::network::dial::{Options, Socket, dial};
use crate::network::machines::feed;

type Outbox = UnboundedReceiver<Arc<Vec<u8>>>;

/// Connects to a node, and serves the connection.
pub async fn connect(
    shared: Shared,
    conn: ConnId,
    ip: String,
    port: u16,
    mut outbox: Outbox,
    waiting: Arc<AtomicUsize>,
) {
    let options = options(&shared);
    let connected = tokio::select! {
        connected = dial(&shared, &ip, port, &options) => connected,
        // Nothing is sent before the connection is open, so the machine has dropped it.
        _ = outbox.recv() => return,
    };
    match connected {
        Ok(dialed) => {
            feed::<Cluster>(&shared, [Input::Connected(conn)]);
            serve(shared, conn, dialed.stream, outbox, waiting).await;
        }
        Err(error) => {
            let text = format!("Connection with Node at {ip}:{port} failed: {}", os_text(&error));
            log(Level::Debug, &text);
            lost(&shared, conn);
        }
    }
}

/// The socket options of the bus: a peer that has vanished is noticed within two node time-outs.
pub(super) fn options(shared: &Shared) -> Options {
    let (timeout, secure) = {
        let config = &shared.peek().config;
        (config.cluster_node_timeout, config.tls_cluster)
    };
    Options { secure, nodelay: true, keep_alive: Some(Duration::from_millis((timeout * 2).max(1_000))) }
}

fn lost(shared: &Shared, conn: ConnId) {
    shared.cluster.links.lock().remove(&conn);
    feed::<Cluster>(shared, [Input::Lost(conn)]);
}

/// Passes packets on until either side ends the connection.
pub async fn serve(shared: Shared, conn: ConnId, stream: Box<dyn Socket>, outbox: Outbox, waiting: Arc<AtomicUsize>) {
    if let Err(error) = talk(&shared, conn, stream, outbox, &waiting).await {
        log(Level::Debug, &format!("I/O error reading from node link: {}", os_text(&error)));
        lost(&shared, conn);
    }
}

/// Returns `Ok` if the machine closed the connection.
async fn talk(
    shared: &Shared,
    conn: ConnId,
    stream: Box<dyn Socket>,
    mut outbox: Outbox,
    waiting: &AtomicUsize,
) -> io::Result<()> {
    let (mut reader, mut writer) = split(stream);
    let (mut input, mut output, mut written) = (Vec::new(), Vec::new(), 0);
    loop {
        tokio::select! {
            read = reader.read_buf(&mut input) => {
                if read? == 0 {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "connection closed"));
                }
                let packets = packets(conn, &mut input)?;
                if !packets.is_empty() {
                    feed::<Cluster>(shared, packets);
                }
            }
            count = writer.write(&output[written..]), if written < output.len() => {
                let count = count?;
                waiting.fetch_sub(count, Ordering::Relaxed);
                written += count;
                if written == output.len() {
                    (output, written) = (Vec::new(), 0);
                }
            }
            packet = outbox.recv() => match packet {
                Some(packet) => {
                    output.extend_from_slice(&packet);
                    while let Ok(more) = outbox.try_recv() {
                        output.extend_from_slice(&more);
                    }
                }
                None => return Ok(()),
            },
        }
    }
}

/// Takes all complete packets out of the input.
fn packets(conn: ConnId, input: &mut Vec<u8>) -> io::Result<Vec<Input>> {
    let (mut found, mut used) = (Vec::new(), 0);
    while let Some(prefix) = input[used..].first_chunk::<PREFIX_LENGTH>() {
        let length = packet_length(prefix).map_err(|error| {
            log(Level::Warning, &error.to_string());
            io::Error::other(error)
        })?;
        let Some(packet) = input.get(used..used + length) else { break };
        found.push(Input::Packet { conn, bytes: Arc::new(packet.to_vec()) });
        used += length;
    }
    input.drain(..used);
    Ok(found)
}
