//! CLUSTER MIGRATESLOTS and its kin, which Redis does not have: whole slots are handed over to another primary without ASK
//! or TRYAGAIN (see `cluster/handover.rs`). CLUSTER SYNCSLOTS is the protocol between the two primaries.

use super::cluster::DISABLED;
use crate::base::epoch::Epoch;
use crate::base::numbers::parse_i64;
use crate::base::slot::Slot;
use crate::cluster::operator::Refusal;
use crate::cluster::{HandoverId, NodeId, SlotSet};
use crate::resp::Args;
use crate::server::client::ClientFlags;
use crate::server::error::SYNTAX;
use crate::server::{CommandError, CommandResult, Family, Handler, ServerContext};
use crate::slots::{Outcome, Record};

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("cluster|cancelslotmigrations", Handler::Server(cancel)),
    ("cluster|getslotmigrations", Handler::Server(list)),
    ("cluster|migrateslots", Handler::Server(migrate)),
    ("cluster|syncslots", Handler::Server(sync)),
];

fn refused(Refusal(text): Refusal) -> CommandError {
    CommandError::text([b"ERR ", &text[..]].concat())
}

fn enabled(ctx: &ServerContext<'_>) -> CommandResult {
    ctx.server.cluster().map(|_| ()).ok_or(DISABLED)
}

/// Adds the slots from `start` to `end`.
fn add_range(slots: &mut SlotSet, start: &[u8], end: &[u8]) -> CommandResult {
    let slot = |word: &[u8]| {
        let slot = parse_i64(word).and_then(|slot| u16::try_from(slot).ok()).and_then(Slot::new);
        slot.ok_or(CommandError::Static("ERR Invalid or out of range slot"))
    };
    let (start, end) = (slot(start)?, slot(end)?);
    if start > end {
        return Err(CommandError::text(format!("ERR start slot number {start} is greater than end slot number {end}")));
    }
    match Slot::of(&(start..=end)).find(|&slot| !slots.insert(slot)) {
        Some(slot) => Err(CommandError::text(format!("ERR Slot {slot} specified multiple times"))),
        None => Ok(()),
    }
}

/// `CLUSTER MIGRATESLOTS SLOTSRANGE start end [start end ...] NODE node-id [SLOTSRANGE ... NODE ...]`: replies `+OK` once
/// the handovers have begun; GETSLOTMIGRATIONS shows their progress.
fn migrate(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    enabled(ctx)?;
    let mut parts: Vec<(SlotSet, &[u8])> = Vec::new();
    let mut all = SlotSet::new();
    let mut at = 2;
    while at < args.len() {
        if !args.is(at, "slotsrange") {
            return Err(SYNTAX);
        }
        at += 1;
        let mut slots = SlotSet::new();
        while at + 1 < args.len() && !args.is(at, "node") {
            add_range(&mut slots, args.get(at), args.get(at + 1))?;
            at += 2;
        }
        if slots.is_empty() || at + 1 >= args.len() || !args.is(at, "node") {
            return Err(SYNTAX);
        }
        if let Some(slot) = slots.iter().find(|&slot| !all.insert(slot)) {
            return Err(CommandError::text(format!("ERR Slot {slot} specified multiple times")));
        }
        parts.push((slots, args.get(at + 1)));
        at += 2;
    }
    // All handovers begin, or none does.
    for (slots, target) in &parts {
        ctx.server.may_hand_over_slots(slots, target).map_err(refused)?;
    }
    for (slots, target) in parts {
        ctx.server.hand_over_slots(slots, target).map_err(refused)?;
    }
    ctx.reply().ok();
    Ok(())
}

/// `CLUSTER CANCELSLOTMIGRATIONS`.
fn cancel(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    enabled(ctx)?;
    ctx.server.handovers_mut().ok_or(DISABLED)?.cancel();
    ctx.reply().ok();
    Ok(())
}

