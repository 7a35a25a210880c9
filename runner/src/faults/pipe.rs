//! One direction of one connection: what arrives is stamped, queued, and leaves when the faults let it.

use super::rules::{Dice, Effect, Rules};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

/// How much is read at a time.
const CHUNK: usize = 16 * 1024;
/// How many chunks may be on their way; then the sender has to wait, as it would for an acknowledgement.
const QUEUE: usize = 64;

/// Bytes on their way; an end of the stream is empty.
type Parcel = (Instant, Vec<u8>);

/// The two ends of one direction, by name.
#[derive(Debug, Clone)]
pub(super) struct Direction {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) rules: watch::Receiver<Rules>,
}

impl Direction {
    pub(super) fn new(from: &str, to: &str, rules: watch::Receiver<Rules>) -> Self {
        Self { from: from.to_owned(), to: to.to_owned(), rules }
    }

    pub(super) fn effect(&mut self) -> Effect {
        self.rules.borrow_and_update().effect(&self.from, &self.to)
    }

    /// Waits until nothing is in the way.
    pub(super) async fn open(&mut self) {
        while self.effect().blocked {
            if self.rules.changed().await.is_err() {
                // The proxies are gone, and so is the topology.
                return std::future::pending().await;
            }
        }
    }
}

/// Reads until the end, into the queue. An error of the connection is an error here, and ends both directions.
pub(super) async fn read(mut stream: OwnedReadHalf, queue: mpsc::Sender<Parcel>) -> std::io::Result<()> {
    loop {
        let mut chunk = Vec::with_capacity(CHUNK);
        let length = stream.read_buf(&mut chunk).await?;
        if queue.send((Instant::now(), chunk)).await.is_err() || length == 0 {
            return Ok(());
        }
    }
}

/// Writes what is in the queue, when it may leave.
pub(super) async fn write(
    mut stream: OwnedWriteHalf,
    mut queue: mpsc::Receiver<Parcel>,
    mut direction: Direction,
) -> std::io::Result<()> {
    let mut dice = Dice::new();
    while let Some((stamp, bytes)) = queue.recv().await {
        let late = direction.effect().lateness(&mut dice);
        if !late.is_zero() {
            sleep_until(stamp + late).await;
        }
        direction.open().await;
        if bytes.is_empty() {
            return stream.shutdown().await;
        }
        stream.write_all(&bytes).await?;
        if let Some(rate) = direction.effect().rate {
            sleep(Duration::from_secs_f64(bytes.len() as f64 / rate as f64)).await;
        }
    }
    Ok(())
}

/// A queue of its size.
pub(super) fn queue() -> (mpsc::Sender<Parcel>, mpsc::Receiver<Parcel>) {
    mpsc::channel(QUEUE)
}
