//! Clients that wait: for keys, for replicas, for the end of a pause. Fair by arrival.
//!
//! # Background
//! A key that changed is looked at when the unit of execution (a command, or a whole transaction) is over: keys in the order in
//! which they changed, at each key those who wait for it in the order in which they came. A client is served from that key, not by
//! running its command again, which might prefer another key or stumble over one that has another type by now. What serving
//! changes is looked at in a further round, so a chain of moves takes rounds, not recursion. Each client that is served is a unit of
//! its own in the stream of replication, under the name of the command that does not wait.

use crate::base::ids::ClientId;
use crate::base::long_double::LongDouble;
use crate::base::offset::Offset;
use crate::resp::Args;
use crate::server::client::{Block, BlockKind, Client, ClientFlags, TimeoutReply, Unblock};
use crate::server::error::{CommandError, CommandResult};
use crate::server::state::Server;
use crate::store::keyspace::value_type;
use crate::store::value::ValueType;

impl Server {
    /// Makes a client wait. Its later requests stay in the read buffer.
    pub fn block(&mut self, client: &mut Client, mut block: Block, args: &Args<'_>) {
        if block.request.is_empty() {
            block.request = args.to_owned_args();
        }
        if self.waiting.begin(client.id, client.db, &block) {
            self.orders.push(crate::server::state::Order::Rearm);
        }
        client.flags.insert(ClientFlags::BLOCKED);
        client.block = Some(Box::new(block));
        if let Some(mode) = self.cluster.as_mut().filter(|mode| !mode.core.is_ok()) {
            // It was let in as a read, and shall not wait for a cluster that is down.
            mode.followed = 0;
        }
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
        self.waiting.end(client.id, client.db, &block);
        self.refresh_watched();
        Some(block)
    }

    /// Ends a client's wait from outside. The client's task goes on with its read buffer.
    pub fn unblock(&mut self, client: &mut Client, how: Unblock) {
        let Some(block) = self.stop_waiting(client) else { return };
        let mark = client.out.len();
        match how {
            Unblock::Timeout => {
                match block.timeout_reply {
                    TimeoutReply::NullArray => client.reply().null_array(),
                    TimeoutReply::Replicas => {
                        let BlockKind::Replicas { offset, .. } = block.kind else { return };
                        let count = self.replicas_at(offset);
                        client.reply().integer(count as i64);
                    }
                    TimeoutReply::Nothing => {}
                }
                self.finish_reply(client, mark);
            }
            Unblock::Error(text) => {
                if let Some(command) = client.last_command {
                    self.stats.command_failed(command.index);
                }
                self.reply_error(client, text.as_bytes());
            }
            Unblock::Retry => self.execute(client, &block.request.as_args()),
        }
        client.signal.raise();
    }

    /// Ends the wait of the client with that id, if it waits.
    pub fn unblock_by_id(&mut self, id: ClientId, how: Unblock) {
        let Some(slot) = self.clients.index_of(id) else { return };
        let Some(mut client) = self.clients.take(slot) else { return };
        self.unblock(&mut client, how);
        self.clients.put(slot, client);
    }

    /// WATCH and blocked clients hear of the keys that the last unit changed.
    pub fn tell_watchers(&mut self, current: &mut Client) {
        // A client that is served may change keys that others wait for.
        while self.effects.has_news_of_keys() {
            if self.tracking.is_used() {
                // What happened outside any command.
                self.invalidate_changed(current);
                self.end_invalidation(current);
            }
            self.tracking.forget_told();
            let (mut touched, mut awaited) = self.effects.take_news_of_keys();
            if self.waiting.are_watching() {
                self.mark_watchers(current, &touched);
            }
            touched.append(&mut awaited);
            for (db, key) in &touched {
                if !self.waiting.are_waiting() {
                    break;
                }
                self.serve_key(*db, key);
            }
        }
    }

