//! `runner env`: a running topology as environment variables.

use super::say;
use crate::client::{Address, Reply};
use crate::failure::{Doing, Outcome};
use crate::name::{TopologyName, variable_part};
use crate::plan::{NodePlan, Plan, Role};
use crate::pool::Pool;
use crate::selectors::live_role;
use crate::state::Session;
use clap::{Args, ValueEnum};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_millis(500);

/// What stands for itself in every part of a URL (RFC 3986, 'unreserved').
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Prints the addresses of a running topology as shell variables: `eval "$(runner env)"`.
///
/// REDIS_URL is the master of now, also after a failover. REDIS_NAME_URL, REDIS_NAME_HOST and REDIS_NAME_PORT are the node
/// called NAME.
#[derive(Debug, Args)]
pub struct Env {
    /// Which one, where several are up.
    #[arg(long)]
    name: Option<TopologyName>,
    /// How they are written.
    #[arg(long, value_enum, default_value_t = Format::Sh)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// `export NAME=VALUE`, for sh, bash and zsh.
    Sh,
    /// `set -gx NAME VALUE`: `runner env --format fish | source`.
    Fish,
    /// `NAME="VALUE"`, for a file `.env`.
    Dotenv,
    /// One object.
    Json,
    /// For GitHub Actions: `runner env --format github >> "$GITHUB_ENV"`.
    Github,
}

impl Env {
    pub(super) async fn run(self) -> Outcome<u8> {
        let session = Session::find(self.name.as_ref())?;
        let plan = session.read()?.plan;
        let master = match master_now(&plan).await {
            Some(master) => Some(master),
            None => {
                let planned = plan.first_master();
                if let Some(node) = planned {
                    anstream::eprintln!(
                        "no node is a master now: REDIS_URL is that of {}, which the file calls one",
                        node.name
                    );
                }
                planned
            }
        };
        let variables = variables(&plan, master);
        if let Format::Json = self.format {
            let object: serde_json::Map<String, serde_json::Value> =
                variables.into_iter().map(|(name, value)| (name, value.into())).collect();
            say(serde_json::to_string_pretty(&object).doing(|| "write JSON".into())?);
            return Ok(0);
        }
        for (name, value) in variables {
            say(self.format.line(&name, &value)?);
        }
        Ok(0)
    }
}

impl Format {
    fn line(self, name: &str, value: &str) -> Outcome<String> {
        Ok(match self {
            Format::Sh => format!("export {name}={}", shlex::try_quote(value).doing(|| format!("quote {name}"))?),
            Format::Fish => format!("set -gx {name} '{}'", escaped(value, &['\\', '\''])),
            // Double quotes, for only there every reader of such files knows escapes.
            Format::Dotenv => format!("{name}=\"{}\"", escaped(value, &['\\', '"', '$', '`'])),
            Format::Github | Format::Json => format!("{name}={value}"),
        })
    }
}

fn escaped(value: &str, special: &[char]) -> String {
    value.chars().flat_map(|c| special.contains(&c).then_some('\\').into_iter().chain([c])).collect()
}

/// The variables, in the order of the topology; REDIS_URL is that of `master`.
pub(super) fn variables(plan: &Plan, master: Option<&NodePlan>) -> Vec<(String, String)> {
    let mut variables = vec![("REDIS_TOPOLOGY".to_owned(), plan.name.to_string())];
    variables.extend(master.map(|master| ("REDIS_URL".into(), url(master))));
    if let Some(certificates) = plan.nodes.iter().find_map(|node| node.tls.as_ref()) {
        let (certificate, key) = certificates.client();
        let files = [("CA_CERT", certificates.authority()), ("CERT", certificate), ("KEY", key)];
        variables.extend(files.map(|(name, path)| (format!("REDIS_TLS_{name}"), path.display().to_string())));
    }
    for node in &plan.nodes {
        let name = variable_part(&node.name);
        variables.push((format!("REDIS_{name}_HOST"), node.announced().host));
        variables.push((format!("REDIS_{name}_PORT"), node.port.to_string()));
        variables.push((format!("REDIS_{name}_URL"), url(node)));
    }
    let sentinels: Vec<_> = plan.nodes.iter().filter(|node| !node.holds_data()).collect();
    if let Some(Role::Sentinel { monitor, .. }) = sentinels.first().map(|node| &node.role) {
        let addresses: Vec<String> = sentinels.iter().map(|node| node.announced().to_string()).collect();
        variables.push(("REDIS_SENTINELS".into(), addresses.join(",")));
        variables.push(("REDIS_SENTINEL_MASTER".into(), monitor.clone()));
    }
    let cluster: Vec<String> = plan.cluster_nodes().map(|node| node.announced().to_string()).collect();
    if !cluster.is_empty() {
        variables.push(("REDIS_CLUSTER".into(), cluster.join(",")));
    }
    variables
}

fn url(node: &NodePlan) -> String {
    let scheme = if node.tls.is_some() { "rediss" } else { "redis" };
    let login = match (&node.clients, &node.password) {
        (Some((user, password)), _) => Some((user.as_str(), password.as_str())),
        (None, Some(password)) => Some((node.user.as_deref().unwrap_or_default(), password.as_str())),
        (None, None) => None,
    };
    let login = login.map_or_else(String::new, |(user, password)| {
        format!("{}:{}@", utf8_percent_encode(user, RESERVED), utf8_percent_encode(password, RESERVED))
    });
    format!("{scheme}://{login}{}", node.announced())
}

/// The master of now: the one that a sentinel names, because an old one that is cut off calls itself one too; without
/// sentinels, the first node that calls itself one.
async fn master_now(plan: &Plan) -> Option<&NodePlan> {
    let mut pool = Pool::new(PATIENCE);
    for sentinel in &plan.nodes {
        let Role::Sentinel { monitor, .. } = &sentinel.role else {
            continue;
        };
        let Ok(reply) = pool.must(sentinel, &["SENTINEL", "GET-MASTER-ADDR-BY-NAME", monitor]).await else {
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
            "redis://:it%27s%20%22%24%28touch%20x%29%22%20%60y%60%20%5C%20%40%3A%2F%3F%23%25%C3%A9@127.0.0.1:1";
        assert_eq!(url(&plan.nodes[0]), expected);
    }

    #[test]
    fn every_format_quotes() {
        let line = |format: Format| format.line("N", "it's \"$x\" \\").unwrap();
        assert_eq!(line(Format::Fish), r#"set -gx N 'it\'s "$x" \\'"#);
        assert_eq!(line(Format::Dotenv), r#"N="it's \"\$x\" \\""#);
        let script = format!("{}; printf %s \"$N\"", line(Format::Sh));
        let shell = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        assert_eq!(String::from_utf8(shell.stdout).unwrap(), "it's \"$x\" \\");
    }
}
