//! Access control on the path of a request: may this session run this command, and how are refusals recorded?
//!
//! The rules themselves live in `acl/`. The keys that a request touches come from [`keys_of`], which routing and COMMAND
//! GETKEYS use as well.

use std::borrow::Cow;
use std::sync::Arc;

use crate::acl::log::{Context, Entry, Reason};
use crate::acl::{Access, ChannelUse, Denial, KeyUse, Request, User};
use crate::dispatch::keys::keys_of;
use crate::resp::Args;
use crate::server::client::{BlockKind, Client, ClientFlags};
use crate::server::client_line::client_line;
use crate::server::doc::{Channels, Flags, Internal, KeyFlags};
use crate::server::error::CommandError;
use crate::server::registry::Command;
use crate::server::state::Server;

fn access(flags: KeyFlags) -> Access {
    let read = if flags.intersects(KeyFlags::ACCESS) { Access::READ } else { Access::NONE };
    let write = if flags.intersects(KeyFlags::INSERT | KeyFlags::DELETE | KeyFlags::UPDATE) {
        Access::WRITE
    } else {
        Access::NONE
    };
    read.and(write)
}

/// Describes a request (command, keys, channels) in the form that `acl` checks, and passes it to `look` together with the
/// user.
fn with_request<R>(user: &User, command: &Command, args: &Args<'_>, look: impl FnOnce(&Request<'_>) -> R) -> R {
    let mut keys = Vec::new();
    if command.doc.has_keys() && !user.allows_all_keys() {
        let words: Vec<&[u8]> = args.from(0).collect();
        // If the keys cannot be determined, the command itself replies with an error and touches none.
        for found in keys_of(command.doc, &words, false).unwrap_or_default() {
            keys.push(KeyUse { index: found.index, key: words[found.index], access: access(found.flags) });
        }
    }
    let mut channels = Vec::new();
    if command.doc.channels != Channels::None && !user.allows_all_channels() {
        let count = if command.doc.channels == Channels::First { 1 } else { args.len() };
        let is_pattern = command.doc.channels == Channels::Patterns;
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
/// The first thing the user has no permission for: the command, a key or a channel.
pub fn permits_user(user: &User, command: &Command, args: &Args<'_>) -> Result<(), Denial> {
    with_request(user, command, args, |request| user.check(request))
}

/// Whether a session's user may run a command. Its arity has been checked.
///
/// # Errors
/// The first thing the user has no permission for: the command, a key or a channel.
pub fn permits(client: &Client, command: &Command, args: &Args<'_>) -> Result<(), Denial> {
    client.user().map_or(Ok(()), |user| permits_user(user, command, args))
}

/// Whether a command that finds keys by pattern (SORT with BY or GET) may read whichever keys these turn out to be.
pub(crate) fn may_read_by_pattern(client: &Client, command: &Command, args: &Args<'_>) -> bool {
    if !command.doc.is(Internal::READS_BY_PATTERN) {
        return true;
    }
    let allows =
        |user: &Arc<User>| with_request(user, command, args, |request| user.allows_with_any_key(request, Access::READ));
    client.user().is_none_or(allows)
}

/// The `NOPERM` error for a command that the client's user may not run.
pub fn no_permission(command: &Command, denial: Denial) -> CommandError {
    CommandError::text(match denial {
        Denial::Command => format!("NOPERM this user has no permissions to run the '{}' command", command.name),
        Denial::Key(_) => "NOPERM this user has no permissions to access one of the keys used as arguments".to_owned(),
        Denial::Channel(_) => {
            "NOPERM this user has no permissions to access one of the channels used as arguments".to_owned()
        }
    })
}

/// The error that EXEC puts in place of a queued command that the user may no longer run.
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

/// The error that a script gets for a call that its caller may not make.
pub(crate) fn denied_in_script(denial: Denial) -> &'static str {
    match denial {
        Denial::Command => "The user executing the script can't run this command or subcommand",
        Denial::Key(_) => {
            "The user executing the script can't access at least one of the keys mentioned in the command arguments"
        }
        Denial::Channel(_) => "The user executing the script can't publish to the channel mentioned in the command",
    }
}

impl Server {
    /// Adds a refused command to ACL LOG. The entry shows the client with the command it last ran.
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

    /// Adds a refused login to ACL LOG; `command` is the name of the command that attempted it (AUTH or HELLO).
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
            at: self.time.now,
            client: client_line(self, client).into_bytes(),
        };
        self.acl.log.add(entry, self.config.acllog_max_len as usize);
    }

    /// Why a blocked client must not be served: its user may have lost the permission since the client blocked.
    pub(crate) fn lost_right(&mut self, client: &Client) -> Option<Cow<'static, str>> {
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
}
