//! A connection: two pipes that keep the order of their bytes, and hold only so many.

use std::collections::VecDeque;

/// One direction of a connection.
#[derive(Debug, Default)]
pub struct Pipe {
    /// What waits for room, at the sender's.
    pub out: Vec<u8>,
    /// What is on its way: when it arrives at the earliest. No bytes: the sender closed its end.
    on_the_way: VecDeque<(i64, Vec<u8>)>,
    in_flight: usize,
    capacity: usize,
    closed: bool,
    /// Bytes that it has taken.
    pub sent: u64,
}

impl Pipe {
    pub fn new(capacity: usize) -> Self {
        Self { capacity, ..Self::default() }
    }

    /// Moves on what there is room for; when it arrives. `None`: nothing moved.
    pub fn push(&mut self, now: i64, delay: i64) -> Option<i64> {
        let room = (self.capacity - self.in_flight).min(self.out.len());
        (room > 0).then(|| {
            let part = self.out.drain(..room).collect();
            self.in_flight += room;
            self.sent += room as u64;
            self.enqueue(now + delay, part)
        })
    }

    /// The sender closes its end, and nothing follows what it sent; when that is seen.
    pub fn close(&mut self, now: i64, delay: i64) -> Option<i64> {
        if std::mem::replace(&mut self.closed, true) {
            return None;
        }
        self.out.clear();
        Some(self.enqueue(now + delay, Vec::new()))
    }

    fn enqueue(&mut self, time: i64, part: Vec<u8>) -> i64 {
        let time = self.on_the_way.back().map_or(time, |(last, _)| time.max(*last));
        self.on_the_way.push_back((time, part));
        time
    }

    /// The next part that has arrived by now; empty: the other end is closed.
    pub fn pop(&mut self, now: i64) -> Option<Vec<u8>> {
        let part = self.on_the_way.pop_front_if(|(time, _)| *time <= now)?.1;
        self.in_flight -= part.len();
        Some(part)
    }

    /// Everything that was given has left.
    pub fn is_drained(&self) -> bool {
        self.out.is_empty()
    }
}

/// A connection from a replica to its primary.
#[derive(Debug)]
pub struct Conn {
    pub from: usize,
    pub to: usize,
    /// Which lives of the two processes it belongs to.
    pub lives: (u64, u64),
    /// The machine's name for it at the replica, and the number of its session at the primary.
    pub link: server::replication::LinkId,
    pub session: server::replication::PeerId,
    /// To the primary, and from it.
    pub up: Pipe,
    pub down: Pipe,
}
