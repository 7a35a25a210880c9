//! CLUSTER: the subcommands that Redis has, for operators, clients and tools. The rules are those of the machine in
//! `cluster/`.

use super::cluster_view as view;
use crate::base::numbers::parse_i64;
use crate::base::slot::Slot;
use crate::cluster::operator::{FailoverVariant, Refusal, SetSlot};
use crate::cluster::settings::BUS_PORT_DISTANCE;
use crate::cluster::{Cluster, SLOTS, key_slot};
use crate::config::file::os_text;
use crate::resp::Args;
use crate::server::error::{NOT_INTEGER, SYNTAX, wrong_arity};
use crate::server::{CommandError, CommandResult, Family, Handler, ServerContext};

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("cluster|addslots", Handler::Server(addslots)),
    ("cluster|addslotsrange", Handler::Server(addslotsrange)),
    ("cluster|bumpepoch", Handler::Server(bumpepoch)),
    ("cluster|count-failure-reports", Handler::Server(count_failure_reports)),
    ("cluster|countkeysinslot", Handler::Server(countkeysinslot)),
    ("cluster|delslots", Handler::Server(delslots)),
    ("cluster|delslotsrange", Handler::Server(delslotsrange)),
    ("cluster|failover", Handler::Server(failover)),
    ("cluster|flushslots", Handler::Server(flushslots)),
    ("cluster|forget", Handler::Server(forget)),
    ("cluster|getkeysinslot", Handler::Server(getkeysinslot)),
    ("cluster|help", Handler::Server(help)),
    ("cluster|info", Handler::Server(info)),
    ("cluster|keyslot", Handler::Server(keyslot)),
    ("cluster|links", Handler::Server(links)),
    ("cluster|meet", Handler::Server(meet)),
    ("cluster|myid", Handler::Server(myid)),
    ("cluster|nodes", Handler::Server(nodes)),
    ("cluster|replicas", Handler::Server(replicas)),
    ("cluster|replicate", Handler::Server(replicate)),
    ("cluster|reset", Handler::Server(reset)),
    ("cluster|saveconfig", Handler::Server(saveconfig)),
    ("cluster|set-config-epoch", Handler::Server(set_config_epoch)),
    ("cluster|setslot", Handler::Server(setslot)),
    ("cluster|shards", Handler::Server(shards)),
    ("cluster|slaves", Handler::Server(replicas)),
    ("cluster|slots", Handler::Server(slots)),
];

/// The error for all subcommands if cluster mode is off.
pub(super) const DISABLED: CommandError = CommandError::Static("ERR This instance has cluster support disabled");

/// The cluster's machine, or the error that cluster mode is off.
fn core<'a>(ctx: &'a ServerContext<'_>) -> CommandResult<&'a Cluster> {
    ctx.server.cluster().ok_or(DISABLED)
}

/// Runs an operation of the machine; its refusal becomes the reply.
fn act<R>(ctx: &mut ServerContext<'_>, f: impl FnOnce(&mut Cluster) -> Result<R, Refusal>) -> CommandResult<R> {
    let result = ctx.server.with_cluster(Some(ctx.client), f).ok_or(DISABLED)?;
    result.map_err(|Refusal(text)| CommandError::text([b"ERR ", &text[..]].concat()))
}

/// Does the same, and replies `+OK` on success.
fn act_and_reply(ctx: &mut ServerContext<'_>, f: impl FnOnce(&mut Cluster) -> Result<(), Refusal>) -> CommandResult {
    act(ctx, f)?;
    ctx.reply().ok();
    Ok(())
}

fn refuse<T>(text: impl AsRef<[u8]>) -> CommandResult<T> {
    Err(CommandError::text([b"ERR ", text.as_ref()].concat()))
}

/// The error for too many words, where the arity does not catch them.
fn too_many(args: &Args<'_>) -> CommandError {
    let name = crate::server::error::shown(args.get(1), 128);
    CommandError::text(
        [b"ERR unknown subcommand or wrong number of arguments for '", name, b"'. Try CLUSTER HELP."].concat(),
    )
}

/// Brings the machine's view of the data, which dates from its last input, up to date.
fn look(ctx: &mut ServerContext<'_>) -> CommandResult {
    ctx.server.with_cluster(None, |_| ()).ok_or(DISABLED)
}

