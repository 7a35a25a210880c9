//! What the shape of a topology file cannot express: names that resolve, ports that differ, chains that end.

use super::{Cluster, Directives, MOST_NODES as MOST, Sentinels, Topology};
use crate::client::split_words;
use crate::failure::{Failure, Outcome};
use crate::name::{RULE, fits, variable_part};
use crate::yaml::{Located, Position, Source, suggest};
use std::collections::HashMap;

/// Directives that the runner writes itself, and the key to use instead.
const OURS: &[(&str, &str)] = &[
    ("port", "use the key `port` of the node"),
    ("replicaof", "use the key `replicaof` of the node"),
    ("slaveof", "use the key `replicaof` of the node"),
    ("tls-port", "say `tls: true`: the node's port is one with TLS then"),
    ("tls-replication", "say `tls: true`"),
    ("tls-cluster", "say `tls: true`"),
    ("dir", "every node has a directory of its own; `up --keep` keeps it"),
    ("bind", "nodes listen on the loopback interface only"),
    ("daemonize", "the runner watches its nodes; `up -d` detaches it as a whole"),
    ("logfile", "the runner keeps the logs; see `runner logs`"),
    ("pidfile", "the runner knows its nodes' pids; see `runner status`"),
];

pub(super) fn check(topology: &Topology, source: &Source) -> Outcome<()> {
    if topology.nodes.entries.is_empty() && topology.cluster.is_none() {
        return Err(Failure::bad_input(format!("{} declares no nodes", source.name)).hint(
            "list them under `nodes:`, for example `nodes: {master: {port: 6379}}`, or say `cluster: {masters: 3}`",
        ));
    }
    if let Some(cluster) = &topology.cluster {
        cluster.check(topology, source)?;
        cluster_directives(&topology.config, source)?;
        for (_, node) in cluster.nodes.iter() {
            directives(&node.config, source)?;
            cluster_directives(&node.config, source)?;
        }
    }
    topology.check_users(source)?;
    names(topology, source)?;
    ports(topology, source)?;
    upstreams(topology, source)?;
    directives(&topology.config, source)?;
    for (_, node) in topology.nodes.iter() {
        directives(&node.config, source)?;
    }
    topology.check_externals(source)?;
    match &topology.sentinels {
        Some(sentinels) => check_sentinels(topology, sentinels, source),
        None => Ok(()),
    }
}

fn names(topology: &Topology, source: &Source) -> Outcome<()> {
    let nodes = topology.nodes.entries.iter().map(|(name, _)| name);
    for name in nodes {
        if !fits(name) {
            return Err(source
                .error(name.at, format!("`{}` cannot be the name of a node", name.value))
                .hint(format!("{RULE}: it becomes a directory and part of a variable")));
        }
        if topology.sentinels.is_some() && name.starts_with("sentinel-") {
            return Err(source
                .error(name.at, format!("`{}` is a sentinel's name", name.value))
                .hint("sentinels are called sentinel-1, sentinel-2 and so on"));
        }
    }
    variables(topology, source)
}

/// No two nodes may give `runner env` the same variable.
fn variables(topology: &Topology, source: &Source) -> Outcome<()> {
    let sentinels = topology.sentinels.as_ref().map_or(0, |sentinels| sentinels.len());
    let cluster = topology.cluster.as_ref().map_or(0, |cluster| cluster.len());
    let ours =
        (1..=sentinels.min(MOST)).map(|number| format!("sentinel-{number}")).chain((0..cluster).map(Cluster::name));
    let mut holders: HashMap<String, String> = ours.map(|name| (variable_part(&name), name)).collect();
    for (name, _) in &topology.nodes.entries {
        if let Some(holder) = holders.insert(variable_part(name), name.value.clone()) {
            let variable = format!("REDIS_{}_URL", variable_part(name));
            return Err(source
                .error(name.at, format!("`{}` and `{holder}` would both have the variable {variable}", name.value))
                .hint("`runner env` writes names in capitals, with `_` for `-`: choose one that differs then, too"));
        }
    }
    Ok(())
}

