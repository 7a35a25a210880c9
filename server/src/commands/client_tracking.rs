//! CLIENT TRACKING, CACHING, TRACKINGINFO and GETREDIR. The tracking itself is in `dispatch/tracking.rs`.

use crate::base::ids::ClientId;
use crate::base::numbers::parse_i64;
use crate::resp::Args;
use crate::server::client_line::redirection;
use crate::server::error::*;
use crate::server::tracking::ClientTracking;
use crate::server::{CommandError, CommandResult, ServerContext};

/// `CLIENT GETREDIR`.
pub(super) fn getredir(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    let to = redirection(ctx.client);
    ctx.reply().integer(to);
    Ok(())
}

/// `CLIENT TRACKING ON|OFF [REDIRECT id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]`.
pub(super) fn tracking(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let wanted = parse(ctx, args)?;
    if args.is(2, "on") {
        check(&wanted, ctx.client.tracking.as_deref())?;
        ctx.server.track(ctx.client, wanted);
    } else if args.is(2, "off") {
        ctx.server.untrack(ctx.client);
    } else {
        return Err(SYNTAX);
    }
    ctx.reply().ok();
    Ok(())
}

fn parse(ctx: &ServerContext<'_>, args: &Args<'_>) -> CommandResult<ClientTracking> {
    let mut wanted = ClientTracking::default();
    let mut at = 3;
    while at < args.len() {
        let value = args.at(at + 1);
        match () {
            () if args.is(at, "redirect") && value.is_some() => {
                if wanted.redirect.is_some() {
                    return Err(CommandError::Static("ERR A client can only redirect to a single other client"));
                }
                let id = parse_i64(args.get(at + 1)).ok_or(NOT_INTEGER)?;
                let known = |id: &ClientId| *id == ctx.client.id || ctx.server.clients.by_id(*id).is_some();
                let id = u64::try_from(id).ok().map(ClientId).filter(known);
                let id = id.ok_or(CommandError::Static("ERR The client ID you want redirect to does not exist"))?;
                wanted.redirect = Some(id);
                at += 1;
            }
            () if args.is(at, "bcast") => wanted.broadcast = true,
            () if args.is(at, "optin") => wanted.opt_in = true,
            () if args.is(at, "optout") => wanted.opt_out = true,
            () if args.is(at, "noloop") => wanted.no_loop = true,
            () if args.is(at, "prefix") && value.is_some() => {
                wanted.prefixes.push(args.get(at + 1).to_vec());
                at += 1;
            }
            () => return Err(SYNTAX),
        }
        at += 1;
    }
    Ok(wanted)
}

/// Checks that the options are compatible with each other and with those in force.
fn check(wanted: &ClientTracking, known: Option<&ClientTracking>) -> CommandResult {
    let refuse = |text| Err(CommandError::Static(text));
    if !wanted.broadcast && !wanted.prefixes.is_empty() {
        return refuse("ERR PREFIX option requires BCAST mode to be enabled");
    }
    if known.is_some_and(|known| known.broadcast != wanted.broadcast) {
        return refuse(
            "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode.",
        );
    }
    if wanted.broadcast && (wanted.opt_in || wanted.opt_out) {
        return refuse("ERR OPTIN and OPTOUT are not compatible with BCAST");
    }
    if wanted.opt_in && wanted.opt_out {
        return refuse("ERR You can't specify both OPTIN mode and OPTOUT mode");
    }
    if known.is_some_and(|known| (wanted.opt_in && known.opt_out) || (wanted.opt_out && known.opt_in)) {
        return refuse(
            "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode.",
        );
    }
    let prefixes = &wanted.prefixes;
    for (index, prefix) in prefixes.iter().enumerate() {
        let existing = known.map_or(&[][..], |known| &known.prefixes);
        if let Some(other) = existing.iter().find(|other| overlap(other, prefix)) {
            return Err(overlapping(prefix, "an existing prefix", other));
        }
        if let Some(other) = prefixes[index + 1..].iter().find(|other| overlap(other, prefix)) {
            return Err(overlapping(prefix, "another provided prefix", other));
        }
    }
    Ok(())
}

fn overlap(a: &[u8], b: &[u8]) -> bool {
    a.starts_with(b) || b.starts_with(a)
}

fn overlapping(prefix: &[u8], what: &str, other: &[u8]) -> CommandError {
    let parts: [&[u8]; 7] = [
        b"ERR Prefix '",
        shown(prefix, usize::MAX),
        b"' overlaps with ",
        what.as_bytes(),
        b" '",
        shown(other, usize::MAX),
        b"'. Prefixes for a single client must not overlap.",
    ];
    CommandError::text(parts.concat())
}

/// `CLIENT CACHING YES|NO`.
pub(super) fn caching(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let Some(wanted) = ctx.client.tracking.as_deref_mut() else {
        return Err(CommandError::Static(
            "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
        ));
    };
    let (fits, text) = match () {
        () if args.is(2, "yes") => {
            (wanted.opt_in, "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.")
        }
        () if args.is(2, "no") => {
            (wanted.opt_out, "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.")
        }
        () => return Err(SYNTAX),
    };
    if !fits {
        return Err(CommandError::Static(text));
    }
    wanted.caching = true;
    ctx.reply().ok();
    Ok(())
}

/// `CLIENT TRACKINGINFO`.
pub(super) fn trackinginfo(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    let (wanted, to) = (ctx.client.tracking.as_deref().cloned(), redirection(ctx.client));
    let mut flags = vec![if wanted.is_some() { "on" } else { "off" }];
    if let Some(wanted) = &wanted {
        let words = [
            (wanted.broadcast, "bcast"),
            (wanted.opt_in, "optin"),
            (wanted.opt_in && wanted.caching, "caching-yes"),
            (wanted.opt_out, "optout"),
            (wanted.opt_out && wanted.caching, "caching-no"),
            (wanted.no_loop, "noloop"),
            (wanted.broken_redirect, "broken_redirect"),
        ];
        flags.extend(words.iter().filter(|(on, _)| *on).map(|(_, word)| *word));
    }
    let mut prefixes = wanted.map(|wanted| wanted.prefixes).unwrap_or_default();
    prefixes.sort();
    let mut reply = ctx.reply();
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk(flag.as_bytes()));
    reply.bulk(b"redirect");
    reply.integer(to);
    reply.bulk(b"prefixes");
    reply.bulks(prefixes.iter().map(Vec::as_slice));
    Ok(())
}