fn slot_of(word: &[u8]) -> CommandResult<Slot> {
    let slot = parse_i64(word).and_then(|slot| u16::try_from(slot).ok()).and_then(Slot::new);
    slot.ok_or(CommandError::Static("ERR Invalid or out of range slot"))
}

fn listed_slots(args: &Args<'_>) -> CommandResult<Vec<Slot>> {
    args.from(2).map(slot_of).collect()
}

/// The slots of the given ranges. Each slot is passed to `checked` before the next range is parsed.
fn ranged_slots(
    ctx: &ServerContext<'_>,
    args: &Args<'_>,
    name: &str,
    checked: impl Fn(&Cluster, &[Slot]) -> Result<(), Refusal>,
) -> CommandResult<Vec<Slot>> {
    let core = core(ctx)?;
    if !args.len().is_multiple_of(2) {
        return Err(wrong_arity(name));
    }
    let words: Vec<&[u8]> = args.from(2).collect();
    let mut slots = Vec::new();
    for pair in words.chunks_exact(2) {
        let (start, end) = (slot_of(pair[0])?, slot_of(pair[1])?);
        if start > end {
            return refuse(format!("start slot number {start} is greater than end slot number {end}"));
        }
        let range: Vec<Slot> = Slot::of(&(start..=end)).collect();
        checked(core, &range).map_err(|Refusal(text)| CommandError::text([b"ERR ", &text[..]].concat()))?;
        slots.extend(range);
        if slots.len() > usize::from(SLOTS) {
            // Duplicates are refused later; one entry more than there are slots is enough to find one.
            slots.truncate(usize::from(SLOTS) + 1);
        }
    }
    Ok(slots)
}

/// `CLUSTER ADDSLOTS slot [slot ...]`.
fn addslots(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    core(ctx)?;
    let slots = listed_slots(args)?;
    ctx.server.discard_rest();
    act_and_reply(ctx, |core| core.add_slots(&slots))
}

/// `CLUSTER ADDSLOTSRANGE start end [start end ...]`.
fn addslotsrange(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let slots = ranged_slots(ctx, args, "cluster|addslotsrange", Cluster::are_free)?;
    ctx.server.discard_rest();
    act_and_reply(ctx, |core| core.add_slots(&slots))
}

/// `CLUSTER DELSLOTS slot [slot ...]`.
fn delslots(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    core(ctx)?;
    let slots = listed_slots(args)?;
    act_and_reply(ctx, |core| core.del_slots(&slots))
}

/// `CLUSTER DELSLOTSRANGE start end [start end ...]`.
fn delslotsrange(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let slots = ranged_slots(ctx, args, "cluster|delslotsrange", Cluster::are_taken)?;
    act_and_reply(ctx, |core| core.del_slots(&slots))
}

/// `CLUSTER FLUSHSLOTS`.
fn flushslots(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    act_and_reply(ctx, Cluster::flush_slots)
}

/// `CLUSTER BUMPEPOCH`.
fn bumpepoch(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    let (bumped, epoch) = act(ctx, |core| Ok(core.bump()))?;
    ctx.reply().simple(&format!("{} {epoch}", if bumped { "BUMPED" } else { "STILL" }));
    Ok(())
}

/// `CLUSTER COUNT-FAILURE-REPORTS node-id`.
fn count_failure_reports(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let count = act(ctx, |core| core.failure_reports(args.get(2)))?;
    ctx.reply().integer(count as i64);
    Ok(())
}

/// `CLUSTER COUNTKEYSINSLOT slot`.
fn countkeysinslot(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    core(ctx)?;
    let slot = parse_i64(args.get(2)).ok_or(NOT_INTEGER)?;
    let Some(slot) = u16::try_from(slot).ok().and_then(Slot::new) else {
        return Err(CommandError::Static("ERR Invalid slot"));
    };
    let count = ctx.server.keyspace.keys_in_slot(slot);
    ctx.reply().integer(count as i64);
    Ok(())
}

