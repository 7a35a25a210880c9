//! One connection of the bus: packets out, packets in, both at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc::UnboundedReceiver;

use super::{Shared, address, feed};
use crate::cluster::message::{PREFIX_LENGTH, packet_length};
use crate::cluster::{ConnId, Input};
use crate::config::file::os_text;
use crate::info::log::{Level, log};

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
    let source = shared.peek().config.bind_source_addr.to_string();
    let connected = tokio::select! {
        connected = open(&ip, port, &source) => connected,
        // Nothing is sent before the connection is there: it was given up.
        _ = outbox.recv() => return,
    };
    match connected {
        Ok(stream) => {
            feed(&shared, [Input::Connected(conn)]);
            serve(shared, conn, stream, outbox, waiting).await;
        }
        Err(error) => {
            let text = format!("Connection with Node at {ip}:{port} failed: {}", os_text(&error));
            log(Level::Debug, &text);
            lost(&shared, conn);
        }
    }
}

async fn open(ip: &str, port: u16, source: &str) -> io::Result<TcpStream> {
    let target = address(ip, port)?;
    let socket = if target.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if !source.is_empty() {
        socket.bind(address(source, 0)?)?;
    }
    socket.connect(target).await
}

fn lost(shared: &Shared, conn: ConnId) {
    shared.cluster.links.lock().remove(&conn);
    feed(shared, [Input::Lost(conn)]);
}

/// Passes packets on until either side ends the connection.
pub async fn serve(shared: Shared, conn: ConnId, stream: TcpStream, outbox: Outbox, waiting: Arc<AtomicUsize>) {
    // Options are hints: a peer that is gone already shows when it is read.
    let _ = stream.set_nodelay(true);
    let timeout = shared.peek().config.cluster_node_timeout;
    let alive = Duration::from_millis((timeout * 2).max(1_000));
    let probe = TcpKeepalive::new().with_time(alive).with_interval((alive / 3).max(Duration::from_secs(1)));
    let _ = SockRef::from(&stream).set_tcp_keepalive(&probe);
    if let Err(error) = talk(&shared, conn, stream, outbox, &waiting).await {
        log(Level::Debug, &format!("I/O error reading from node link: {}", os_text(&error)));
        lost(&shared, conn);
    }
}

/// Ends well where the machine closed the connection.
async fn talk(
    shared: &Shared,
    conn: ConnId,
    mut stream: TcpStream,
    mut outbox: Outbox,
    waiting: &AtomicUsize,
) -> io::Result<()> {
    let (mut reader, mut writer) = stream.split();
    let (mut input, mut output, mut written) = (Vec::new(), Vec::new(), 0);
    loop {
        tokio::select! {
            read = reader.read_buf(&mut input) => {
                if read? == 0 {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "connection closed"));
                }
                let packets = packets(conn, &mut input)?;
                if !packets.is_empty() {
                    feed(shared, packets);
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
