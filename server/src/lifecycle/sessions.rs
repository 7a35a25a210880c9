//! Ending sessions, and applying changes of users to them.

use std::collections::HashSet;
use std::sync::Arc;

use crate::acl::{User, Users};
use crate::base::ids::ClientId;
use crate::pubsub::Space;
use crate::replication::{Input, LinkInput, PeerInput};
use crate::server::client::{Client, ClientFlags};
use crate::server::state::Server;

impl Server {
    /// Ends the session of a client whose command is not running. It is no longer visible, and its task closes the socket.
    pub fn end_session(&mut self, id: ClientId) {
        let Some(slot) = self.clients.index_of(id) else { return };
        let mut is_primary = false;
        self.with_session(id, |server, client| {
            is_primary = client.flags.intersects(ClientFlags::PRIMARY);
            server.forget_client(client);
            client.out = Vec::new();
            client.close();
            server.count_ending_memory(client);
        });
        self.clients.hide(slot);
        if let Some(link) = self.replication.follower().and_then(|follower| follower.link()).filter(|_| is_primary) {
            // The link counts as down from now on, even if its task takes a while to notice.
            self.tell_replication(None, Input::Link(link, LinkInput::Lost("Connection with master lost.".into())));
        }
    }

    /// Releases everything that a session holds: subscriptions, watches, waits, its roles as a monitor or a replica.
    pub fn forget_client(&mut self, client: &mut Client) {
        self.forget_client_memory(client);
        self.break_off_arrival(client);
        self.unsubscribe_all(client);
        self.untrack(client);
        self.unwatch(client);
        self.stop_waiting(client);
        self.audience.pubsub.monitors.retain(|&id| id != client.id);
        if self.replication.knows(client.id) {
            self.tell_of_replica(client, PeerInput::Left);
        }
    }

    fn unsubscribe_all(&mut self, client: &mut Client) {
        let Some(subscriptions) = client.subscriptions.take() else { return };
        subscriptions.channels.iter().for_each(|name| self.audience.pubsub.remove(Space::Channel, name, client.id));
        subscriptions.patterns.iter().for_each(|name| self.audience.pubsub.remove(Space::Pattern, name, client.id));
        subscriptions.shard_channels.iter().for_each(|name| self.audience.pubsub.remove(Space::Shard, name, client.id));
        client.refresh_pubsub_flags();
    }

    /// Replaces or adds a user. Its sessions get the new permissions, and subscribers that have lost a channel are closed.
    pub fn put_user(&mut self, current: &mut Client, user: User) {
        let old = self.acl.users().get(&user.name).cloned();
        let new = self.acl.put_user(user);
        let Some(old) = old else { return };
        self.end_subscribers(current, &old, &new);
        let is_default = Arc::ptr_eq(&new, self.acl.users().default_user());
        for client in self.clients.iter_mut().chain(std::iter::once(current)) {
            if client.user().is_some_and(|user| user.name == new.name) {
                client.become_user(&new);
            }
            if is_default && client.user().is_some() && !client.flags.intersects(ClientFlags::AUTHENTICATED) {
                client.flags.set(ClientFlags::NEEDS_AUTH, !new.needs_no_login());
            }
        }
    }

    /// Applies a change of `requirepass`, which is the default user's password.
    pub fn put_default_password(&mut self, current: &mut Client) {
        let user = self.acl.with_password(&self.config.requirepass);
        self.put_user(current, user);
    }

    /// Closes the subscribers of a user that is about to change, if they lose permission for a channel.
    fn end_subscribers(&mut self, current: &mut Client, old: &Arc<User>, new: &User) {
        let patterns = |user: &User| -> Option<HashSet<Vec<u8>>> {
            if user.selectors().any(|selector| selector.channels().is_none()) {
                return None;
            }
            Some(user.selectors().filter_map(|selector| selector.channels()).flatten().cloned().collect())
        };
        let Some(now_allowed) = patterns(new) else { return };
        // A user that had fewer permissions before has lost nothing.
        if patterns(old).is_some_and(|before| before.is_subset(&now_allowed)) {
            return;
        }
        let loses = |client: &Client| {
            client.user().is_some_and(|user| user.name == old.name)
                && !client.is_replica()
                && client.subscriptions.as_deref().is_some_and(|held| {
                    held.patterns.iter().any(|name| !new.allows_channel(name, true))
                        || held.channels.iter().chain(&held.shard_channels).any(|name| !new.allows_channel(name, false))
                })
        };
        let lost: Vec<ClientId> = self.clients.iter().filter(|client| loses(client)).map(|client| client.id).collect();
        lost.into_iter().for_each(|id| self.end_session(id));
        if loses(current) {
            current.flags.insert(ClientFlags::CLOSE_AFTER_REPLY);
        }
    }

    /// Ends the sessions of users that no longer exist. The session that asked for it still gets its reply.
    pub fn end_sessions_of(&mut self, current: &mut Client, is_gone: impl Fn(&User) -> bool) {
        let gone = |client: &Client| client.user().is_some_and(|user| is_gone(user));
        let ended: Vec<ClientId> = self.clients.iter().filter(|client| gone(client)).map(|client| client.id).collect();
        ended.into_iter().for_each(|id| self.end_session(id));
        if gone(current) {
            // Its queued commands are still checked against the permissions of the removed user.
            current.flags.insert(ClientFlags::CLOSE_AFTER_REPLY);
        }
    }

    /// Replaces all users by those of an ACL file. Only sessions of the default user continue.
    pub fn replace_users(&mut self, current: &mut Client, users: Users) {
        let default_user = User::clone(users.default_user());
        let old: Vec<Arc<User>> = self.acl.users().iter().cloned().collect();
        self.acl.replace_users(users);
        let gone = |user: &User| user.name != default_user.name && old.iter().any(|known| known.name == user.name);
        self.end_sessions_of(current, gone);
        self.put_user(current, default_user.clone());
    }
}
