//! Users and requests: who may run what, who a session is, what is noted of refusals.
//!
//! The rules themselves are `acl`'s. What a request touches is told by [`keys_of`], which routing and COMMAND GETKEYS use as well.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use super::client::{BlockKind, Client, ClientFlags, ClientId};
use super::client_line::client_line;
use super::doc::{Flags, Internal, KeyFlags};
use super::error::CommandError;
use super::keys::keys_of;
use super::registry::{Channels, Command, acl_catalogue};
use super::server::Server;
use crate::acl::log::{AclLog, Context, Entry, Reason};
use crate::acl::{Access, Catalogue, ChannelUse, Denial, KeyUse, Request, Rulebook, User, Users};
use crate::config::Config;
use crate::config::values::PubsubDefault;
use crate::resp::Args;

/// All that concerns users.
pub struct Acl {
    /// The users.
    pub users: Users,
    /// What was refused lately.
    pub log: AclLog,
    /// What rules may name.
    pub catalogue: &'static Catalogue,
}

impl Acl {
    /// The default user alone, with the password that `requirepass` gives it.
    pub fn new(config: &Config, in_sentinel: bool) -> Self {
        let catalogue = acl_catalogue(in_sentinel);
        let mut acl = Self { users: Users::new(catalogue), log: AclLog::default(), catalogue };
        if !config.requirepass.is_empty() {
            acl.users.put(acl.with_password(&config.requirepass));
        }
        acl
    }

    /// What rules are read by.
    pub fn rulebook(&self, config: &Config) -> Rulebook<'static> {
        Rulebook::new(self.catalogue, config.acl_pubsub_default == PubsubDefault::AllChannels)
    }

    /// The default user with one password, or with none.
    fn with_password(&self, password: &[u8]) -> User {
        let mut user = User::clone(self.users.default_user());
        let mut book = Rulebook::new(self.catalogue, false);
        let rule = if password.is_empty() { b"nopass".to_vec() } else { [b">", password].concat() };
        for rule in [b"resetpass", &rule[..]] {
            user.apply(&mut book, rule).expect("these are rules");
        }
        user
    }

    /// A session that begins, or begins anew, is the default user's; whether a login is needed depends on that user.
    pub fn greet(&self, client: &mut Client) {
        let user = self.users.default_user();
        client.become_user(user);
        client.flags.set(ClientFlags::AUTHENTICATED, user.needs_no_login());
        client.flags.set(ClientFlags::NEEDS_AUTH, !user.needs_no_login());
    }
}

fn access(flags: KeyFlags) -> Access {
    let read = if flags.intersects(KeyFlags::ACCESS) { Access::READ } else { Access::NONE };
    let write = if flags.intersects(KeyFlags::INSERT | KeyFlags::DELETE | KeyFlags::UPDATE) {
        Access::WRITE
    } else {
        Access::NONE
    };
    read.and(write)
}

/// Holds what a request is about against a user.
fn with_request<R>(user: &User, command: &Command, args: &Args<'_>, look: impl FnOnce(&Request<'_>) -> R) -> R {
    let mut keys = Vec::new();
    if command.doc.has_keys() && !user.allows_all_keys() {
        let words: Vec<&[u8]> = args.from(0).collect();
        // Where the keys cannot be told the command will complain, and touch none.
        for found in keys_of(command.doc, &words, false).unwrap_or_default() {
            keys.push(KeyUse { index: found.index, key: words[found.index], access: access(found.flags) });
        }
    }
    let mut channels = Vec::new();
    if command.channels != Channels::None && !user.allows_all_channels() {
        let count = if command.channels == Channels::First { 1 } else { args.len() };
        let is_pattern = command.channels == Channels::Patterns;
        let words = args.from(0).enumerate().skip(1).take(count);
        channels.extend(words.map(|(index, name)| ChannelUse { index, name, is_pattern }));
    }
    look(&Request {
        command: command.id(),
        is_free: command.flags.intersects(Flags::NO_AUTH),
        first_arg: args.at(1),
        keys: &keys,
        channels: &channels,
    })
}

/// Whether a user may run a command. Its arity has been checked.
///
/// # Errors
/// What the user has no right to.
pub fn permits_user(user: &User, command: &Command, args: &Args<'_>) -> Result<(), Denial> {
    with_request(user, command, args, |request| user.check(request))
}

/// Whether a session's user may run a command. Its arity has been checked.
///
/// # Errors
/// What the user has no right to.
pub fn permits(client: &Client, command: &Command, args: &Args<'_>) -> Result<(), Denial> {
    client.user().map_or(Ok(()), |user| permits_user(user, command, args))
}

/// Whether what a command finds by patterns among its words may be any key.
pub(super) fn may_read_by_pattern(client: &Client, command: &Command, args: &Args<'_>) -> bool {
    if !command.doc.is(Internal::READS_BY_PATTERN) {
        return true;
    }
    let allows =
        |user: &Arc<User>| with_request(user, command, args, |request| user.allows_with_any_key(request, Access::READ));
    client.user().is_none_or(allows)
}

/// What a client hears that asks for what its user has no right to.
pub fn no_permission(command: &Command, denial: Denial) -> CommandError {
    CommandError::text(match denial {
        Denial::Command => format!("NOPERM this user has no permissions to run the '{}' command", command.name),
        Denial::Key(_) => "NOPERM this user has no permissions to access one of the keys used as arguments".to_owned(),
        Denial::Channel(_) => {
            "NOPERM this user has no permissions to access one of the channels used as arguments".to_owned()
        }
    })
}

