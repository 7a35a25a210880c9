//! How a cluster shows itself to clients: CLUSTER SLOTS, SHARDS, LINKS.

use crate::cluster::{Cluster, Node, Ports};
use crate::config::values::EndpointType;
use crate::resp::Reply;
use crate::server::cluster::LinkCounts;

/// Replies to CLUSTER SLOTS.
pub fn slots(reply: &mut Reply<'_>, core: &Cluster, ports: Ports) {
    let all = core.served();
    reply.array(all.len());
    for served in all {
        reply.array(2 + served.nodes.len());
        reply.integer(served.start.into());
        reply.integer(served.end.into());
        served.nodes.iter().for_each(|node| address(reply, core, node, ports));
    }
}

/// A node's endpoints: the preferred one, and a map of the others.
fn address(reply: &mut Reply<'_>, core: &Cluster, node: &Node, ports: Ports) {
    let kind = core.settings.endpoint_type;
    reply.array(4);
    match kind {
        EndpointType::Ip | EndpointType::Hostname => reply.bulk(core.endpoint(node).as_bytes()),
        EndpointType::UnknownEndpoint => reply.null(),
    }
    reply.integer(core.port_of(node, ports).into());
    reply.bulk(node.id.as_bytes());
    let ip = (kind != EndpointType::Ip).then_some(("ip", &node.ip));
    let hostname =
        (kind != EndpointType::Hostname && !node.hostname.is_empty()).then_some(("hostname", &node.hostname));
    let known: Vec<(&str, &String)> = ip.into_iter().chain(hostname).collect();
    reply.map(known.len());
    for (name, value) in known {
        reply.bulk(name.as_bytes());
        reply.bulk(value.as_bytes());
    }
}

/// Replies to CLUSTER SHARDS.
pub fn shards(reply: &mut Reply<'_>, core: &Cluster) {
    let shards = core.shards();
    reply.array(shards.len());
    for nodes in shards {
        reply.map(2);
        reply.bulk(b"slots");
        let ranges = nodes.first().map_or_else(Vec::new, |primary| primary.slots.ranges());
        reply.array(ranges.len() * 2);
        for range in ranges {
            reply.integer((*range.start()).into());
            reply.integer((*range.end()).into());
        }
        reply.bulk(b"nodes");
        reply.array(nodes.len());
        nodes.into_iter().for_each(|node| member(reply, core, node));
    }
}

fn member(reply: &mut Reply<'_>, core: &Cluster, node: &Node) {
    let named = !node.hostname.is_empty();
    let (plain, secure) = if core.settings.tls { (node.plain_port, node.port) } else { (node.port, 0) };
    let known: Vec<_> = [("port", plain), ("tls-port", secure)].into_iter().filter(|(_, port)| *port != 0).collect();
    reply.map(6 + known.len() + usize::from(named));
    let text = |reply: &mut Reply<'_>, name: &str, value: &str| {
        reply.bulk(name.as_bytes());
        reply.bulk(value.as_bytes());
    };
    text(reply, "id", node.id.as_str());
    for (name, port) in known {
        reply.bulk(name.as_bytes());
        reply.integer(port.into());
    }
    text(reply, "ip", &node.ip);
    text(reply, "endpoint", &core.endpoint(node));
    if named {
        text(reply, "hostname", &node.hostname);
    }
    text(reply, "role", if node.is_replica() { "replica" } else { "master" });
    reply.bulk(b"replication-offset");
    reply.integer(core.offset_of(node).0);
    text(reply, "health", core.health_of(node).name());
}

/// Replies to CLUSTER LINKS.
pub fn links(reply: &mut Reply<'_>, core: &Cluster, counts: &LinkCounts) {
    let all: Vec<_> = core.connections().collect();
    reply.array(all.len());
    for (conn, link, node) in all {
        let waiting = counts.waiting(conn);
        reply.map(6);
        reply.bulk(b"direction");
        reply.bulk(if link.inbound { b"from" } else { b"to" });
        reply.bulk(b"node");
        reply.bulk(node.id.as_bytes());
        reply.bulk(b"create-time");
        reply.integer(link.since);
        reply.bulk(b"events");
        reply.bulk(if waiting > 0 { b"rw" } else { b"r" });
        reply.bulk(b"send-buffer-allocated");
        reply.integer(waiting as i64);
        reply.bulk(b"send-buffer-used");
        reply.integer(waiting as i64);
    }
}
