//! The SENTINEL command, for operators, clients and other Sentinels. What it shows is laid out in `sentinel_view.rs`; the
//! rules are those of the machine in `sentinel/`.

use super::sentinel_view as view;
use crate::base::epoch::Epoch;
use crate::base::glob;
use crate::base::log::{Level, log};
use crate::base::numbers::parse_i64;
use crate::resp::Args;
use crate::sentinel::operator::{Change, Refusal, values_of};
use crate::sentinel::{Address, Effect, Sentinel, SentinelId, address};
use crate::server::error::{NOT_INTEGER, wrong_arity};
use crate::server::{CommandError, CommandResult, Family, Handler, ServerContext};

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("sentinel|ckquorum", Handler::Server(ckquorum)),
    ("sentinel|config", Handler::Server(config)),
    ("sentinel|debug", Handler::Server(debug)),
    ("sentinel|failover", Handler::Server(failover)),
    ("sentinel|flushconfig", Handler::Server(flushconfig)),
    ("sentinel|get-master-addr-by-name", Handler::Server(get_master_addr_by_name)),
    ("sentinel|help", Handler::Server(help)),
    ("sentinel|info-cache", Handler::Server(info_cache)),
    ("sentinel|is-master-down-by-addr", Handler::Server(is_master_down_by_addr)),
    ("sentinel|master", Handler::Server(master)),
    ("sentinel|masters", Handler::Server(masters)),
    ("sentinel|monitor", Handler::Server(monitor)),
    ("sentinel|myid", Handler::Server(myid)),
    ("sentinel|pending-scripts", Handler::Server(pending_scripts)),
    ("sentinel|remove", Handler::Server(remove)),
    ("sentinel|replicas", Handler::Server(replicas)),
    ("sentinel|reset", Handler::Server(reset)),
    ("sentinel|sentinels", Handler::Server(sentinels)),
    ("sentinel|set", Handler::Server(set)),
    ("sentinel|simulate-failure", Handler::Server(simulate_failure)),
    ("sentinel|slaves", Handler::Server(replicas)),
];

const NO_SUCH_PRIMARY: CommandError = CommandError::Static("ERR No such master with that name");
/// The error outside Sentinel mode, where these commands cannot be reached.
const NO_SENTINEL: CommandError = CommandError::Static("ERR This instance is no Sentinel");

/// The machine, with its time brought up to date.
fn core<'a>(ctx: &'a mut ServerContext<'_>) -> CommandResult<&'a Sentinel> {
    let driver = ctx.server.mode.sentinel_mut().ok_or(NO_SENTINEL)?;
    let now = driver.now();
    driver.refresh_time(now);
    Ok(driver)
}

/// Runs an operation of the machine. Resulting events are published before the reply, as the real Sentinel does, which a
/// client that sends and subscribes on one connection can see.
fn with_core<R>(ctx: &mut ServerContext<'_>, f: impl FnOnce(&mut Sentinel) -> R) -> CommandResult<R> {
    let result = ctx.server.with_sentinel(f).ok_or(NO_SENTINEL)?;
    let driver = ctx.server.mode.sentinel_mut().ok_or(NO_SENTINEL)?;
    // Network effects may follow what is saved and published, but not precede it; nothing follows the end of the process.
    if driver.outbox().iter().any(|effect| matches!(effect, Effect::Crash(_))) {
        return Ok(result);
    }
    let is_ours = |effect: &Effect| matches!(effect, Effect::Save | Effect::Event { .. } | Effect::Log { .. });
    let (ours, others): (Vec<_>, Vec<_>) = std::mem::take(driver.outbox()).into_iter().partition(is_ours);
    *driver.outbox() = others;
    let mut saved = false;
    for effect in ours {
        match effect {
            Effect::Save if !saved => saved = super::config::save_sentinel(ctx.server),
            Effect::Event { level, name, payload } => ctx.server.tell_event(ctx.client, level, name, &payload),
            Effect::Log { level, text } => log(level, &text),
            _ => {}
        }
    }
    Ok(result)
}