/// `CLUSTER GETSLOTMIGRATIONS`: a map for each handover that runs, and for the most recent ones that are over.
fn list(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    enabled(ctx)?;
    let records: Vec<Record> = ctx.server.handovers().ok_or(DISABLED)?.records().cloned().collect();
    let mut reply = ctx.reply();
    reply.array(records.len());
    for record in records {
        let ranges: Vec<String> =
            record.slots.ranges().iter().map(|range| format!("{}-{}", range.start(), range.end())).collect();
        let texts: [(&str, &str); 7] = [
            ("name", record.id.as_str()),
            ("operation", if record.outgoing { "EXPORT" } else { "IMPORT" }),
            ("state", record.stage.name()),
            ("slot_ranges", &ranges.join(" ")),
            ("source_node", record.source.as_str()),
            ("target_node", record.target.as_str()),
            ("message", &record.message),
        ];
        let numbers = [
            ("keys", record.keys as i64),
            ("bytes", record.bytes as i64),
            ("pause_ms", record.pause),
            ("create_time", record.started),
            ("update_time", record.updated),
        ];
        reply.map(texts.len() + numbers.len());
        for (name, text) in texts {
            reply.bulk(name.as_bytes());
            reply.bulk(text.as_bytes());
        }
        for (name, number) in numbers {
            reply.bulk(name.as_bytes());
            reply.integer(number);
        }
    }
    Ok(())
}

fn id_of(word: &[u8]) -> CommandResult<HandoverId> {
    HandoverId::parse(word).map_err(|_| CommandError::Static("ERR Invalid name of a slot migration"))
}

fn number_of(word: &[u8]) -> CommandResult<u64> {
    parse_i64(word).and_then(|number| u64::try_from(number).ok()).ok_or(crate::server::error::NOT_INTEGER)
}

/// `CLUSTER SYNCSLOTS` followed by
/// - `BEGIN name node-id start end [start end ...]`: the slots of that node arrive in this session;
/// - `FLUSH`: what has come is void;
/// - `PREPARE milliseconds`: the source will wait so long from the answer on;
/// - `FINISH epoch`: all is here, take them; `TAKEN name epoch`;
/// - `STATUS name`: the epoch under which they were taken, 0 while they arrive, null where nothing is known;
/// - `EXPECT [start-end ...]`: to replicas, what is on its way to their primary.
fn sync(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    enabled(ctx)?;
    match args.len() {
        7.. if args.is(2, "begin") && !args.len().is_multiple_of(2) => {
            let id = id_of(args.get(3))?;
            let from = NodeId::parse(args.get(4)).map_err(|_| CommandError::Static("ERR Invalid node"))?;
            let mut slots = SlotSet::new();
            let bounds: Vec<&[u8]> = args.from(5).collect();
            for pair in bounds.chunks_exact(2) {
                add_range(&mut slots, pair[0], pair[1])?;
            }
            ctx.server.begin_arrival(ctx.client, id, from, slots).map_err(refused)?;
            ctx.reply().ok();
            Ok(())
        }
        3 if args.is(2, "flush") => {
            ctx.server.flush_arrival(ctx.client);
            ctx.reply().ok();
            Ok(())
        }
        4 if args.is(2, "prepare") => {
            let patience = number_of(args.get(3))?;
            let handovers = ctx.server.handovers_mut().ok_or(DISABLED)?;
            handovers.prepare_arrival(ctx.client.id, patience).map_err(refused)?;
            ctx.reply().simple("PREPARED");
            Ok(())
        }
        4 if args.is(2, "finish") => {
            let seen = Epoch(number_of(args.get(3))?);
            let (id, epoch) = ctx.server.end_arrival(ctx.client, seen).map_err(refused)?;
            ctx.reply().simple(&format!("TAKEN {id} {epoch}"));
            Ok(())
        }
        4 if args.is(2, "status") => {
            let id = id_of(args.get(3))?;
            match ctx.server.handovers().ok_or(DISABLED)?.outcome(id) {
                Some(Outcome::Taken(epoch)) => ctx.reply().integer(epoch.to_i64()),
                Some(Outcome::Runs) => ctx.reply().integer(0),
                None => ctx.reply().null(),
            }
            Ok(())
        }
        _ if args.is(2, "expect") && ctx.client.flags.intersects(ClientFlags::PRIMARY) => expect(ctx, args),
        _ => Err(SYNTAX),
    }
}

/// `EXPECT`, sent by our primary.
fn expect(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let mut slots = SlotSet::new();
    for word in args.from(3) {
        let dash = memchr::memchr(b'-', word).ok_or(SYNTAX)?;
        add_range(&mut slots, &word[..dash], &word[dash + 1..])?;
    }
    ctx.server.with_cluster(Some(ctx.client), |core| core.primary_expects(slots));
    ctx.reply().ok();
    Ok(())
}
