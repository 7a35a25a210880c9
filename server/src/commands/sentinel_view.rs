//! How Sentinel shows primaries, replicas, other Sentinels, settings and scripts: fields in Redis's order.

use crate::base::clock::Millis;
use crate::resp::Reply;
use crate::sentinel::scripts::ScriptState;
use crate::sentinel::state::Settings;
use crate::sentinel::{Instance, Kind, Reconf, Replica, Sentinel, SentinelId};

/// Fields and their values, in the order in which they are shown.
pub type Map = Vec<(&'static str, Vec<u8>)>;

/// A cached INFO with its age in milliseconds.
pub type Cached = (Millis, Option<String>);

/// Replies with an array of maps.
pub fn reply(reply: &mut Reply<'_>, maps: &[Map]) {
    reply.array(maps.len());
    maps.iter().for_each(|map| reply_one(reply, map));
}

/// Replies with one map.
pub fn reply_one(reply: &mut Reply<'_>, map: &Map) {
    reply.map(map.len());
    for (name, value) in map {
        reply.bulk(name.as_bytes());
        reply.bulk(value);
    }
}

fn number(number: i64) -> Vec<u8> {
    number.to_string().into_bytes()
}

fn text(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

/// The flags that all kinds of instances have, followed by `own`, those of one kind.
fn flags(core: &Sentinel, instance: &Instance, o_down: bool, own: &[(bool, &'static str)]) -> Vec<u8> {
    let link = core.link(instance);
    let unlinked = link.commands.is_none() || (instance.kind != Kind::Sentinel && link.hellos.is_none());
    let common =
        [(instance.s_down, "s_down"), (o_down, "o_down"), (true, instance.kind.word()), (unlinked, "disconnected")];
    let kill = [(instance.script_kill_sent, "script_kill_sent")];
    let all = common.iter().chain(own).chain(&kill);
    let words: Vec<&str> = all.filter(|(on, _)| *on).map(|(_, word)| *word).collect();
    text(&words.join(","))
}

fn head(core: &Sentinel, instance: &Instance, flags: Vec<u8>) -> Map {
    let link = core.link(instance);
    vec![
        ("name", text(&instance.name)),
        ("ip", text(instance.address.shown(core.settings.announce_hostnames))),
        ("port", number(instance.address.port.into())),
        ("runid", text(&instance.run_id)),
        ("flags", flags),
        ("link-pending-commands", number(link.pending.len() as i64)),
        ("link-refcount", number(link.refs as i64)),
    ]
}

fn times(core: &Sentinel, instance: &Instance, map: &mut Map) {
    let link = core.link(instance);
    let pending = link.waiting_since.map_or(0, |since| core.age(since));
    map.push(("last-ping-sent", number(pending)));
    map.push(("last-ok-ping-reply", number(core.age(link.last_available))));
    map.push(("last-ping-reply", number(core.age(link.last_pong))));
    if instance.s_down {
        map.push(("s-down-time", number(instance.s_down_since.map_or(0, |since| core.age(since)))));
    }
}

fn reported(core: &Sentinel, instance: &Instance, map: &mut Map) {
    let refresh = instance.info_refresh.map_or(0, |time| core.age(time));
    map.push(("info-refresh", number(refresh)));
    map.push(("role-reported", text(instance.role_reported.word())));
    map.push(("role-reported-time", number(core.age(instance.role_reported_since))));
}

/// The fields of a primary.
pub fn primary(core: &Sentinel, m: usize) -> Map {
    let primary = &core.primaries[m];
    let base = &primary.base;
    let own = [(primary.is_failing_over(), "failover_in_progress"), (primary.forced, "force_failover")];
    let mut map = head(core, base, flags(core, base, primary.o_down, &own));
    if primary.is_failing_over() {
        map.push(("failover-state", text(primary.failover.word())));
    }
    times(core, base, &mut map);
    if primary.o_down {
        map.push(("o-down-time", number(primary.o_down_since.map_or(0, |since| core.age(since)))));
    }
    map.push(("down-after-milliseconds", number(base.down_after)));
    reported(core, base, &mut map);
    map.extend([
        ("config-epoch", number(primary.config_epoch.to_i64())),
        ("num-slaves", number(primary.replicas.len() as i64)),
        ("num-other-sentinels", number(primary.peers.len() as i64)),
        ("quorum", number(primary.quorum.into())),
        ("failover-timeout", number(primary.failover_timeout)),
        ("parallel-syncs", number(primary.parallel_syncs.into())),
    ]);
    map.extend(primary.notification_script.as_ref().map(|path| ("notification-script", text(path))));
    map.extend(primary.reconfig_script.as_ref().map(|path| ("client-reconfig-script", text(path))));
    map
}

/// The fields of a replica.
pub fn replica(core: &Sentinel, m: usize, r: usize) -> Map {
    let primary = &core.primaries[m];
    let replica: &Replica = &primary.replicas[r];
    let base = &replica.base;
    let own = [
        (primary.has_chosen(replica), "promoted"),
        (matches!(replica.reconf, Reconf::Sent(_)), "reconf_sent"),
        (replica.reconf == Reconf::InProgress, "reconf_inprog"),
        (replica.reconf == Reconf::Done, "reconf_done"),
    ];
    let mut map = head(core, base, flags(core, base, false, &own));
    times(core, base, &mut map);
    map.push(("down-after-milliseconds", number(base.down_after)));
    reported(core, base, &mut map);
    map.extend([
        ("master-link-down-time", number(replica.link_down_time)),
        ("master-link-status", text(if replica.link_up { "ok" } else { "err" })),
        ("master-host", text(replica.primary_host.as_deref().unwrap_or("?"))),
        ("master-port", number(replica.primary_port.into())),
        ("slave-priority", number(replica.priority)),
        ("slave-repl-offset", number(replica.offset)),
        ("replica-announced", number(i64::from(replica.announced))),
    ]);
    map
}

/// The fields of another Sentinel.
pub fn peer(core: &Sentinel, m: usize, p: usize) -> Map {
    let peer = &core.primaries[m].peers[p];
    let base = &peer.base;
    let mut map = head(core, base, flags(core, base, false, &[(peer.primary_down, "master_down")]));
    times(core, base, &mut map);
    map.extend([
        ("down-after-milliseconds", number(base.down_after)),
        ("last-hello-message", number(core.age(peer.last_hello))),
        ("voted-leader", text(peer.leader.as_ref().map_or("?", SentinelId::as_str))),
        ("voted-leader-epoch", number(peer.leader_epoch.to_i64())),
    ]);
    map
}

/// The options that SENTINEL CONFIG GET shows.
pub fn settings(settings: &Settings) -> Map {
    let yes_no = |yes: bool| text(if yes { "yes" } else { "no" });
    vec![
        ("resolve-hostnames", yes_no(settings.resolve_hostnames)),
        ("announce-hostnames", yes_no(settings.announce_hostnames)),
        ("announce-ip", text(settings.announce_ip.as_deref().unwrap_or_default())),
        ("announce-port", number(settings.announce_port.into())),
        ("sentinel-user", settings.sentinel_user.clone().unwrap_or_default()),
        ("sentinel-pass", settings.sentinel_pass.clone().unwrap_or_default()),
    ]
}

/// The last INFO of a primary and of each of its replicas.
pub fn cached(core: &Sentinel, m: usize) -> Vec<Cached> {
    let primary = &core.primaries[m];
    let instances = [&primary.base].into_iter().chain(primary.replicas.iter().map(|replica| &replica.base));
    let age = |instance: &Instance| instance.info_refresh.map_or(0, |time| core.age(time));
    instances.map(|instance| (age(instance), instance.info.clone())).collect()
}

/// Scripts that run or are queued: their command lines and their state.
pub fn scripts(core: &Sentinel) -> Vec<(Vec<String>, Map)> {
    let now = core.now();
    let shown = core.scripts.queue.iter().map(|script| {
        let state: Map = match script.state {
            ScriptState::Runs { pid, since, .. } => vec![
                ("flags", text("running")),
                ("pid", number(pid.unwrap_or(0).into())),
                ("run-time", number(now - since)),
            ],
            ScriptState::Waits { not_before } => {
                let delay = not_before.map_or(0, |time| (time - now).max(0));
                vec![("flags", text("scheduled")), ("pid", number(0)), ("run-delay", number(delay))]
            }
        };
        let tries = ("retry-num", number(i64::from(script.tries)));
        (script.argv.clone(), state.into_iter().chain([tries]).collect())
    });
    shown.collect()
}

/// The value of `status=` in INFO's section for Sentinel.
pub fn status(s_down: bool, o_down: bool) -> &'static str {
    match (s_down, o_down) {
        (_, true) => "odown",
        (true, false) => "sdown",
        (false, false) => "ok",
    }
}