fn ports(topology: &Topology, source: &Source) -> Outcome<()> {
    let mut holders: HashMap<u16, String> = HashMap::new();
    let nodes =
        topology.nodes.entries.iter().filter_map(|(name, node)| Some((name.value.clone(), node.port.as_ref()?)));
    let sentinels = topology.sentinels.iter().flat_map(|sentinels| {
        sentinels.ports.iter().enumerate().map(|(i, port)| (format!("sentinel-{}", i + 1), port))
    });
    let cluster = topology.cluster.iter().flat_map(|cluster| cluster.ports.iter().enumerate());
    let cluster: Vec<_> = cluster.map(|(i, port)| (Cluster::name(i), port)).collect();
    let buses: Vec<_> = cluster
        .iter()
        .map(|(name, port)| (format!("the bus of {name}"), Located { value: port.value + 10_000, at: port.at }))
        .collect();
    let cluster = cluster.iter().map(|(name, port)| (name.clone(), *port));
    let buses = buses.iter().map(|(name, port)| (name.clone(), port));
    for (name, port) in nodes.chain(sentinels).chain(cluster).chain(buses) {
        if port.value == 0 {
            return Err(source.error(port.at, "0 is not a port").hint("leave `port` out to get a free one"));
        }
        if let Some(holder) = holders.insert(port.value, name.clone()) {
            return Err(source
                .error(port.at, format!("port {} of `{name}` is already that of `{holder}`", port.value))
                .hint("every node needs a port of its own; leave `port` out to get a free one"));
        }
    }
    Ok(())
}

fn upstreams(topology: &Topology, source: &Source) -> Outcome<()> {
    let known: Vec<&str> = topology.nodes.iter().map(|(name, _)| name).collect();
    let upstream: HashMap<&str, &Located<String>> =
        topology.nodes.iter().filter_map(|(name, node)| Some((name, node.replicaof.as_ref()?))).collect();
    for (name, _) in topology.nodes.iter() {
        let Some(target) = upstream.get(name) else {
            continue;
        };
        resolves(target, &known, source)?;
        let mut chain = vec![name];
        let mut at: Position = target.at;
        let mut next = Some(*target);
        while let Some(step) = next {
            chain.push(step.as_str());
            if step.as_str() == name {
                return Err(source
                    .error(at, format!("`replicaof` runs in a circle: {}", chain.join(" -> ")))
                    .hint("a chain of replicas ends at a master, a node without `replicaof`"));
            }
            // A circle further up is reported from a node that is on it.
            if chain.len() > known.len() {
                break;
            }
            at = target.at;
            next = upstream.get(step.as_str()).copied();
        }
    }
    Ok(())
}

fn resolves(target: &Located<String>, known: &[&str], source: &Source) -> Outcome<()> {
    if known.contains(&target.as_str()) {
        return Ok(());
    }
    Err(source.error(target.at, format!("there is no node `{}`", target.value)).hint(suggest(target, known)))
}

fn directives(directives: &Directives, source: &Source) -> Outcome<()> {
    for directive in &directives.lines {
        let name = directive.name();
        if directive.line.contains(['\n', '\r']) {
            return Err(source.error(directive.at, "a directive is one line"));
        }
        if let Err(why) = split_words(&directive.line) {
            return Err(source.error(directive.at, format!("a node would not understand this line: {why}")).hint(
                "quotes follow redis.conf's rules here; in a mapping (`NAME: VALUE`) the value needs no quoting",
            ));
        }
        if let Some((_, hint)) = OURS.iter().find(|(ours, _)| *ours == name) {
            return Err(source.error(directive.at, format!("`{name}` is set by the runner")).hint(*hint));
        }
    }
    Ok(())
}

/// Directives that every node of a `cluster:` gets from the runner.
fn cluster_directives(directives: &Directives, source: &Source) -> Outcome<()> {
    const OURS: [&str; 3] = ["cluster-enabled", "cluster-config-file", "cluster-port"];
    match directives.lines.iter().find(|directive| OURS.contains(&directive.name().as_str())) {
        Some(directive) => Err(source
            .error(directive.at, format!("`{}` is set by the runner", directive.name()))
            .hint("nodes of `cluster:` have it already")),
        None => Ok(()),
    }
}

