//! SLOWLOG and LATENCY.

use crate::base::numbers::parse_i64;
use crate::resp::Args;
use crate::server::{CommandError, CommandResult, Family, Handler, ServerContext};

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("latency|doctor", Handler::Server(doctor)),
    ("latency|graph", Handler::Server(graph)),
    ("latency|help", Handler::Server(latency_help)),
    ("latency|histogram", Handler::Server(histogram)),
    ("latency|history", Handler::Server(history)),
    ("latency|latest", Handler::Server(latest)),
    ("latency|reset", Handler::Server(latency_reset)),
    ("slowlog|get", Handler::Server(get)),
    ("slowlog|help", Handler::Server(help)),
    ("slowlog|len", Handler::Server(len)),
    ("slowlog|reset", Handler::Server(reset)),
];

/// `SLOWLOG GET [count]`.
fn get(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let count = match args.at(2) {
        None => 10,
        Some(_) if args.len() > 3 => {
            let text: [&[u8]; 3] =
                [b"ERR unknown subcommand or wrong number of arguments for '", args.get(1), b"'. Try SLOWLOG HELP."];
            return Err(CommandError::text(text.concat()));
        }
        Some(word) => match parse_i64(word) {
            Some(-1) => ctx.server.stats.slowlog.len(),
            Some(count @ 0..) => count as usize,
            _ => return Err(CommandError::Static("ERR count should be greater than or equal to -1")),
        },
    };
    let entries = ctx.server.stats.slowlog.newest(count);
    let mut reply = ctx.client.reply();
    reply.array(entries.len());
    for entry in entries {
        reply.array(6);
        reply.integer(entry.id);
        reply.integer(entry.time);
        reply.integer(entry.micros);
        reply.bulks(entry.args.iter().map(Vec::as_slice));
        reply.bulk(entry.addr.as_bytes());
        reply.bulk(&entry.name);
    }
    Ok(())
}

/// `SLOWLOG LEN`.
fn len(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    let len = ctx.server.stats.slowlog.len();
    ctx.reply().integer(len as i64);
    Ok(())
}

/// `SLOWLOG RESET`.
fn reset(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    ctx.server.stats.slowlog.clear();
    ctx.reply().ok();
    Ok(())
}

fn help(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    super::help(
        &mut ctx.reply(),
        "SLOWLOG",
        &[
            "GET [<count>]",
            "    Show the newest <count> slow commands (default: 10, -1: all).",
            "LEN",
            "    Count the slow commands that are kept.",
            "RESET",
            "    Forget them.",
        ],
    );
    Ok(())
}

/// `LATENCY LATEST`.
fn latest(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    let events = ctx.server.stats.latency.events();
    let mut reply = ctx.client.reply();
    reply.array(events.len());
    for (event, series) in events {
        let (time, millis) = series.samples.back().copied().unwrap_or_default();
        reply.array(4);
        reply.bulk(event.as_bytes());
        reply.integer(time);
        reply.integer(millis);
        reply.integer(series.max);
    }
    Ok(())
}

/// `LATENCY HISTORY event`.
fn history(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let samples: Vec<(i64, i64)> = ctx
        .server
        .stats
        .latency
        .series(args.get(2))
        .map_or_else(Vec::new, |series| series.samples.iter().copied().collect());
    let mut reply = ctx.reply();
    reply.array(samples.len());
    for (time, millis) in samples {
        reply.array(2);
        reply.integer(time);
        reply.integer(millis);
    }
    Ok(())
}

/// `LATENCY RESET [event ...]`.
fn latency_reset(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let latency = &mut ctx.server.stats.latency;
    let reset = match args.len() {
        2 => latency.reset(None),
        _ => args.from(2).map(|event| latency.reset(Some(event))).sum(),
    };
    ctx.reply().integer(reset as i64);
    Ok(())
}

/// `LATENCY GRAPH event`: the samples as rows of bars.
fn graph(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let Some(series) = ctx.server.stats.latency.series(args.get(2)) else {
        return Err(CommandError::text([b"ERR No samples available for event '", args.get(2), b"'"].concat()));
    };
    let mut text = args.get(2).to_vec();
    text.extend_from_slice(format!(" - high {} ms\n", series.max).as_bytes());
    for (time, millis) in &series.samples {
        let bar = "#".repeat(((millis * 50) / series.max.max(1)).max(1) as usize);
        text.extend_from_slice(format!("{time} {bar} {millis} ms\n").as_bytes());
    }
    ctx.reply().verbatim("txt", &text);
    Ok(())
}

/// `LATENCY DOCTOR`.
fn doctor(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    let threshold = ctx.server.config.latency_monitor_threshold;
    let text = if threshold == 0 {
        "Latency monitoring is off. Turn it on with \"CONFIG SET latency-monitor-threshold <milliseconds>\".\n"
            .to_string()
    } else if ctx.server.stats.latency.events().len() == 0 {
        format!("No event took {threshold} ms or longer.\n")
    } else {
        let line = |(event, series): (&str, &crate::info::latency::Series)| {
            format!("{event}: {} samples, the longest {} ms.\n", series.samples.len(), series.max)
        };
        ctx.server.stats.latency.events().map(line).collect()
    };
    ctx.reply().verbatim("txt", text.as_bytes());
    Ok(())
}

/// `LATENCY HISTOGRAM [command ...]`: cumulative counts by powers of two microseconds.
fn histogram(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let server = &*ctx.server;
    let wanted = |name: &str| {
        args.len() == 2
            || args.from(2).any(|word| {
                let word = word.to_ascii_lowercase();
                name.as_bytes() == word
                    || name.as_bytes().strip_prefix(&word[..]).is_some_and(|rest| rest.starts_with(b"|"))
            })
    };
    let all = server.registry.all().flat_map(|command| std::iter::once(command).chain(command.subcommands()));
    let shown: Vec<_> = all
        .filter(|command| wanted(command.name))
        .filter_map(|command| Some((command.name, server.stats.commands[command.index].latencies.as_ref()?)))
        .collect();
    let mut reply = ctx.client.reply();
    reply.map(shown.len());
    for (name, latencies) in shown {
        reply.bulk(name.as_bytes());
        reply.map(2);
        reply.bulk(b"calls");
        reply.integer(latencies.len() as i64);
        reply.bulk(b"histogram_usec");
        let buckets = buckets(latencies);
        reply.map(buckets.len());
        for (micros, count) in buckets {
            reply.integer(micros);
            reply.integer(count);
        }
    }
    Ok(())
}

fn buckets(latencies: &hdrhistogram::Histogram<u64>) -> Vec<(i64, i64)> {
    let mut buckets: Vec<(i64, i64)> = Vec::new();
    let mut counted = 0;
    let mut limit = 1024;
    while counted < latencies.len() && limit < 1 << 40 {
        let upto = latencies.count_between(0, limit - 1);
        if upto > counted {
            counted = upto;
            buckets.push((limit as i64 / 1000, counted as i64));
        }
        limit *= 2;
    }
    buckets
}

fn latency_help(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    super::help(
        &mut ctx.reply(),
        "LATENCY",
        &[
            "DOCTOR",
            "    Say in words what the samples show.",
            "GRAPH <event>",
            "    Draw the samples of <event>.",
            "HISTORY <event>",
            "    Show the samples of <event>, each with its time.",
            "LATEST",
            "    Show the newest sample of each event.",
            "RESET [<event> ...]",
            "    Forget the samples of the events (default: all).",
            "HISTOGRAM [COMMAND ...]",
            "    Show how long the commands took (default: all), counted by powers of two.",
        ],
    );
    Ok(())
}