    fn mark_watchers(&mut self, current: &mut Client, touched: &[(usize, Vec<u8>)]) {
        for watched in touched {
            for &id in self.waiting.watchers_of(watched) {
                let client = if id == current.id { Some(&mut *current) } else { self.clients.by_id_mut(id) };
                let Some(client) = client else { continue };
                let known = client.transaction.as_mut().and_then(|transaction| transaction.watched.get_mut(watched));
                let Some(was_expired) = known else { continue };
                if *was_expired && !self.keyspace.db(watched.0).contains(&watched.1) {
                    // It was gone for everybody already: now it is deleted, too, and whatever comes next is a change.
                    *was_expired = false;
                } else {
                    client.flags.insert(ClientFlags::DIRTY_CAS);
                }
            }
        }
    }

    /// A key that somebody may wait for changed: serves them first come first, as long as it holds what they want.
    fn serve_key(&mut self, db: usize, key: &[u8]) {
        // Those who come back while others are served wait for the next change.
        let mut left = self.waiting.waiters().count(db, key);
        let mut place = 0;
        while left > 0
            && let Some(id) = self.waiting.waiters().at(db, key, place)
        {
            left -= 1;
            self.keyspace.treat_expired_by(self.expiry_rule(false));
            let held = self.keyspace.peek(db, key).map(|entry| value_type(entry.value()));
            if held.is_none() && !self.waiting.waiters().care_whether_gone(db, key) {
                return;
            }
            // Who is being killed must not take anything along.
            if let Some(slot) = self.clients.index_of(id)
                && let Some(mut client) = self.clients.take(slot)
            {
                if !client.flags.intersects(ClientFlags::CLOSE_ASAP) {
                    self.serve_waiter(&mut client, key, held);
                }
                self.clients.put(slot, client);
            }
            // The next one stands here now, where this one left the queue.
            place += usize::from(self.waiting.waiters().at(db, key, place) == Some(id));
        }
    }

    fn serve_waiter(&mut self, client: &mut Client, key: &[u8], held: Option<ValueType>) {
        let Some(Block { kind: BlockKind::Keys(wait), .. }) = client.block.as_deref() else { return };
        if held == Some(wait.awaited) {
            if let Some(error) = self.lost_right(client) {
                return self.unblock(client, Unblock::Error(error));
            }
            self.serve(client, key);
        } else if wait.until_gone {
            self.unblock(client, Unblock::Error("UNBLOCKED the stream key no longer exists".into()));
        }
    }

    /// Tells clients that wait for keys of these databases, and are there, that the keys changed all at once: SWAPDB, FLUSHALL.
    /// Call before and after the change.
    pub fn touch_awaited(&mut self, dbs: std::ops::Range<usize>) {
        if !self.waiting.are_waiting() {
            return;
        }
        for db in dbs {
            let held = self.keyspace.db(db);
            let there = self.waiting.waiters().keys(db).filter(|key| held.contains(key));
            there.for_each(|key| self.effects.wake_waiters(db, key));
        }
    }

    /// Ends waits whose time is up, and those for the end of a pause that has ended.
    pub fn end_due_waits(&mut self) {
        self.end_due_pauses();
        if !self.gate.pauses().any() && !self.waiting.blocked().is_empty() {
            self.retry_held_back();
        }
        while let Some(id) = self.waiting.waiters().first_due(self.time.now) {
            self.unblock_by_id(id, Unblock::Timeout);
        }
    }

    /// When the next wait ends by itself, Unix milliseconds.
    pub fn next_deadline(&self) -> Option<i64> {
        self.waiting.waiters().next_deadline().into_iter().chain(self.gate.pauses().next_end()).min()
    }

    /// Replicas that acknowledged an offset.
    pub fn replicas_at(&self, offset: Offset) -> usize {
        self.replication.replicas().filter(|peer| peer.is_online() && peer.ack_offset() >= offset).count()
    }

