//! Cluster mode: which requests this node serves, and where it sends the others.
//!
//! The rules are those of Redis, in its order: the first key's slot must have an owner; all keys must share it; the cluster
//! must be up; a slot that is being migrated serves the keys that are still here, and redirects clients for the rest.
//! Requests without keys are served by every node.

use std::fmt::Write as _;

use crate::base::ids::ClientId;
use crate::base::slot::Slot;
use crate::cluster::{Cluster, Node, key_slot};
use crate::dispatch::keys::keys_of;
use crate::pubsub::Space;
use crate::resp::Args;
use crate::server::client::{BlockKind, Client, ClientFlags, Unblock};
use crate::server::cluster::ClusterMode;
use crate::server::doc::{Flags, Internal, KeyRule};
use crate::server::error::CommandError;
use crate::server::registry::{Command, Routing};
use crate::server::state::Server;
use crate::store::entry::EntryRef;
use crate::store::keyspace::Db;

const NOT_SERVED: CommandError = CommandError::Static("CLUSTERDOWN Hash slot not served");
const DOWN: CommandError = CommandError::Static("CLUSTERDOWN The cluster is down");
const DOWN_FOR_WRITES: CommandError =
    CommandError::Static("CLUSTERDOWN The cluster is down and only accepts read commands");
const CROSS_SLOT: CommandError = CommandError::Static("CROSSSLOT Keys in request don't hash to the same slot");
const TRY_AGAIN: CommandError = CommandError::Static("TRYAGAIN Multiple keys request during rehashing of slot");

/// What routing needs to know about the keys of a request.
struct Keys<'a> {
    cluster: &'a Cluster,
    db: &'a Db,
    now: i64,
    first: Option<(&'a [u8], Slot)>,
    /// The slot is being migrated or imported, so it matters which keys are here.
    open: bool,
    several: bool,
    missing: bool,
    present: bool,
}

impl<'a> Keys<'a> {
    #[inline]
    fn add(&mut self, key: &'a [u8]) -> Result<(), CommandError> {
        match self.first {
            None => {
                let slot = key_slot(key);
                self.cluster.owner(slot).ok_or(NOT_SERVED)?;
                self.first = Some((key, slot));
                let moving = if self.cluster.is_mine(slot) {
                    self.cluster.migrating_to(slot)
                } else {
                    self.cluster.importing_from(slot)
                };
                self.open = moving.is_some();
            }
            Some((first, slot)) if key != first => {
                if key_slot(key) != slot {
                    return Err(CROSS_SLOT);
                }
                self.several = true;
            }
            Some(_) => {}
        }
        if self.open {
            let expired = |entry: &EntryRef<'_>| entry.expire().is_some_and(|at| at < self.now);
            let there = self.db.get(key).is_some_and(|entry| !expired(&entry));
            self.present |= there;
            self.missing |= !there;
        }
        Ok(())
    }

    /// Adds all keys of a command. An invalid command line has none; the command itself then fails.
    #[inline]
    fn add_all(&mut self, command: &Command, args: &Args<'a>) -> Result<(), CommandError> {
        match command.routing {
            Routing::Nowhere | Routing::Queue => Ok(()),
            Routing::Range { first, last, step } => {
                let last = if last < 0 { args.len() as i16 + last } else { last };
                if last < first || usize::try_from(last).is_ok_and(|last| last >= args.len()) {
                    return Ok(());
                }
                (first..=last).step_by(step.unsigned_abs().into()).try_for_each(|at| self.add(args.get(at as usize)))
            }
            Routing::Words => {
                let words: Vec<&'a [u8]> = args.from(0).collect();
                let keys = keys_of(command.doc, &words, true).unwrap_or_default();
                keys.into_iter().try_for_each(|key| self.add(words[key.index]))
            }
        }
    }
}

fn redirect(client: &Client, kind: &str, slot: Slot, cluster: &Cluster, node: &Node) -> CommandError {
    let mut text = format!("{kind} {slot} ");
    let _ = write!(text, "{}:{}", cluster.endpoint(node), cluster.port_of(node, client.ports()));
    CommandError::text(text)
}

impl Server {
    /// The redirection or error with which this node answers a request that it does not serve; `None` if it serves it.
    #[inline]
    pub(crate) fn redirection(
        &self,
        client: &Client,
        command: &'static Command,
        args: &Args<'_>,
    ) -> Option<CommandError> {
        let mode = self.mode.cluster()?;
        if matches!(command.routing, Routing::Nowhere) || client.flags.intersects(ClientFlags::PRIMARY) {
            return None;
        }
        self.route(mode, client, command, args).err()
    }

