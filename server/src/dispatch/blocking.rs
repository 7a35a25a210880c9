//! Clients that wait: for keys, for replicas, for the end of a pause. Fair by arrival.

use super::client::{Block, BlockKind, Client, ClientFlags, TimeoutReply, Unblock};
use super::error::CommandError;
use super::server::Server;
use crate::replication::primary::PeerState;
use crate::resp::Args;

impl Server {
    /// Makes a client wait. Its later requests stay in the read buffer.
    pub fn block(&mut self, client: &mut Client, mut block: Block, args: &Args<'_>) {
        block.request = args.to_owned_args();
        if matches!(block.kind, BlockKind::Keys(_)) {
            self.key_waiters += 1;
        }
        client.flags.insert(ClientFlags::BLOCKED);
        client.block = Some(Box::new(block));
        self.blocked.push(client.id);
        self.orders.push(super::server::Order::Rearm);
        self.refresh_watched();
    }

    /// Holds a request back until the pause ends.
    pub fn postpone(&mut self, client: &mut Client, args: &Args<'_>) {
        let block = Block {
            kind: BlockKind::Pause,
            deadline: None,
            timeout_reply: TimeoutReply::Nothing,
            request: Default::default(),
        };
        self.block(client, block, args);
    }

    /// Ends a client's wait; returns what it waited for.
    pub fn stop_waiting(&mut self, client: &mut Client) -> Option<Box<Block>> {
        let block = client.block.take()?;
        client.flags.remove(ClientFlags::BLOCKED);
        self.blocked.retain(|&id| id != client.id);
        if matches!(block.kind, BlockKind::Keys(_)) {
            self.key_waiters -= 1;
            self.refresh_watched();
        }
        Some(block)
    }

    /// Ends a client's wait from outside. The client's task goes on with its read buffer.
    pub fn unblock(&mut self, client: &mut Client, how: Unblock) {
        let Some(block) = self.stop_waiting(client) else { return };
        match how {
            Unblock::Timeout => match block.timeout_reply {
                TimeoutReply::Null => client.reply().null(),
                TimeoutReply::NullArray => client.reply().null_array(),
                TimeoutReply::Replicas => {
                    let BlockKind::Replicas { offset, .. } = block.kind else { return };
                    let count = self.replicas_at(offset);
                    client.reply().integer(count as i64);
                }
                TimeoutReply::Nothing => {}
            },
            Unblock::Error(text) => self.reply_error(client, text.as_bytes()),
            Unblock::Retry => self.execute(client, &block.request.as_args()),
        }
        client.signal.raise();
    }

    /// Ends the wait of the client with that id, if it waits.
    pub fn unblock_by_id(&mut self, id: u64, how: Unblock) {
        let Some(slot) = self.clients.slot_of(id) else { return };
        let Some(mut client) = self.clients.take(slot) else { return };
        self.unblock(&mut client, how);
        self.clients.put(slot, client);
    }

    /// WATCH and blocked clients hear of the keys that the last unit changed.
    pub fn tell_watchers(&mut self, current: &mut Client) {
        // A client that is served may change keys that others wait for.
        while !self.effects.touched.is_empty() {
            let touched = std::mem::take(&mut self.effects.touched);
            if self.watchers > 0 {
                self.mark_watchers(current, &touched);
            }
            if self.key_waiters > 0 {
                self.serve_waiters(&touched);
            }
        }
    }

    fn mark_watchers(&mut self, current: &mut Client, touched: &[(usize, Vec<u8>)]) {
        let mark = |client: &mut Client| {
            if let Some(transaction) = &client.transaction
                && transaction
                    .watched
                    .iter()
                    .any(|watched| touched.iter().any(|(db, key)| *db == watched.db && *key == watched.key))
            {
                client.flags.insert(ClientFlags::DIRTY_CAS);
            }
        };
        mark(current);
        self.clients.iter_mut().for_each(mark);
    }

    fn serve_waiters(&mut self, touched: &[(usize, Vec<u8>)]) {
        let waiting: Vec<u64> = self
            .blocked
            .iter()
            .copied()
            .filter(|&id| {
                self.clients.by_id(id).is_some_and(|client| match client.block.as_ref().map(|block| &block.kind) {
                    Some(BlockKind::Keys(keys)) => {
                        touched.iter().any(|(db, key)| *db == client.db && keys.contains(key))
                    }
                    _ => false,
                })
            })
            .collect();
        for id in waiting {
            self.serve_waiter(id);
        }
    }

    /// Runs a waiting client's command again; it goes on waiting, in its place, where that would block again.
    fn serve_waiter(&mut self, id: u64) {
        let Some(slot) = self.clients.slot_of(id) else { return };
        let Some(mut client) = self.clients.take(slot) else { return };
        if let Some(block) = client.block.take() {
            client.flags.remove(ClientFlags::BLOCKED);
            let place = self.blocked.iter().position(|&other| other == id);
            self.blocked.retain(|&other| other != id);
            self.key_waiters -= 1;
            self.execute(&mut client, &block.request.as_args());
            if let Some(again) = &mut client.block {
                // Still nothing there: the deadline and the place in the queue stay what they were.
                again.deadline = block.deadline;
                self.blocked.retain(|&other| other != id);
                self.blocked.insert(place.unwrap_or(self.blocked.len()).min(self.blocked.len()), id);
            } else {
                client.signal.raise();
            }
            self.refresh_watched();
        }
        self.clients.put(slot, client);
    }