    /// A replica acknowledged: ends the waits that it fulfils.
    pub fn serve_replica_waiters(&mut self) {
        let served: Vec<(ClientId, usize)> = self
            .waiting
            .blocked()
            .iter()
            .filter_map(|id| {
                let BlockKind::Replicas { wanted, offset } = self.clients.by_id(id)?.block.as_ref()?.kind else {
                    return None;
                };
                let count = self.replicas_at(offset);
                (count >= wanted).then_some((id, count))
            })
            .collect();
        for (id, count) in served {
            let Some(slot) = self.clients.index_of(id) else { continue };
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
        let waiting: Vec<ClientId> = self.waiting.blocked().iter().collect();
        for id in waiting {
            let keys =
                |client: &Client| client.block.as_ref().is_some_and(|block| !matches!(block.kind, BlockKind::Pause));
            if self.clients.by_id(id).is_some_and(keys) {
                self.unblock_by_id(id, Unblock::Error(TEXT.into()));
                if let Some(client) = self.clients.by_id_mut(id) {
                    client.flags.insert(ClientFlags::CLOSE_AFTER_REPLY);
                }
            }
        }
    }

    /// FLUSHDB, FLUSHALL and SWAPDB: a database is about to be emptied (all of them without `db`), or replaced by another one.
    /// Watched keys change where they are there before or after; one that had expired is none.
    pub fn touch_all(&mut self, current: &mut Client, db: Option<usize>, replaced_by: Option<usize>) {
        if !self.waiting.are_watching() {
            return;
        }
        let (keyspace, now) = (&self.keyspace, self.time.now);
        let mark = |client: &mut Client| {
            let Some(transaction) = &mut client.transaction else { return };
            let mut changed = false;
            for ((at, key), was_expired) in
                transaction.watched.iter_mut().filter(|((at, _), _)| db.is_none_or(|db| db == *at))
            {
                let before = keyspace.db(*at).contains(key);
                let after = replaced_by.and_then(|db| keyspace.db(db).get(key));
                let after_expired = after.is_some_and(|entry| entry.expire().is_some_and(|at| at < now));
                match (*was_expired, before, after.is_some()) {
                    (_, false, false) => {}
                    (true, _, false) => *was_expired = false,
                    (true, _, true) if after_expired => {}
                    (false, false, true) if after_expired => *was_expired = true,
                    _ => changed = true,
                }
            }
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
            transaction.queued_bytes = 0;
        }
        client.flags.remove(ClientFlags::MULTI);
        client.flags.remove(ClientFlags::DIRTY_CAS);
        client.flags.remove(ClientFlags::DIRTY_EXEC);
    }
}

/// A number of seconds, perhaps with a fraction, as a deadline; 0 waits for ever.
///
/// # Errors
/// The texts of Redis for no number, and for a negative one, which numbers beyond 64 bits of milliseconds become.
pub fn deadline_of(seconds: &[u8], now: i64) -> CommandResult<Option<i64>> {
    const NO_NUMBER: CommandError = CommandError::Static("ERR timeout is not a float or out of range");
    if let Some(whole) = crate::base::numbers::parse_i64(seconds) {
        return match whole.checked_mul(1000) {
            Some(millis @ 0..) => Ok(deadline_after(millis, now)),
            _ => Err(crate::server::error::TIMEOUT_NEGATIVE),
        };
    }
    let seconds = match crate::base::numbers::parse_f64(seconds) {
        Some(seconds) => seconds,
        // Redis calculates in more bits here, which take what a double cannot hold.
        None => match LongDouble::parse(seconds) {
            Some(_) if seconds.first() == Some(&b'-') || !seconds.contains(&b'-') => f64::NEG_INFINITY,
            Some(_) => f64::MIN_POSITIVE,
            None => return Err(NO_NUMBER),
        },
    };
    let millis = (seconds * 1000.0).ceil();
    if millis < 0.0 || millis >= i64::MAX as f64 {
        return Err(crate::server::error::TIMEOUT_NEGATIVE);
    }
    Ok(deadline_after(millis as i64, now))
}

/// A number of milliseconds as a deadline; 0 waits for ever.
///
/// # Errors
/// The texts of Redis for no number, and for a negative one.
pub fn deadline_of_millis(millis: &[u8], now: i64) -> CommandResult<Option<i64>> {
    match crate::base::numbers::parse_i64(millis) {
        None => Err(crate::server::error::TIMEOUT_NOT_INTEGER),
        Some(..0) => Err(crate::server::error::TIMEOUT_NEGATIVE),
        Some(millis) => Ok(deadline_after(millis, now)),
    }
}

fn deadline_after(millis: i64, now: i64) -> Option<i64> {
    (millis > 0).then(|| now.saturating_add(millis))
}
