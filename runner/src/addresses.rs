//! How users reach the nodes of a topology: URLs, environment variables, the current master.

use crate::client::{Address, Reply};
use crate::name::variable_part;
use crate::plan::{NodePlan, Plan};
use crate::pool::Pool;
use crate::selectors::live_role;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_millis(500);

/// What stands for itself in every part of a URL (RFC 3986, 'unreserved').
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The variables, in the order of the topology; REDIS_URL is that of `master`.
pub fn variables(plan: &Plan, master: Option<&NodePlan>) -> Vec<(String, String)> {
    let mut variables = vec![("REDIS_TOPOLOGY".to_owned(), plan.name.to_string())];
    variables.extend(master.map(|master| ("REDIS_URL".into(), url(master))));
    // The credentials for our nodes trust the authorities of other people's nodes, too.
    let (ours, others): (Vec<&NodePlan>, Vec<&NodePlan>) = plan.nodes.iter().partition(|node| !node.is_external());
    if let Some(credentials) = ours.into_iter().chain(others).find_map(|node| node.tls.as_ref()) {
        let files =
            [("CA_CERT", &credentials.authority), ("CERT", &credentials.certificate), ("KEY", &credentials.key)];
        variables.extend(files.map(|(name, path)| (format!("REDIS_TLS_{name}"), path.display().to_string())));
    }
    for node in &plan.nodes {
        let name = variable_part(&node.name);
        variables.push((format!("REDIS_{name}_HOST"), node.announced().host));
        variables.push((format!("REDIS_{name}_PORT"), node.port.to_string()));
        variables.push((format!("REDIS_{name}_URL"), url(node)));
    }
    let sentinels: Vec<_> = plan.nodes.iter().filter(|node| !node.holds_data()).collect();
    let monitored = sentinels.first().map_or(&[][..], |node| node.role.monitored());
    if let Some(first) = monitored.first() {
        let addresses: Vec<String> = sentinels.iter().map(|node| node.announced().to_string()).collect();
        variables.push(("REDIS_SENTINELS".into(), addresses.join(",")));
        variables.push(("REDIS_SENTINEL_MASTER".into(), first.monitor.clone()));
        if monitored.len() > 1 {
            let names: Vec<&str> = monitored.iter().map(|master| master.monitor.as_str()).collect();
            variables.push(("REDIS_SENTINEL_MASTERS".into(), names.join(",")));
        }
    }
    let cluster: Vec<String> = plan.cluster_nodes().map(|node| node.announced().to_string()).collect();
    if !cluster.is_empty() {
        variables.push(("REDIS_CLUSTER".into(), cluster.join(",")));
    }
    variables
}

/// A node's URL, with the user and password for clients. Without a user it says `default`:
/// redis-cli 7.0 takes an empty name at its word.
pub fn url(node: &NodePlan) -> String {
    let scheme = if node.tls.is_some() { "rediss" } else { "redis" };
    let login = match (&node.clients, &node.password) {
        (Some((user, password)), _) => Some((user.as_str(), password.as_str())),
        (None, Some(password)) => Some((node.user.as_deref().unwrap_or("default"), password.as_str())),
        (None, None) => None,
    };
    let login = login.map_or_else(String::new, |(user, password)| {
        format!("{}:{}@", utf8_percent_encode(user, RESERVED), utf8_percent_encode(password, RESERVED))
    });
    format!("{scheme}://{login}{}", node.announced())
}

/// The master of now (the first, where Sentinels watch several): the one that a sentinel names, because an old one that is
/// cut off calls itself one too; without sentinels, the first node that calls itself one.
pub async fn master_now(plan: &Plan) -> Option<&NodePlan> {
    let mut pool = Pool::new(PATIENCE);
    for sentinel in &plan.nodes {
        let Some(master) = sentinel.role.monitored().first() else {
            continue;
        };
        let Ok(reply) = pool.must(sentinel, &["SENTINEL", "GET-MASTER-ADDR-BY-NAME", &master.monitor]).await else {
            continue;
        };
        let words: Vec<String> = reply.elements().iter().filter_map(Reply::text).collect();
        let [host, port] = words.as_slice() else {
            continue;
        };
        let port = port.parse().ok()?;
        let named = |node: &&NodePlan| {
            let address = Address { host: host.clone(), port };
            node.holds_data() && [node.announced(), node.address()].contains(&address)
        };
        if let Some(master) = plan.nodes.iter().find(named) {
            return Some(master);
        }
    }
    for node in plan.nodes.iter().filter(|node| node.holds_data()) {
        if live_role(node).await == Some("master") {
            return Some(node);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Choices;
    use crate::yaml::Source;

    const NASTY: &str = "it's \"$(touch x)\" `y` \\ @:/?#%é";

    fn plan() -> Plan {
        let text =
            format!("nodes: {{a: {{port: 1, config: {{requirepass: {}}}}}}}", serde_json::to_string(NASTY).unwrap());
        let source = Source::new("t.yaml", text);
        let mut topology: crate::topology::Topology = source.load().unwrap();
        topology.settle(&source).unwrap();
        Plan::new(&topology, &Choices::default(), std::path::Path::new("/run"), || Ok(1)).unwrap()
    }

    #[test]
    fn a_password_is_encoded_in_urls() {
        let plan = plan();
        assert_eq!(plan.nodes[0].password.as_deref(), Some(NASTY));
        let expected =
            "redis://default:it%27s%20%22%24%28touch%20x%29%22%20%60y%60%20%5C%20%40%3A%2F%3F%23%25%C3%A9@127.0.0.1:1";
        assert_eq!(url(&plan.nodes[0]), expected);
    }
}
