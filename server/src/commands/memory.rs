//! The MEMORY command.

use super::info;
use crate::base::allocator::used_memory;
use crate::base::numbers::parse_i64;
use crate::info::process;
use crate::resp::Args;
use crate::server::error::*;
use crate::server::{CommandResult, Family, Handler, ServerContext};
use crate::store::entry::ValueRef;

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("memory|doctor", Handler::Server(doctor)),
    ("memory|help", Handler::Server(help)),
    ("memory|malloc-stats", Handler::Server(malloc_stats)),
    ("memory|purge", Handler::Server(purge)),
    ("memory|stats", Handler::Server(stats)),
    ("memory|usage", Handler::Server(usage)),
];

/// `MEMORY USAGE key [SAMPLES count]`: estimates large collections from that many samples: five by default, all of them for
/// 0.
fn usage(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let samples = match args.len() {
        3 => 5,
        5 if args.is(3, "samples") => {
            usize::try_from(parse_i64(args.get(4)).ok_or(NOT_INTEGER)?).map_err(|_| SYNTAX)?
        }
        _ => return Err(SYNTAX),
    };
    let db = ctx.client.db;
    // The slot in the table counts, too.
    const SLOT: usize = 12;
    match ctx.server.keyspace.peek(db, args.get(2)) {
        None => ctx.reply().null(),
        Some(entry) => {
            let object = if let ValueRef::Object(object) = entry.value() { object.memory(samples) } else { 0 };
            let bytes = entry.block_size() + object + SLOT;
            ctx.reply().integer(bytes as i64);
        }
    }
    Ok(())
}

/// `MEMORY STATS`.
fn stats(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    let server = &*ctx.server;
    let used = used_memory();
    let (allocated, active, resident) = process::allocator();
    let overhead = info::overhead(server);
    let dataset = used.saturating_sub(overhead);
    let keys = server.keyspace.total_keys();
    let rss = process::resident();
    let ratio = |a: usize, b: usize| if b == 0 { 0.0 } else { a as f64 / b as f64 };
    let net = used.saturating_sub(server.stats.startup_memory());
    let dbs: Vec<(usize, usize)> = server
        .keyspace
        .dbs()
        .iter()
        .enumerate()
        .filter(|(_, db)| !db.is_empty())
        .map(|(number, db)| (number, db.table().overhead()))
        .collect();
    let buffers = server.buffer_memory();
    let integers = [
        ("peak.allocated", server.stats.peak_memory.max(used)),
        ("total.allocated", used),
        ("startup.allocated", server.stats.startup_memory()),
        ("replication.backlog", buffers.backlog),
        ("clients.slaves", buffers.replicas),
        ("clients.normal", buffers.clients),
        ("cluster.links", buffers.cluster_links),
        ("aof.buffer", buffers.aof),
        ("lua.caches", server.scripting.scripts.scripts_memory()),
        ("functions.caches", server.scripting.functions.memory()),
    ];
    let mut reply = ctx.client.reply();
    reply.map(integers.len() + dbs.len() + 17);
    let mut integer = |name: &str, value: i64| {
        reply.bulk(name.as_bytes());
        reply.integer(value);
    };
    integers.iter().for_each(|&(name, value)| integer(name, value as i64));
    for (number, bytes) in dbs {
        reply.bulk(format!("db.{number}").as_bytes());
        reply.map(3);
        for (name, value) in [
            ("overhead.hashtable.main", bytes),
            ("overhead.hashtable.expires", 0),
            ("overhead.hashtable.slot-to-keys", 0),
        ] {
            reply.bulk(name.as_bytes());
            reply.integer(value as i64);
        }
    }
    let mut integer = |name: &str, value: i64| {
        reply.bulk(name.as_bytes());
        reply.integer(value);
    };
    integer("overhead.total", overhead as i64);
    integer("keys.count", keys as i64);
    integer("keys.bytes-per-key", net.checked_div(keys).unwrap_or(0) as i64);
    integer("dataset.bytes", dataset as i64);
    let mut double = |name: &str, value: f64| {
        reply.bulk(name.as_bytes());
        reply.double(value);
    };
    double("dataset.percentage", ratio(dataset, net) * 100.0);
    double("peak.percentage", ratio(used, server.stats.peak_memory.max(used)) * 100.0);
    let mut integer = |name: &str, value: i64| {
        reply.bulk(name.as_bytes());
        reply.integer(value);
    };
    integer("allocator.allocated", allocated as i64);
    integer("allocator.active", active as i64);
    integer("allocator.resident", resident as i64);
    let rest = [
        (
            "allocator-fragmentation.ratio",
            ratio(active, allocated),
            "allocator-fragmentation.bytes",
            active as i64 - allocated as i64,
        ),
        ("allocator-rss.ratio", ratio(resident, active), "allocator-rss.bytes", resident as i64 - active as i64),
        ("rss-overhead.ratio", ratio(rss, resident), "rss-overhead.bytes", rss as i64 - resident as i64),
    ];
    for (ratio_name, ratio, bytes_name, bytes) in rest {
        reply.bulk(ratio_name.as_bytes());
        reply.double(ratio);
        reply.bulk(bytes_name.as_bytes());
        reply.integer(bytes);
    }
    reply.bulk(b"fragmentation");
    reply.double(ratio(rss, used));
    reply.bulk(b"fragmentation.bytes");
    reply.integer(rss as i64 - used as i64);
    Ok(())
}

/// `MEMORY DOCTOR`.
fn doctor(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    let used = used_memory();
    let (_, active, resident) = process::allocator();
    let mut findings = Vec::new();
    if ctx.server.stats.peak_memory > used + used / 2 {
        findings.push(
            "The peak was more than half above what is used now: memory may stay with the allocator.".to_string(),
        );
    }
    if resident > active + active / 10 && resident > 64 << 20 {
        findings.push("The allocator keeps more than it uses: MEMORY PURGE returns it.".to_string());
    }
    if used < 5 << 20 {
        // Kept word for word, because clients compare this text.
        const EMPTY: &[u8] = b"Hi Sam, this instance is empty or is using very little memory, my issues detector can't be used in these conditions. Please, leave for your mission on Earth and fill it with some data. The new Sam and I will be back to our programming as soon as I finished rebooting.\n";
        ctx.reply().verbatim("txt", EMPTY);
        return Ok(());
    }
    if findings.is_empty() {
        findings.push("Nothing stands out.".to_string());
    }
    ctx.reply().verbatim("txt", (findings.join("\n") + "\n").as_bytes());
    Ok(())
}

/// `MEMORY MALLOC-STATS`.
fn malloc_stats(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    let (allocated, active, resident) = process::allocator();
    let text = format!("jemalloc: allocated {allocated}, active {active}, resident {resident}\n");
    ctx.reply().verbatim("txt", text.as_bytes());
    Ok(())
}

/// `MEMORY PURGE`: returns unused pages to the system.
fn purge(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    process::purge();
    ctx.reply().ok();
    Ok(())
}

fn help(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    super::help(
        &mut ctx.reply(),
        "MEMORY",
        &[
            "DOCTOR",
            "    Say in words what the memory figures show.",
            "MALLOC-STATS",
            "    Show the allocator's own figures.",
            "PURGE",
            "    Give unused pages back to the system.",
            "STATS",
            "    Show where memory goes.",
            "USAGE <key> [SAMPLES <count>]",
            "    Count the bytes of <key> and its value.",
        ],
    );
    Ok(())
}