    /// Ends waits whose time is up, and those for the end of a pause that has ended.
    pub fn end_due_waits(&mut self) {
        if self.pause.until > 0 && self.pause.until <= self.now {
            self.pause.until = 0;
            self.refresh_gate();
        }
        let due: Vec<(u64, Unblock)> = self
            .blocked
            .iter()
            .filter_map(|&id| {
                let block = self.clients.by_id(id)?.block.as_ref()?;
                if block.kind == BlockKind::Pause && self.pause.until == 0 {
                    return Some((id, Unblock::Retry));
                }
                (block.deadline? <= self.now).then_some((id, Unblock::Timeout))
            })
            .collect();
        due.into_iter().for_each(|(id, how)| self.unblock_by_id(id, how));
    }

    /// When the next wait ends by itself, Unix milliseconds.
    pub fn next_deadline(&self) -> Option<i64> {
        let pause = (self.pause.until > 0).then_some(self.pause.until);
        self.blocked.iter().filter_map(|&id| self.clients.by_id(id)?.block.as_ref()?.deadline).chain(pause).min()
    }

    /// Replicas that acknowledged an offset.
    pub fn replicas_at(&self, offset: i64) -> usize {
        self.replicas
            .iter()
            .filter_map(|&id| self.clients.by_id(id)?.peer.as_deref())
            .filter(|peer| peer.state == PeerState::Online && peer.ack_offset >= offset)
            .count()
    }

    /// A replica acknowledged: ends the waits that it fulfils.
    pub fn serve_replica_waiters(&mut self, current: &Client) {
        let own = current.peer.as_deref().filter(|peer| peer.state == PeerState::Online).map(|peer| peer.ack_offset);
        let served: Vec<(u64, usize)> = self
            .blocked
            .iter()
            .filter_map(|&id| {
                let BlockKind::Replicas { wanted, offset } = self.clients.by_id(id)?.block.as_ref()?.kind else {
                    return None;
                };
                // The replica that speaks is not among the sessions at the moment.
                let count =
                    self.replicas_at(offset) + usize::from(own.is_some_and(|acknowledged| acknowledged >= offset));
                (count >= wanted).then_some((id, count))
            })
            .collect();
        for (id, count) in served {
            let Some(slot) = self.clients.slot_of(id) else { continue };
            let Some(mut client) = self.clients.take(slot) else { continue };
            self.stop_waiting(&mut client);
            client.reply().integer(count as i64);
            client.signal.raise();
            self.clients.put(slot, client);
        }
    }

    /// A primary becomes a replica: clients that wait for keys are told, and closed, as Redis does.
    pub fn unblock_for_demotion(&mut self) {
        const TEXT: &str =
            "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)";
        let waiting: Vec<u64> = self.blocked.clone();
        for id in waiting {
            let keys = |client: &Client| client.block.as_ref().is_some_and(|block| block.kind != BlockKind::Pause);
            if self.clients.by_id(id).is_some_and(keys) {
                self.unblock_by_id(id, Unblock::Error(TEXT));
                if let Some(client) = self.clients.by_id_mut(id) {
                    client.flags.insert(ClientFlags::CLOSE_AFTER_REPLY);
                }
            }
        }
    }

    /// All keys of a database (or of all) change: their watchers hear of it.
    pub fn touch_all(&mut self, current: &mut Client, db: Option<usize>) {
        if self.watchers == 0 {
            return;
        }
        let keyspace = &self.keyspace;
        let mark = |client: &mut Client| {
            let changed = client.transaction.as_ref().is_some_and(|transaction| {
                transaction.watched.iter().any(|watched| {
                    let table = keyspace.db(watched.db).table();
                    db.is_none_or(|db| db == watched.db)
                        && table.contains(crate::store::table::hash_key(&watched.key), &watched.key)
                })
            });
            if changed {
                client.flags.insert(ClientFlags::DIRTY_CAS);
            }
        };
        mark(current);
        self.clients.iter_mut().for_each(mark);
    }

    /// Drops what was queued between MULTI and now.
    pub fn discard_transaction(&mut self, client: &mut Client) {
        self.unwatch(client);
        if let Some(transaction) = &mut client.transaction {
            transaction.queue.clear();
        }
        client.flags.remove(ClientFlags::MULTI);
        client.flags.remove(ClientFlags::DIRTY_CAS);
        client.flags.remove(ClientFlags::DIRTY_EXEC);
    }
}

/// A number of seconds, perhaps with a fraction, as a deadline; 0 waits for ever.
///
/// # Errors
/// The texts of Redis for no number, a negative one, or one out of range.
pub fn deadline_of(seconds: &[u8], now: i64) -> Result<Option<i64>, CommandError> {
    const NO_NUMBER: CommandError = CommandError::Static("ERR timeout is not a float or out of range");
    let seconds = crate::base::numbers::parse_f64(seconds).ok_or(NO_NUMBER)?;
    let millis = (seconds * 1000.0).ceil();
    if !millis.is_finite() || millis > i64::MAX as f64 / 2.0 {
        return Err(NO_NUMBER);
    }
    if millis < 0.0 {
        return Err(super::error::TIMEOUT_NEGATIVE);
    }
    Ok((millis > 0.0).then_some(now + millis as i64))
}