fn check_sentinels(topology: &Topology, sentinels: &Located<Sentinels>, source: &Source) -> Outcome<()> {
    directives(&sentinels.config, source)?;
    if sentinels.count.is_some() && !sentinels.ports.is_empty() {
        return Err(source
            .error(sentinels.at, "sentinels have either a `count` or `ports`")
            .hint("`count: 3` leases free ports, `ports: [26379, 26380]` fixes them"));
    }
    if sentinels.is_empty() {
        return Err(source.error(sentinels.at, "there are no sentinels").hint("say `count: 3`"));
    }
    if let Some(count) = sentinels.count.as_ref().filter(|count| count.value > MOST) {
        let message = format!("{} sentinels", count.value);
        return Err(source.error(count.at, message).hint(format!("at most {MOST} are possible")));
    }
    masters_are_named_once(sentinels, source)?;
    let known: Vec<&str> = topology.nodes.iter().map(|(name, _)| name).collect();
    let mut monitored: Vec<(&str, &str)> = Vec::new();
    for (monitor, master, quorum) in sentinels.watched() {
        let fits = |c: char| c.is_ascii_alphanumeric() || ['.', '-', '_'].contains(&c);
        if monitor.value.is_empty() || !monitor.value.chars().all(fits) {
            return Err(source
                .error(monitor.at, format!("`{}` is not a name that Sentinel can monitor", monitor.value))
                .hint("names of masters are of letters, digits, `.`, `-` and `_`, such as `mymaster`"));
        }
        resolves(master, &known, source)?;
        let node = topology.nodes.iter().find(|(name, _)| *name == master.as_str());
        if node.is_some_and(|(_, node)| node.replicaof.is_some()) {
            return Err(source
                .error(master.at, format!("`{}` is a replica", master.value))
                .hint("sentinels monitor a master and find its replicas themselves"));
        }
        if let Some((other, _)) = monitored.iter().find(|(_, node)| *node == master.as_str()) {
            return Err(source
                .error(master.at, format!("`{}` is already monitored as `{other}`", master.value))
                .hint("sentinels that know a master by two names fail over twice"));
        }
        monitored.push((monitor, master));
        let Some(quorum) = quorum else {
            if !sentinels.external.is_empty() {
                continue;
            }
            return Err(source
                .error(monitor.at, format!("`{}` has no `quorum`", monitor.value))
                .hint("how many sentinels must agree that it is down: say `quorum: 2` here or for all of them"));
        };
        if quorum.value == 0 || quorum.value > sentinels.len() {
            return Err(source
                .error(quorum.at, format!("a quorum of {} among {} sentinels", quorum.value, sentinels.len()))
                .hint("the quorum is between 1 and the number of sentinels"));
        }
    }
    Ok(())
}

/// Either one master, or several under `masters`.
fn masters_are_named_once(sentinels: &Located<Sentinels>, source: &Source) -> Outcome<()> {
    let missing = |key: &str| {
        Err(source
            .error(sentinels.at, format!("the key `{key}` is missing"))
            .hint("say `monitor: NAME` and `master: NODE`, or `masters: {NAME: {master: NODE}, ...}` for several"))
    };
    let one = [&sentinels.monitor, &sentinels.master].into_iter().flatten().next();
    match (one, &sentinels.monitor, &sentinels.master) {
        (Some(one), ..) if !sentinels.masters.entries.is_empty() => Err(source
            .error(one.at, "sentinels have either one `master` or several `masters`")
            .hint("move it to `masters: {NAME: {master: NODE}}`")),
        (None, ..) if !sentinels.masters.entries.is_empty() => Ok(()),
        (_, None, _) => missing("monitor"),
        (_, _, None) => missing("master"),
        _ => Ok(()),
    }
}
