//! The CLIENT command, except for its subcommands about tracking (`client_tracking.rs`).

use super::stream_info::wrong_options;
use crate::base::numbers::parse_i64;
use crate::resp::Args;
use crate::server::client::{BlockKind, Client, ClientFlags, ClientId, Unblock};
use crate::server::client_line::client_line;
use crate::server::error::*;
use crate::server::pauses::PausePurpose;
use crate::server::state::Server;
use crate::server::{CommandError, CommandResult, Family, Handler, ServerContext};

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("client|caching", Handler::Server(super::client_tracking::caching)),
    ("client|getname", Handler::Server(getname)),
    ("client|getredir", Handler::Server(super::client_tracking::getredir)),
    ("client|help", Handler::Server(help)),
    ("client|id", Handler::Server(id)),
    ("client|info", Handler::Server(info)),
    ("client|kill", Handler::Server(kill)),
    ("client|list", Handler::Server(list)),
    ("client|no-evict", Handler::Server(no_evict)),
    ("client|pause", Handler::Server(pause)),
    ("client|reply", Handler::Server(reply_mode)),
    ("client|setname", Handler::Server(setname)),
    ("client|tracking", Handler::Server(super::client_tracking::tracking)),
    ("client|trackinginfo", Handler::Server(super::client_tracking::trackinginfo)),
    ("client|unblock", Handler::Server(unblock)),
    ("client|unpause", Handler::Server(unpause)),
];

/// A client's name must be printable and without blanks.
///
/// # Errors
/// Redis's error text.
pub fn check_name(name: &[u8]) -> CommandResult {
    if name.iter().all(|byte| (b'!'..=b'~').contains(byte)) {
        return Ok(());
    }
    Err(CommandError::Static("ERR Client names cannot contain spaces, newlines or special characters."))
}

/// `CLIENT ID`.
fn id(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    let id = ctx.client.id.0 as i64;
    ctx.reply().integer(id);
    Ok(())
}

/// `CLIENT SETNAME name`.
fn setname(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    check_name(args.get(2))?;
    ctx.client.name = args.get(2).to_vec();
    ctx.reply().ok();
    Ok(())
}

/// `CLIENT GETNAME`.
fn getname(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    let name = ctx.client.name.clone();
    if name.is_empty() {
        ctx.reply().null()
    } else {
        ctx.reply().bulk(&name)
    }
    Ok(())
}

/// `CLIENT NO-EVICT ON|OFF`.
fn no_evict(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let on = on_or_off(args, 2)?;
    ctx.client.flags.set(ClientFlags::NO_EVICT, on);
    ctx.reply().ok();
    Ok(())
}

fn on_or_off(args: &Args<'_>, at: usize) -> CommandResult<bool> {
    if args.is(at, "on") {
        return Ok(true);
    }
    if args.is(at, "off") { Ok(false) } else { Err(SYNTAX) }
}

/// `CLIENT REPLY ON|OFF|SKIP`.
fn reply_mode(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let flags = &mut ctx.client.flags;
    if args.is(2, "on") {
        flags.remove(ClientFlags::REPLY_OFF);
        flags.remove(ClientFlags::REPLY_SKIP);
        flags.remove(ClientFlags::REPLY_SKIP_NEXT);
        ctx.reply().ok();
    } else if args.is(2, "off") {
        flags.insert(ClientFlags::REPLY_OFF);
    } else if args.is(2, "skip") {
        if !flags.intersects(ClientFlags::REPLY_OFF) {
            flags.insert(ClientFlags::REPLY_SKIP_NEXT);
        }
    } else {
        return Err(SYNTAX);
    }
    Ok(())
}

/// `CLIENT INFO`.
fn info(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    let line = client_line(ctx.server, ctx.client) + "\n";
    ctx.reply().verbatim("txt", line.as_bytes());
    Ok(())
}

/// The kinds of clients that TYPE names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Normal,
    Primary,
    Replica,
    PubSub,
}

impl Kind {
    fn parse(word: &[u8]) -> CommandResult<Self> {
        match word.to_ascii_lowercase().as_slice() {
            b"normal" => Ok(Self::Normal),
            b"master" => Ok(Self::Primary),
            b"slave" | b"replica" => Ok(Self::Replica),
            b"pubsub" => Ok(Self::PubSub),
            _ => Err(CommandError::text([b"ERR Unknown client type '", word, b"'"].concat())),
        }
    }