/// The index of the primary that the third word names.
fn named(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult<usize> {
    core(ctx)?.index_of(args.get(2)).ok_or(NO_SUCH_PRIMARY)
}

fn refused(refusal: Refusal) -> CommandError {
    let Refusal(text) = refusal;
    let has_code = [&b"INPROG "[..], b"NOGOODSLAVE "].iter().any(|code| text.starts_with(code));
    CommandError::text(if has_code { text } else { [b"ERR ", &text[..]].concat() })
}

fn text(word: &[u8]) -> String {
    String::from_utf8_lossy(word).into_owned()
}

/// Saves the configuration, and replies whether that worked.
fn save_and_reply(ctx: &mut ServerContext<'_>) -> CommandResult {
    if !super::config::save_sentinel(ctx.server) {
        return Err(CommandError::Static("ERR Failed to save config file. Check server logs."));
    }
    ctx.reply().ok();
    Ok(())
}

/// `SENTINEL MYID`.
fn myid(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    let id = core(ctx)?.id.clone();
    ctx.reply().bulk(id.as_str().as_bytes());
    Ok(())
}

/// `SENTINEL MASTERS`.
fn masters(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    let core = core(ctx)?;
    let maps: Vec<view::Map> = (0..core.primaries.len()).map(|m| view::primary(core, m)).collect();
    view::reply(&mut ctx.reply(), &maps);
    Ok(())
}

/// `SENTINEL MASTER name`.
fn master(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let m = named(ctx, args)?;
    let map = view::primary(core(ctx)?, m);
    view::reply_one(&mut ctx.reply(), &map);
    Ok(())
}

/// `SENTINEL REPLICAS name`: without those that have `replica-announced no`.
fn replicas(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let m = named(ctx, args)?;
    let core = core(ctx)?;
    let shown = (0..core.primaries[m].replicas.len()).filter(|&r| core.primaries[m].replicas[r].announced);
    let maps: Vec<view::Map> = shown.map(|r| view::replica(core, m, r)).collect();
    view::reply(&mut ctx.reply(), &maps);
    Ok(())
}

/// `SENTINEL SENTINELS name`: all but this one.
fn sentinels(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let m = named(ctx, args)?;
    let core = core(ctx)?;
    let maps: Vec<view::Map> = (0..core.primaries[m].peers.len()).map(|p| view::peer(core, m, p)).collect();
    view::reply(&mut ctx.reply(), &maps);
    Ok(())
}

/// `SENTINEL GET-MASTER-ADDR-BY-NAME name`.
fn get_master_addr_by_name(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let core = core(ctx)?;
    let found = core.index_of(args.get(2)).map(|m| {
        let address = core.primaries[m].current_address();
        (address.shown(core.settings.announce_hostnames).to_owned(), address.port)
    });
    let mut reply = ctx.reply();
    match found {
        Some((host, port)) => {
            reply.array(2);
            reply.bulk(host.as_bytes());
            reply.bulk_integer(i64::from(port));
        }
        None => reply.null_array(),
    }
    Ok(())
}

/// `SENTINEL IS-MASTER-DOWN-BY-ADDR ip port epoch runid`: whether this Sentinel sees the primary down and, if `runid` is not
/// `*`, its vote.
fn is_master_down_by_addr(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let port = parse_i64(args.get(3)).ok_or(NOT_INTEGER)?;
    let epoch = Epoch(parse_i64(args.get(4)).ok_or(NOT_INTEGER)?.cast_unsigned());
    let (host, candidate) = (text(args.get(2)), Some(text(args.get(5))).filter(|id| id != "*").map(SentinelId::new));
    let mode = ctx.server.mode.sentinel_mut().ok_or(NO_SENTINEL)?;
    let port = u16::try_from(port).unwrap_or(0);
    if !mode.settings.resolve_hostnames && !address::is_ip(&host) {
        not_resolved(&host);
    }
    let name = mode.name_to_locate(&host, port);
    look_up(mode, name);
    let address = mode.locate(&host, port);
    let (down, vote) = with_core(ctx, |core| core.is_primary_down(&address, epoch, candidate.as_ref()))?;
    let mut reply = ctx.reply();
    reply.array(3);
    reply.integer(i64::from(down));
    reply.bulk(vote.leader.as_ref().map_or("*", SentinelId::as_str).as_bytes());
    reply.integer(if vote.leader.is_some() { vote.epoch.to_i64() } else { 0 });
    Ok(())
}

/// `SENTINEL RESET pattern`.
fn reset(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let pattern = args.get(2);
    let count = with_core(ctx, |core| core.reset(pattern))?;
    ctx.reply().integer(count as i64);
    Ok(())
}

/// `SENTINEL FAILOVER name`.
fn failover(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let m = named(ctx, args)?;
    let done = with_core(ctx, |core| core.failover(m))?;
    done.map_err(refused)?;
    ctx.reply().ok();
    Ok(())
}

/// `SENTINEL MONITOR name ip port quorum`.
fn monitor(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let quorum = parse_i64(args.get(5)).ok_or(CommandError::Static("ERR Invalid quorum"))?;
    let port = parse_i64(args.get(4)).ok_or(CommandError::Static("ERR Invalid port"))?;
    if quorum <= 0 {
        return Err(CommandError::Static("ERR Quorum must be 1 or greater."));
    }
    let (name, host) = (text(args.get(2)), text(args.get(3)));
    let mut address = Address::new(&host, 0);
    if !address::is_ip(&host) {
        let found = core(ctx)?.settings.resolve_hostnames.then(|| ip_of(&host)).flatten();
        address.ip = found.ok_or(CommandError::Static("ERR Invalid IP address or hostname specified"))?;
    }
    address.port = u16::try_from(port).map_err(|_| CommandError::Static("ERR Invalid port number."))?;
    if core(ctx)?.primary(&name).is_some() {
        return Err(CommandError::Static("ERR Duplicate master name."));
    }
    // Unlike other events, this one is published after the reply.
    let done = ctx.server.with_sentinel(|core| core.monitor_now(&name, address, quorum));
    done.ok_or(NO_SENTINEL)?.map_err(refused)?;
    save_and_reply(ctx)
}

/// Resolves a host name. As in the real server, this blocks.
fn ip_of(host: &str) -> Option<String> {
    let mut found = std::net::ToSocketAddrs::to_socket_addrs(&(host, 0)).ok()?;
    found.next().map(|address| address.ip().to_string())
}

/// Resolves a host name, and logs a failure.
pub fn resolve(host: &str) -> Option<String> {
    ip_of(host).or_else(|| not_resolved(host))
}

/// Logs that a host name could not be resolved.
pub fn not_resolved(host: &str) -> Option<String> {
    log(Level::Warning, &format!("Failed to resolve hostname '{host}'"));
    None
}

/// Resolves names for the machine, and tells it the addresses.
pub fn look_up(core: &mut Sentinel, names: impl IntoIterator<Item = String>) {
    for name in names {
        let ip = resolve(&name);
        core.learn(&name, ip);
    }
}

/// `SENTINEL REMOVE name`.
fn remove(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let name = text(args.get(2));
    let found = with_core(ctx, |core| core.remove(&name))?;
    if !found {
        return Err(NO_SUCH_PRIMARY);
    }
    save_and_reply(ctx)
}

/// `SENTINEL SET name option value [option value ...]`: options before a wrong one stay changed.
fn set(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let m = named(ctx, args)?;
    let words: Vec<&[u8]> = args.from(3).collect();
    let mut at = 0;
    let mut changed = false;
    while at < words.len() {
        let option = text(words[at]);
        let values = values_of(&option).map(|count| &words[at + 1..(at + 1 + count).min(words.len())]);
        let complete = values.filter(|values| Some(values.len()) == values_of(&option));
        let done = match complete {
            Some(values) => set_one(ctx, m, Change { option: &option, values }),
            None => Err(CommandError::text(
                [b"ERR Unknown option or number of arguments for SENTINEL SET '", words[at], b"'"].concat(),
            )),
        };
        if let Err(error) = done {
            if changed {
                super::config::save_sentinel(ctx.server);
            }
            return Err(error);
        }
        changed = true;
        at += 1 + complete.map_or(0, <[_]>::len);
    }
    save_and_reply(ctx)
}

fn set_one(ctx: &mut ServerContext<'_>, m: usize, change: Change<'_>) -> CommandResult {
    let (fixed, value) = (core(ctx)?.settings.scripts_fixed, change.values[0]);
    if !fixed && !value.is_empty() && !is_executable(value) {
        match change.option.to_ascii_lowercase().as_str() {
            "notification-script" => {
                return Err(CommandError::Static("ERR Notification script seems non existing or non executable"));
            }
            "client-reconfig-script" => {
                return Err(CommandError::Static(
                    "ERR Client reconfiguration script seems non existing or non executable",
                ));
            }
            _ => {}
        }
    }
    with_core(ctx, |core| core.set(m, change))?.map_err(refused)
}

/// Whether the file exists and may be executed.
pub fn is_executable(path: &[u8]) -> bool {
    use std::os::unix::ffi::OsStrExt;
    let path = std::path::Path::new(std::ffi::OsStr::from_bytes(path));
    nix::unistd::access(path, nix::unistd::AccessFlags::X_OK).is_ok()
}

/// `SENTINEL CKQUORUM name`.
fn ckquorum(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let m = named(ctx, args)?;
    let primary = &core(ctx)?.primaries[m];
    let (usable, quorum, majority) = (primary.usable(), primary.quorum as usize, primary.voters() / 2 + 1);
    let mut missing = Vec::new();
    if usable < quorum {
        missing.push("Not enough available Sentinels to reach the specified quorum for this master");
    }
    if usable < majority {
        missing.push("Not enough available Sentinels to reach the majority and authorize a failover");
    }
    if !missing.is_empty() {
        return Err(CommandError::text(format!("NOQUORUM {usable} usable Sentinels. {}", missing.join(". "))));
    }
    let text = format!("OK {usable} usable Sentinels. Quorum and failover authorization can be reached");
    ctx.reply().simple(&text);
    Ok(())
}

/// `SENTINEL FLUSHCONFIG`.
fn flushconfig(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    core(ctx)?;
    save_and_reply(ctx)
}

/// `SENTINEL CONFIG GET pattern | SET option value`.
fn config(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    if args.is(2, "set") && args.len() == 5 {
        let (option, value) = (text(args.get(3)), args.get(4).to_vec());
        let done = with_core(ctx, |core| core.configure(&option, &value))?;
        done.map_err(refused)?;
        return save_and_reply(ctx);
    }
    if !args.is(2, "get") || args.len() != 4 {
        return Err(CommandError::Static(
            "ERR Only SENTINEL CONFIG GET <option> / SET <option> <value> are supported.",
        ));
    }
    let pattern = args.get(3);
    let mut found = view::settings(&core(ctx)?.settings);
    found.retain(|(name, _)| glob::matches(pattern, name.as_bytes(), true));
    view::reply_one(&mut ctx.reply(), &found);
    Ok(())
}

/// `SENTINEL DEBUG [name milliseconds ...]`.
fn debug(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    if args.len() == 2 {
        let all = core(ctx)?.timing.all();
        let map: view::Map = all.into_iter().map(|(name, value)| (name, value.to_string().into_bytes())).collect();
        view::reply_one(&mut ctx.reply(), &map);
        return Ok(());
    }
    let mode = ctx.server.mode.sentinel_mut().ok_or(NO_SENTINEL)?;
    let words: Vec<&[u8]> = args.from(2).collect();
    for pair in words.chunks(2) {
        let name = text(pair[0]);
        let timing = mode.timing.by_name(&name).filter(|_| pair.len() == 2);
        let Some(timing) = timing else {
            return Err(CommandError::text(
                [b"ERR Unknown option or number of arguments for SENTINEL DEBUG '", pair[0], b"'"].concat(),
            ));
        };
        let Some(value) = parse_i64(pair[1]).filter(|&value| value > 0) else {
            return Err(CommandError::text(
                [b"ERR Invalid argument '", pair[1], b"' for SENTINEL DEBUG '", pair[0], b"'"].concat(),
            ));
        };
        *timing = value;
    }
    // All timers may be due at different times now.
    with_core(ctx, Sentinel::look_again)?;
    ctx.reply().ok();
    Ok(())
}

/// `SENTINEL INFO-CACHE name [name ...]`.
fn info_cache(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let core = core(ctx)?;
    let found: Vec<(String, Vec<view::Cached>)> = args
        .from(2)
        .filter_map(|name| core.index_of(name))
        .map(|m| (core.primaries[m].name().to_owned(), view::cached(core, m)))
        .collect();
    let mut reply = ctx.reply();
    reply.array(found.len() * 2);
    for (name, cached) in found {
        reply.bulk(name.as_bytes());
        reply.array(cached.len());
        for (age, info) in cached {
            reply.array(2);
            reply.integer(age);
            match info {
                Some(info) => reply.bulk(info.as_bytes()),
                None => reply.null(),
            }
        }
    }
    Ok(())
}

/// `SENTINEL PENDING-SCRIPTS`.
fn pending_scripts(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    let core = core(ctx)?;
    let scripts = view::scripts(core);
    let mut reply = ctx.reply();
    reply.array(scripts.len());
    for (argv, fields) in scripts {
        reply.map(fields.len() + 1);
        reply.bulk(b"argv");
        reply.bulks(argv.iter().map(|word| word.as_bytes()));
        for (name, value) in fields {
            reply.bulk(name.as_bytes());
            reply.bulk(&value);
        }
    }
    Ok(())
}

/// `SENTINEL SIMULATE-FAILURE [crash-after-election] [crash-after-promotion] [help]`.
fn simulate_failure(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    const KINDS: [&str; 2] = ["crash-after-election", "crash-after-promotion"];
    const WILL_CRASH: &str = "Failure simulation: this Sentinel will crash after";
    let mode = ctx.server.mode.sentinel_mut().ok_or(NO_SENTINEL)?;
    let simulated = &mut mode.simulated;
    *simulated = Default::default();
    for word in args.from(2) {
        match text(word).to_ascii_lowercase().as_str() {
            "crash-after-election" => {
                log(Level::Warning, &format!("{WILL_CRASH} being successfully elected as failover leader"));
                simulated.after_election = true;
            }
            "crash-after-promotion" => {
                log(Level::Warning, &format!("{WILL_CRASH} promoting the selected replica to master"));
                simulated.after_promotion = true;
            }
            "help" => {
                ctx.reply().bulks(KINDS.iter().map(|kind| kind.as_bytes()));
                return Ok(());
            }
            _ => return Err(CommandError::Static("ERR Unknown failure simulation specified")),
        }
    }
    if args.len() == 2 {
        return Err(wrong_arity("sentinel|simulate-failure"));
    }
    ctx.reply().ok();
    Ok(())
}

/// `SENTINEL HELP`.
fn help(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    super::help(&mut ctx.reply(), "SENTINEL", HELP);
    Ok(())
}

const HELP: &[&str] = &[
    "CKQUORUM <master-name>",
    "    Whether enough Sentinels are reachable to agree that the master is down, and to elect a leader.",
    "CONFIG GET <pattern>",
    "    Settings that concern no single master.",
    "CONFIG SET <option> <value>",
    "    Change one of them.",
    "DEBUG [<name> <milliseconds> ...]",
    "    Periods and time-outs; change some.",
    "FAILOVER <master-name>",
    "    Fail over without asking other Sentinels.",
    "FLUSHCONFIG",
    "    Write the configuration file anew.",
    "GET-MASTER-ADDR-BY-NAME <master-name>",
    "    Where the master is.",
    "INFO-CACHE <master-name> [<master-name> ...]",
    "    The last INFO of masters and their replicas.",
    "IS-MASTER-DOWN-BY-ADDR <ip> <port> <epoch> <runid>",
    "    Whether this Sentinel sees the master down; with a run id, its vote.",
    "MASTER <master-name>",
    "    The state of a master.",
    "MASTERS",
    "    The states of all masters.",
    "MONITOR <name> <ip> <port> <quorum>",
    "    Monitor another master.",
    "MYID",
    "    The id of this Sentinel.",
    "PENDING-SCRIPTS",
    "    Scripts that run or wait.",
    "REMOVE <master-name>",
    "    Do not monitor a master any more.",
    "REPLICAS <master-name>",
    "    The states of its replicas.",
    "RESET <pattern>",
    "    Forget what was learnt about masters whose names match.",
    "SENTINELS <master-name>",
    "    The other Sentinels that monitor it.",
    "SET <master-name> <option> <value> [<option> <value> ...]",
    "    Change settings of a master.",
    "SIMULATE-FAILURE [CRASH-AFTER-ELECTION] [CRASH-AFTER-PROMOTION] [HELP]",
    "    End this process at a certain point of the next failover.",
];