    fn route(
        &self,
        mode: &ClusterMode,
        client: &Client,
        command: &'static Command,
        args: &Args<'_>,
    ) -> Result<(), CommandError> {
        let cluster = &mode.core;
        let mut keys = Keys {
            cluster,
            db: self.keyspace.db(0),
            now: self.time.now,
            first: None,
            open: false,
            several: false,
            missing: false,
            present: false,
        };
        let queue = match command.routing {
            Routing::Queue => client.transaction.as_deref().map_or(&[][..], |transaction| &transaction.queue),
            _ => &[],
        };
        keys.add_all(command, args)?;
        queue.iter().try_for_each(|(queued, words)| keys.add_all(queued, &words.as_args()))?;
        let Some((_, slot)) = keys.first else { return Ok(()) };
        let mine = cluster.is_mine(slot);
        if client.flags.intersects(ClientFlags::ARRIVAL) && self.arrives_in(client, slot) {
            return Ok(());
        }
        if mine && cluster.is_ok() && !keys.open {
            return Ok(());
        }
        let any = |is: fn(&Command) -> bool| is(command) || queue.iter().any(|(queued, _)| is(queued));
        let writes = any(|command| command.flags.intersects(Flags::WRITE));
        let shard = command.is(Internal::SHARD_CHANNELS);
        if !cluster.is_ok() {
            let config = &self.config;
            match (shard, config.cluster_allow_reads_when_down) {
                (true, _) if config.cluster_allow_pubsubshard_when_down => {}
                (true, _) | (false, false) => return Err(DOWN),
                (false, true) if command.flags.intersects(Flags::WRITE) => return Err(DOWN_FOR_WRITES),
                (false, true) => {}
            }
        }
        if keys.open && command.doc.key_rule == KeyRule::Migrate {
            return Ok(());
        }
        if keys.open {
            // Shard channels are not keys, so none of them can be missing.
            let missing = keys.missing && !shard;
            if mine && missing {
                let target = cluster.migrating_to(slot).ok_or(NOT_SERVED)?;
                return Err(if keys.present { TRY_AGAIN } else { redirect(client, "ASK", slot, cluster, target) });
            }
            if !mine && (client.flags.intersects(ClientFlags::ASKING) || command.flags.intersects(Flags::ASKING)) {
                return if keys.several && missing { Err(TRY_AGAIN) } else { Ok(()) };
            }
        }
        if mine {
            return Ok(());
        }
        let owner = cluster.owner(slot).ok_or(NOT_SERVED)?;
        let reads_here = (client.flags.intersects(ClientFlags::READONLY) || shard) && !writes;
        if reads_here && cluster.my_primary().is_some_and(|primary| primary.id == owner.id) {
            return Ok(());
        }
        Err(redirect(client, "MOVED", slot, cluster, owner))
    }

    /// Answers with a redirection. On EXEC that ends the transaction; on a command that is being queued it makes EXEC fail.
    #[cold]
    pub(crate) fn send_elsewhere(&mut self, client: &mut Client, command: &'static Command, error: &CommandError) {
        self.stats.command_refused(command.index);
        if command.is(Internal::RUNS_QUEUE) {
            self.discard_transaction(client);
        } else if client.flags.intersects(ClientFlags::MULTI) {
            client.flags.insert(ClientFlags::DIRTY_EXEC);
        }
        self.reply_error(client, error.bytes());
    }

    /// Rechecks clients that wait for keys or subscribe to shard channels after slots, roles or the cluster's state changed:
    /// those whose slot this node no longer serves are redirected or unsubscribed.
    pub fn follow_slots(&mut self) {
        let Some(mode) = self.mode.cluster_mut() else { return };
        if mode.followed == mode.core.generation() {
            return;
        }
        mode.followed = mode.core.generation();
        let moved: Vec<(ClientId, String)> = self
            .waiting
            .blocked()
            .iter()
            .filter_map(|id| Some((id, self.error_if_moved(self.clients.by_id(id)?)?)))
            .collect();
        for (id, error) in moved {
            self.unblock_by_id(id, Unblock::Error(error.into()));
        }
        self.leave_shard_channels();
    }

    /// The redirection for a blocked client whose slot this node no longer serves.
    fn error_if_moved(&self, client: &Client) -> Option<String> {
        let cluster = self.cluster()?;
        let block = client.block.as_deref()?;
        let BlockKind::Keys(wait) = &block.kind else { return None };
        let text = |error: CommandError| Some(String::from_utf8_lossy(error.bytes()).into_owned());
        if !cluster.is_ok() {
            return text(DOWN);
        }
        // All keys are in one slot.
        let slot = key_slot(wait.keys.first()?);
        let Some(owner) = cluster.owner(slot) else { return text(NOT_SERVED) };
        let reads = client.flags.intersects(ClientFlags::READONLY)
            && client.last_command.is_some_and(|command| !command.flags.intersects(Flags::WRITE));
        let read_here = reads && cluster.my_primary().is_some_and(|primary| primary.id == owner.id);
        if cluster.is_mine(slot) || read_here || cluster.importing_from(slot).is_some() {
            return None;
        }
        text(redirect(client, "MOVED", slot, cluster, owner))
    }

    /// Ends the subscriptions to channels of slots that neither this node nor its primary serves.
    fn leave_shard_channels(&mut self) {
        let Some(cluster) = self.cluster() else { return };
        let mine = |slot| {
            cluster.is_mine(slot)
                || cluster.owner(slot).is_some_and(|owner| cluster.my_primary().is_some_and(|it| it.id == owner.id))
        };
        let left: Vec<(Vec<u8>, Vec<ClientId>)> = self
            .audience
            .pubsub
            .shard_channels()
            .filter(|(name, _)| !mine(key_slot(name)))
            .map(|(name, subscribers)| (name.to_vec(), subscribers.to_vec()))
            .collect();
        for (name, subscribers) in left {
            for id in subscribers {
                self.audience.pubsub.remove(Space::Shard, &name, id);
                if let Some(client) = self.clients.by_id_mut(id) {
                    client.leave_shard_channel(&name);
                }
            }
        }
    }
}
