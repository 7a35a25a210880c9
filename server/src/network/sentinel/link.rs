//! One connection to a monitored instance: sending commands and receiving replies.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc::UnboundedReceiver;

use super::{Shared, names};
use crate::config::file::os_text;
use crate::network::dial::{Socket, connect, secure};
use crate::network::machines::feed;
use crate::resp::Value;
use crate::sentinel::Sentinel;
use crate::sentinel::{ConnId, Input};

/// The longest reply that is accepted, in bytes.
const LONGEST_REPLY: usize = 1 << 20;

/// Connects, and passes commands and replies on until either side ends the connection.
pub async fn run(shared: Shared, conn: ConnId, host: String, port: u16, mut outbox: UnboundedReceiver<Vec<u8>>) {
    let Err(error) = talk(&shared, conn, &host, port, &mut outbox).await else { return };
    shared.sentinel.links.lock().remove(&conn);
    feed::<Sentinel>(&shared, [Input::Lost { conn, reason: os_text(&error) }]);
}

/// Returns `Ok` if the machine closed the connection.
async fn talk(
    shared: &Shared,
    conn: ConnId,
    host: &str,
    port: u16,
    outbox: &mut UnboundedReceiver<Vec<u8>>,
) -> io::Result<()> {
    let (mut stream, local, peer) = tokio::select! {
        opened = open(shared, host, port) => opened?,
        // Nothing is sent before the connection is open, so the machine has dropped it.
        _ = outbox.recv() => return Ok(()),
    };
    feed::<Sentinel>(shared, [Input::Connected { conn, local, peer }]);
    let mut input = Vec::new();
    loop {
        tokio::select! {
            read = stream.read_buf(&mut input) => {
                if read? == 0 {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "Server closed the connection"));
                }
                let replies = replies(&mut input)?.into_iter().map(|value| Input::Reply { conn, value });
                let inputs: Vec<Input> = replies.collect();
                if !inputs.is_empty() {
                    names::look_up(shared, &inputs).await;
                    feed::<Sentinel>(shared, inputs);
                }
            }
            sent = outbox.recv() => match sent {
                Some(bytes) => write(&mut *stream, bytes, outbox).await?,
                None => return Ok(()),
            },
        }
    }
}

/// Opens a connection, inside TLS if `tls-replication` says so. Also returns our address and the instance's.
async fn open(shared: &Shared, host: &str, port: u16) -> io::Result<(Box<dyn Socket>, String, String)> {
    let stream = connect(shared, host, port).await?;
    stream.set_nodelay(true)?;
    let (local, peer) = (stream.local_addr()?.ip(), stream.peer_addr()?.ip());
    let wanted = shared.peek().config.tls_replication;
    let stream = secure(shared, stream, wanted).await?;
    Ok((stream, local.to_canonical().to_string(), peer.to_canonical().to_string()))
}

/// Writes all queued commands at once.
async fn write(stream: &mut dyn Socket, mut bytes: Vec<u8>, outbox: &mut UnboundedReceiver<Vec<u8>>) -> io::Result<()> {
    while let Ok(more) = outbox.try_recv() {
        bytes.extend_from_slice(&more);
    }
    stream.write_all(&bytes).await
}

/// Takes all complete replies out of the input.
fn replies(input: &mut Vec<u8>) -> io::Result<Vec<Value>> {
    let mut found = Vec::new();
    let mut used = 0;
    while let Some((value, length)) = Value::parse(&input[used..]).map_err(io::Error::other)? {
        found.push(value);
        used += length;
    }
    input.drain(..used);
    if input.len() > LONGEST_REPLY {
        return Err(io::Error::other("a reply that is too long"));
    }
    Ok(found)
}