    fn of(client: &Client) -> Self {
        if client.flags.intersects(ClientFlags::PRIMARY) {
            Self::Primary
        } else if client.is_replica() && !client.flags.intersects(ClientFlags::MONITOR) {
            Self::Replica
        } else if client.flags.intersects(ClientFlags::PUBSUB) {
            Self::PubSub
        } else {
            Self::Normal
        }
    }
}

/// `CLIENT LIST [TYPE type] [ID id ...]`.
fn list(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let mut kind = None;
    let mut ids: Option<Vec<i64>> = None;
    if args.len() == 4 && args.is(2, "type") {
        kind = Some(Kind::parse(args.get(3))?);
    } else if args.len() > 3 && args.is(2, "id") {
        let parse =
            |word: &[u8]| parse_i64(word).filter(|&id| id > 0).ok_or(CommandError::Static("ERR Invalid client ID"));
        ids = Some(args.from(3).map(parse).collect::<CommandResult<_>>()?);
    } else if args.len() != 2 {
        return Err(SYNTAX);
    }
    let wanted = |client: &Client| {
        kind.is_none_or(|kind| Kind::of(client) == kind)
            && ids.as_ref().is_none_or(|ids| ids.contains(&(client.id.0 as i64)))
    };
    let mut clients: Vec<&Client> = ctx.server.clients.iter().chain(std::iter::once(&*ctx.client)).collect();
    clients.sort_by_key(|client| client.id);
    let mut text = String::new();
    for client in clients.into_iter().filter(|client| wanted(client)) {
        text.push_str(&client_line(ctx.server, client));
        text.push('\n');
    }
    ctx.reply().verbatim("txt", text.as_bytes());
    Ok(())
}

/// The conditions of CLIENT KILL, all of which a client has to meet.
#[derive(Default)]
struct Filter {
    id: Option<u64>,
    addr: Option<Vec<u8>>,
    laddr: Option<Vec<u8>>,
    kind: Option<Kind>,
    user: Option<Vec<u8>>,
    spare_self: bool,
}

impl Filter {
    fn accepts(&self, client: &Client, is_self: bool) -> bool {
        self.id.is_none_or(|id| ClientId(id) == client.id)
            && self.addr.as_ref().is_none_or(|addr| *addr == client.addr.as_bytes())
            && self.laddr.as_ref().is_none_or(|laddr| *laddr == client.laddr.as_bytes())
            && self.kind.is_none_or(|kind| Kind::of(client) == kind)
            && self.user.as_ref().is_none_or(|user| client.user().is_some_and(|known| known.name == *user))
            && !(self.spare_self && is_self)
    }
}

/// `CLIENT KILL addr:port` and `CLIENT KILL filter value ...`.
fn kill(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let old_form = args.len() == 3;
    let filter = if old_form {
        Filter { addr: Some(args.get(2).to_vec()), ..Filter::default() }
    } else {
        kill_filter(ctx.server, args)?
    };
    let others = ctx.server.clients.iter().filter(|client| filter.accepts(client, false));
    let others: Vec<ClientId> = others.map(|client| client.id).collect();
    others.iter().for_each(|&id| ctx.server.end_session(id));
    let includes_self = filter.accepts(ctx.client, true);
    let killed = others.len() as i64 + i64::from(includes_self);
    if old_form {
        if killed == 0 {
            return Err(NO_SUCH_CLIENT);
        }
        ctx.reply().ok();
    } else {
        ctx.reply().integer(killed);
    }
    if includes_self {
        ctx.client.flags.insert(ClientFlags::CLOSE_AFTER_REPLY);
    }
    Ok(())
}

fn kill_filter(server: &Server, args: &Args<'_>) -> CommandResult<Filter> {
    let mut filter = Filter { spare_self: true, ..Filter::default() };
    let mut at = 2;
    while at < args.len() {
        let Some(value) = args.at(at + 1) else { return Err(SYNTAX) };
        match args.get(at).to_ascii_lowercase().as_slice() {
            b"id" => {
                let id = parse_i64(value).ok_or(CommandError::Static("ERR client-id should be greater than 0"))?;
                if id < 1 {
                    return Err(CommandError::Static("ERR client-id should be greater than 0"));
                }
                filter.id = Some(id as u64);
            }
            b"type" => filter.kind = Some(Kind::parse(value)?),
            b"addr" => filter.addr = Some(value.to_vec()),
            b"laddr" => filter.laddr = Some(value.to_vec()),
            b"user" => {
                if server.acl.users().get(value).is_none() {
                    let name = shown(value, value.len());
                    return Err(CommandError::text([b"ERR No such user '", name, b"'"].concat()));
                }
                filter.user = Some(value.to_vec());
            }
            b"skipme" if value.eq_ignore_ascii_case(b"yes") => filter.spare_self = true,
            b"skipme" if value.eq_ignore_ascii_case(b"no") => filter.spare_self = false,
            _ => return Err(SYNTAX),
        }
        at += 2;
    }
    Ok(filter)
}