/// `CLUSTER GETKEYSINSLOT slot count`.
fn getkeysinslot(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    core(ctx)?;
    let slot = parse_i64(args.get(2)).ok_or(NOT_INTEGER)?;
    let count = parse_i64(args.get(3)).ok_or(NOT_INTEGER)?;
    let slot = u16::try_from(slot).ok().and_then(Slot::new);
    let (Some(slot), Ok(count)) = (slot, usize::try_from(count)) else {
        return Err(CommandError::Static("ERR Invalid slot or number of keys"));
    };
    let mut keys = ctx.server.keyspace.keys_of_slot(slot, count);
    keys.truncate(count);
    ctx.reply().bulks(keys.iter().map(Vec::as_slice));
    Ok(())
}

/// `CLUSTER FAILOVER [FORCE | TAKEOVER]`.
fn failover(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    core(ctx)?;
    let how = match args.len() {
        2 => FailoverVariant::Coordinated,
        3 if args.is(2, "force") => FailoverVariant::Force,
        3 if args.is(2, "takeover") => FailoverVariant::Takeover,
        3 => return Err(SYNTAX),
        _ => return Err(too_many(args)),
    };
    act_and_reply(ctx, |core| core.fail_over(how))
}

/// `CLUSTER FORGET node-id`.
fn forget(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    act_and_reply(ctx, |core| core.forget(args.get(2)))
}

/// `CLUSTER INFO`.
fn info(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    look(ctx)?;
    let over_limit = ctx.server.mode.cluster().map_or(0, |mode| mode.links.over_limit);
    let text = core(ctx)?.info_text(over_limit);
    ctx.reply().verbatim("txt", text.as_bytes());
    Ok(())
}

/// `CLUSTER KEYSLOT key`.
fn keyslot(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    core(ctx)?;
    ctx.reply().integer(key_slot(args.get(2)).into());
    Ok(())
}

/// `CLUSTER LINKS`.
fn links(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    let mode = ctx.server.mode.cluster().ok_or(DISABLED)?;
    view::links(&mut ctx.client.reply(), &mode.core, &mode.links);
    Ok(())
}

/// `CLUSTER MEET ip port [bus-port]`.
fn meet(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    core(ctx)?;
    if args.len() > 5 {
        return Err(too_many(args));
    }
    let Some(port) = parse_i64(args.get(3)) else {
        return refuse([b"Invalid TCP base port specified: ", args.get(3)].concat());
    };
    let bus_port = match args.at(4) {
        None => port.saturating_add(BUS_PORT_DISTANCE.into()),
        Some(word) => match parse_i64(word) {
            Some(port) => port,
            None => return refuse([b"Invalid TCP bus port specified: ", word].concat()),
        },
    };
    act_and_reply(ctx, |core| core.meet(args.get(2), port, bus_port))
}

/// `CLUSTER MYID`.
fn myid(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    let id = core(ctx)?.myself().id;
    ctx.reply().bulk(id.as_bytes());
    Ok(())
}

/// `CLUSTER NODES`.
fn nodes(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    let ports = ctx.client.ports();
    let text = core(ctx)?.nodes_text(ports);
    ctx.reply().verbatim("txt", text.as_bytes());
    Ok(())
}

/// `CLUSTER REPLICAS node-id`.
fn replicas(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let ports = ctx.client.ports();
    let lines = act(ctx, |core| core.replica_lines(args.get(2), ports))?;
    ctx.reply().bulks(lines.iter().map(|line| line.as_bytes()));
    Ok(())
}

/// `CLUSTER REPLICATE node-id`.
fn replicate(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    act_and_reply(ctx, |core| core.replicate(args.get(2)))
}

/// `CLUSTER RESET [HARD | SOFT]`.
fn reset(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    core(ctx)?;
    let hard = match args.len() {
        2 => false,
        3 if args.is(2, "hard") => true,
        3 if args.is(2, "soft") => false,
        3 => return Err(SYNTAX),
        _ => return Err(too_many(args)),
    };
    act_and_reply(ctx, |core| core.reset(hard))
}

/// `CLUSTER SAVECONFIG`.
fn saveconfig(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    match ctx.server.save_cluster(true).ok_or(DISABLED)? {
        Ok(()) => ctx.reply().ok(),
        Err(error) => return refuse(format!("error saving the cluster node config: {}", os_text(&error))),
    }
    Ok(())
}

/// `CLUSTER SET-CONFIG-EPOCH epoch`.
fn set_config_epoch(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    core(ctx)?;
    let epoch = parse_i64(args.get(2)).ok_or(NOT_INTEGER)?;
    act_and_reply(ctx, |core| core.set_config_epoch(epoch))
}