/// What EXEC answers in place of a queued command to which the user has lost the right.
pub fn no_longer_permitted(denial: Denial) -> CommandError {
    let reason = match denial {
        Denial::Command => "no permission to execute the command or subcommand",
        Denial::Key(_) => "no permission to touch the specified keys",
        Denial::Channel(_) => "no permission to access one of the channels used as arguments",
    };
    CommandError::text(format!(
        "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is no longer allowed for the following reason: {reason}"
    ))
}

/// The error that a script gets for a call to which its caller has no right.
pub(super) fn denied_in_script(denial: Denial) -> &'static str {
    match denial {
        Denial::Command => "The user executing the script can't run this command or subcommand",
        Denial::Key(_) => {
            "The user executing the script can't access at least one of the keys mentioned in the command arguments"
        }
        Denial::Channel(_) => "The user executing the script can't publish to the channel mentioned in the command",
    }
}

impl Server {
    /// Notes in ACL LOG that a command was refused. The log shows the client with its last command.
    pub fn note_denial(
        &mut self,
        client: &Client,
        command: &Command,
        args: &Args<'_>,
        denial: Denial,
        context: Context,
    ) {
        let (reason, object) = match denial {
            Denial::Command => (Reason::Command, command.name.as_bytes()),
            Denial::Key(index) => (Reason::Key, args.get(index)),
            Denial::Channel(index) => (Reason::Channel, args.get(index)),
        };
        self.note_refusal(client, reason, context, object, client.user_name());
    }

    /// Notes in ACL LOG that a login was refused; `command` is the word that asked for it.
    pub fn note_failed_login(&mut self, client: &Client, command: &[u8], name: &[u8]) {
        let context = if client.flags.intersects(ClientFlags::MULTI) { Context::Multi } else { Context::TopLevel };
        self.note_refusal(client, Reason::Auth, context, command, name);
    }

    fn note_refusal(&mut self, client: &Client, reason: Reason, context: Context, object: &[u8], name: &[u8]) {
        let entry = Entry {
            count: 1,
            reason,
            context,
            object: object.to_vec(),
            username: name.to_vec(),
            at: self.now,
            client: client_line(self, client).into_bytes(),
        };
        self.acl.log.add(entry, self.config.acllog_max_len as usize);
    }

    /// Why a client that waits for keys must not get what it waits for: since it began to wait, its user may have lost the right.
    pub(super) fn lost_right(&mut self, client: &Client) -> Option<Cow<'static, str>> {
        if !client.flags.intersects(ClientFlags::RESTRICTED) {
            return None;
        }
        let (block, command) = (client.block.as_deref()?, client.last_command?);
        if !matches!(block.kind, BlockKind::Keys(_)) {
            return None;
        }
        let args = block.request.as_args();
        let denial = permits(client, command, &args).err()?;
        self.note_denial(client, command, &args, denial, Context::TopLevel);
        Some(String::from_utf8_lossy(no_permission(command, denial).bytes()).into_owned().into())
    }

    /// A user takes the place of the one of the same name, or is new. Sessions follow, and subscribers go whose channels have.
    pub fn put_user(&mut self, current: &mut Client, user: User) {
        let old = self.acl.users.get(&user.name).cloned();
        let new = self.acl.users.put(user);
        let Some(old) = old else { return };
        self.end_subscribers(current, &old, &new);
        let is_default = Arc::ptr_eq(&new, self.acl.users.default_user());
        for client in self.clients.iter_mut().chain(std::iter::once(current)) {
            if client.user().is_some_and(|user| user.name == new.name) {
                client.become_user(&new);
            }
            if is_default && client.user().is_some() && !client.flags.intersects(ClientFlags::AUTHENTICATED) {
                client.flags.set(ClientFlags::NEEDS_AUTH, !new.needs_no_login());
            }
        }
    }

    /// `requirepass` has changed: it is the default user's password.
    pub fn put_default_password(&mut self, current: &mut Client) {
        let user = self.acl.with_password(&self.config.requirepass);
        self.put_user(current, user);
    }

    /// Subscribers of a user that is about to change lose their connection where they would lose a channel.
    fn end_subscribers(&mut self, current: &mut Client, old: &Arc<User>, new: &User) {
        let patterns = |user: &User| -> Option<HashSet<Vec<u8>>> {
            if user.selectors().any(|selector| selector.channels().is_none()) {
                return None;
            }
            Some(user.selectors().filter_map(|selector| selector.channels()).flatten().cloned().collect())
        };
        let Some(now_allowed) = patterns(new) else { return };
        // Who had less has lost nothing.
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

    /// Ends the sessions of users that are no more. The one that asked for it still gets its reply.
    pub fn end_sessions_of(&mut self, current: &mut Client, is_gone: impl Fn(&User) -> bool) {
        let gone = |client: &Client| client.user().is_some_and(|user| is_gone(user));
        let ended: Vec<ClientId> = self.clients.iter().filter(|client| gone(client)).map(|client| client.id).collect();
        ended.into_iter().for_each(|id| self.end_session(id));
        if gone(current) {
            // What it has queued is still asked with the rights of the user that is no more, not with anybody else's.
            current.flags.insert(ClientFlags::CLOSE_AFTER_REPLY);
        }
    }

    /// All users anew, from an ACL file. Only the default user's sessions go on.
    pub fn replace_users(&mut self, current: &mut Client, users: Users) {
        let default_user = User::clone(users.default_user());
        let old: Vec<Arc<User>> = self.acl.users.iter().cloned().collect();
        self.acl.users = users;
        let gone = |user: &User| user.name != default_user.name && old.iter().any(|known| known.name == user.name);
        self.end_sessions_of(current, gone);
        self.put_user(current, default_user.clone());
    }
}