/// `CLIENT PAUSE timeout [WRITE|ALL]`.
fn pause(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    if args.len() > 4 {
        return Err(wrong_options(args.get(1), "CLIENT"));
    }
    let all = match args.at(3) {
        None => true,
        Some(word) if word.eq_ignore_ascii_case(b"all") => true,
        Some(word) if word.eq_ignore_ascii_case(b"write") => false,
        Some(_) => return Err(CommandError::Static("ERR CLIENT PAUSE mode must be WRITE or ALL")),
    };
    let timeout = parse_i64(args.get(2)).ok_or(TIMEOUT_NOT_INTEGER)?;
    if timeout < 0 {
        return Err(TIMEOUT_NEGATIVE);
    }
    let until = ctx.server.time.now.saturating_add(timeout);
    ctx.server.pause_clients(PausePurpose::Client, until, all);
    ctx.reply().ok();
    Ok(())
}

/// `CLIENT UNPAUSE`.
fn unpause(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    ctx.server.resume_clients(PausePurpose::Client);
    ctx.reply().ok();
    Ok(())
}

/// `CLIENT UNBLOCK id [TIMEOUT|ERROR]`.
fn unblock(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    if args.len() > 4 {
        return Err(wrong_options(args.get(1), "CLIENT"));
    }
    let how = match args.at(3) {
        None => Unblock::Timeout,
        Some(word) if word.eq_ignore_ascii_case(b"timeout") => Unblock::Timeout,
        Some(word) if word.eq_ignore_ascii_case(b"error") => {
            Unblock::Error("UNBLOCKED client unblocked via CLIENT UNBLOCK".into())
        }
        Some(_) => return Err(CommandError::Static("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")),
    };
    let id = parse_i64(args.get(2)).ok_or(NOT_INTEGER)?;
    let waits = u64::try_from(id).ok().map(ClientId).filter(|&id| {
        ctx.server.clients.by_id(id).is_some_and(|client| {
            client.block.as_ref().is_some_and(|block| !matches!(block.kind, BlockKind::Pause | BlockKind::Shutdown))
        })
    });
    if let Some(id) = waits {
        ctx.server.unblock_by_id(id, how);
    }
    ctx.reply().integer(i64::from(waits.is_some()));
    Ok(())
}

/// `CLIENT HELP`.
fn help(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    super::help(
        &mut ctx.reply(),
        "CLIENT",
        &[
            "CACHING (YES|NO)",
            "    Decide whether the next command's keys are tracked, in OPTIN or OPTOUT mode.",
            "GETNAME",
            "    Show the name of this connection.",
            "GETREDIR",
            "    Show to which client this connection's tracking is redirected.",
            "ID",
            "    Show the number of this connection.",
            "INFO",
            "    Describe this connection.",
            "KILL <ip:port> | <option> ...",
            "    End the connections that an address or all options (ADDR, LADDR, TYPE, USER, ID, SKIPME) name.",
            "LIST [options ...]",
            "    Describe all connections, or those of a TYPE or with an ID.",
            "NO-EVICT (ON|OFF)",
            "    Spare this connection when memory for clients runs out.",
            "PAUSE <timeout> [WRITE|ALL]",
            "    Hold commands back for <timeout> milliseconds.",
            "REPLY (ON|OFF|SKIP)",
            "    Choose whether this connection gets replies.",
            "SETNAME <name>",
            "    Name this connection.",
            "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]] [OPTIN] [OPTOUT] [NOLOOP]",
            "    Be told when keys change that this connection has read.",
            "TRACKINGINFO",
            "    Describe this connection's tracking.",
            "UNBLOCK <clientid> [TIMEOUT|ERROR]",
            "    End the wait of a blocked connection.",
            "UNPAUSE",
            "    End a pause before its time.",
        ],
    );
    Ok(())
}