/// `CLUSTER SETSLOT slot IMPORTING|MIGRATING|NODE node-id | STABLE`.
fn setslot(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    if core(ctx)?.myself().is_replica() {
        return Err(CommandError::Static("ERR Please use SETSLOT only with masters."));
    }
    let slot = slot_of(args.get(2))?;
    let how = match args.len() {
        5 if args.is(3, "migrating") => SetSlot::Migrating(args.get(4)),
        5 if args.is(3, "importing") => SetSlot::Importing(args.get(4)),
        5 if args.is(3, "node") => SetSlot::Node(args.get(4)),
        4 if args.is(3, "stable") => SetSlot::Stable,
        _ => {
            return Err(CommandError::Static(
                "ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP",
            ));
        }
    };
    ctx.server.discard_rest();
    let keys = ctx.server.keyspace.keys_in_slot(slot);
    act_and_reply(ctx, |core| core.set_slot(slot, how, keys))
}

/// `CLUSTER SHARDS`.
fn shards(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    look(ctx)?;
    let core = ctx.server.cluster().ok_or(DISABLED)?;
    view::shards(&mut ctx.client.reply(), core);
    Ok(())
}

/// `CLUSTER SLOTS`.
fn slots(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    look(ctx)?;
    let core = ctx.server.cluster().ok_or(DISABLED)?;
    let ports = ctx.client.ports();
    view::slots(&mut ctx.client.reply(), core, ports);
    Ok(())
}

/// `CLUSTER HELP`.
fn help(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    core(ctx)?;
    super::help(
        &mut ctx.reply(),
        "CLUSTER",
        &[
            "ADDSLOTS <slot> [<slot> ...]",
            "    Assign slots without an owner to this node.",
            "ADDSLOTSRANGE <start slot> <end slot> [<start slot> <end slot> ...]",
            "    The same for ranges of slots.",
            "BUMPEPOCH",
            "    Give this node the highest epoch, unless it has it.",
            "CANCELSLOTMIGRATIONS",
            "    Give up the migrations of slots that this node began.",
            "COUNT-FAILURE-REPORTS <node-id>",
            "    Count the masters that do not reach a node.",
            "COUNTKEYSINSLOT <slot>",
            "    Count the keys of a slot that are here.",
            "DELSLOTS <slot> [<slot> ...]",
            "    Forget who has slots.",
            "DELSLOTSRANGE <start slot> <end slot> [<start slot> <end slot> ...]",
            "    The same for ranges of slots.",
            "FAILOVER [FORCE|TAKEOVER]",
            "    Make this replica the master.",
            "FLUSHSLOTS",
            "    Take all slots from this node, which must be empty.",
            "FORGET <node-id>",
            "    Forget a node.",
            "GETKEYSINSLOT <slot> <count>",
            "    List keys of a slot that are here.",
            "GETSLOTMIGRATIONS",
            "    List migrations of slots from and to this node.",
            "INFO",
            "    Show how the cluster is doing.",
            "KEYSLOT <key>",
            "    Show the slot of a key.",
            "LINKS",
            "    List the connections to and from other nodes.",
            "MEET <ip> <port> [<bus-port>]",
            "    Get to know a node, and all that it knows.",
            "MIGRATESLOTS SLOTSRANGE <start slot> <end slot> [...] NODE <node-id> [SLOTSRANGE ... NODE ...]",
            "    Hand slots over to other masters, each list of them all at once.",
            "MYID",
            "    Show the id of this node.",
            "NODES",
            "    Show all nodes, one a line.",
            "REPLICAS <node-id>",
            "    Show the replicas of a master.",
            "REPLICATE <node-id>",
            "    Make this node a replica of a master.",
            "RESET [HARD|SOFT]",
            "    Forget all other nodes; HARD: this node's id and epochs, too.",
            "SAVECONFIG",
            "    Write the configuration file now.",
            "SET-CONFIG-EPOCH <epoch>",
            "    Give a new node its first epoch.",
            "SETSLOT <slot> (IMPORTING <node-id>|MIGRATING <node-id>|NODE <node-id>|STABLE)",
            "    Set the state of a slot.",
            "SHARDS",
            "    Show masters with their slots and replicas.",
            "SLOTS",
            "    Show ranges of slots with their nodes.",
        ],
    );
    Ok(())
}
