//! The `sentinel ...` lines of the configuration file: reading them in an order that respects their dependencies, and
//! writing them.

use super::address::{Address, is_ip};
use super::id::SentinelId;
use super::instance::{Kind, Primary, Replica};
use super::operator::set_down_after;
use super::state::Sentinel;
use crate::base::epoch::Epoch;
use crate::base::words;
use crate::config::file::{Directive, FatalError};

/// The directives that a rewrite replaces.
pub const KEYS: [&str; 24] = [
    "sentinel myid",
    "sentinel deny-scripts-reconfig",
    "sentinel resolve-hostnames",
    "sentinel announce-hostnames",
    "sentinel monitor",
    "sentinel down-after-milliseconds",
    "sentinel failover-timeout",
    "sentinel parallel-syncs",
    "sentinel notification-script",
    "sentinel client-reconfig-script",
    "sentinel auth-pass",
    "sentinel auth-user",
    "sentinel master-reboot-down-after-period",
    "sentinel config-epoch",
    "sentinel leader-epoch",
    "sentinel known-replica",
    "sentinel known-slave",
    "sentinel known-sentinel",
    "sentinel rename-command",
    "sentinel current-epoch",
    "sentinel announce-ip",
    "sentinel announce-port",
    "sentinel sentinel-user",
    "sentinel sentinel-pass",
];

/// Directives that others build on.
const FIRST: [&str; 9] = [
    "announce-ip",
    "announce-port",
    "deny-scripts-reconfig",
    "sentinel-user",
    "sentinel-pass",
    "current-epoch",
    "myid",
    "resolve-hostnames",
    "announce-hostnames",
];

/// Looks a host name up; `None` if there is no such host.
pub type Resolve<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Sentinel {
    /// Reads the lines: settings first, then primaries, then what belongs to primaries.
    ///
    /// # Errors
    /// A line that is wrong.
    pub fn configure_from(&mut self, directives: &[Directive], resolve: Resolve<'_>) -> Result<(), FatalError> {
        let pass = |directive: &Directive| match word(directive, 1).to_ascii_lowercase().as_str() {
            "monitor" => 1,
            name if FIRST.contains(&name) => 0,
            _ => 2,
        };
        for number in 0..3 {
            for directive in directives.iter().filter(|directive| pass(directive) == number) {
                self.read_line(directive, resolve).map_err(|reason| directive.error(reason))?;
            }
        }
        Ok(())
    }

    fn read_line(&mut self, directive: &Directive, resolve: Resolve<'_>) -> Result<(), String> {
        let name = word(directive, 1).to_ascii_lowercase();
        let words: Vec<&[u8]> = directive.words.iter().skip(2).map(|word| &**word).collect();
        let text = |index: usize| String::from_utf8_lossy(words[index]).into_owned();
        match (name.as_str(), words.len()) {
            ("monitor", 4) => {
                let quorum = lenient(words[3]);
                if quorum <= 0 {
                    return Err("Quorum must be 1 or greater.".into());
                }
                let address = self.address(&text(1), words[2], resolve)?;
                self.monitor(&text(0), address, quorum)
                    .map_err(|refusal| String::from_utf8_lossy(&refusal.0).into_owned())
            }
            ("announce-ip", 1) => {
                self.settings.announce_ip = Some(text(0)).filter(|ip| !ip.is_empty());
                Ok(())
            }
            ("announce-port", 1) => {
                self.settings.announce_port = u16::try_from(lenient(words[0])).unwrap_or(0);
                Ok(())
            }
            ("deny-scripts-reconfig" | "resolve-hostnames" | "announce-hostnames", 1) => {
                self.read_yes_no(&name, words[0])
            }
            ("sentinel-user", 1) => {
                self.settings.sentinel_user = Some(words[0].to_vec());
                Ok(())
            }
            ("sentinel-pass", 1) => {
                self.settings.sentinel_pass = Some(words[0].to_vec());
                Ok(())
            }
            ("current-epoch", 1) => {
                self.current_epoch = self.current_epoch.max(epoch(words[0]));
                Ok(())
            }
            ("myid", 1) if words[0].len() == 40 => {
                self.id = SentinelId::new(text(0));
                Ok(())
            }
            ("myid", 1) => Err("Malformed Sentinel id in myid option.".into()),
            (_, 0) => Err("Unrecognized sentinel configuration statement.".into()),
            _ => self.read_primaries_line(&name, &words, resolve),
        }
    }

    fn read_yes_no(&mut self, name: &str, value: &[u8]) -> Result<(), String> {
        let yes = match value.to_ascii_lowercase().as_slice() {
            b"yes" => true,
            b"no" => false,
            _ => {
                let option = if name == "deny-scripts-reconfig" { "options" } else { "option" };
                return Err(format!("Please specify yes or no for the {name} {option}."));
            }
        };
        match name {
            "deny-scripts-reconfig" => self.settings.scripts_fixed = yes,
            "resolve-hostnames" => self.settings.resolve_hostnames = yes,
            _ => self.settings.announce_hostnames = yes,
        }
        Ok(())
    }

    fn address(&self, host: &str, port: &[u8], resolve: Resolve<'_>) -> Result<Address, String> {
        let port = u16::try_from(lenient(port)).map_err(|_| "Invalid port number.")?;
        let mut address = Address::new(host, port);
        if !is_ip(host) {
            if !self.settings.resolve_hostnames {
                return Err("Can't resolve instance hostname.".into());
            }
            // One that cannot be resolved now may be later.
            address.ip = resolve(host).unwrap_or_default();
        }
        Ok(address)
    }

    fn read_primaries_line(&mut self, name: &str, words: &[&[u8]], resolve: Resolve<'_>) -> Result<(), String> {
        const KNOWN: [(&str, usize); 15] = [
            ("down-after-milliseconds", 2),
            ("failover-timeout", 2),
            ("parallel-syncs", 2),
            ("notification-script", 2),
            ("client-reconfig-script", 2),
            ("auth-pass", 2),
            ("auth-user", 2),
            ("config-epoch", 2),
            ("leader-epoch", 2),
            ("known-replica", 3),
            ("known-slave", 3),
            ("known-sentinel", 3),
            ("known-sentinel", 4),
            ("rename-command", 3),
            ("master-reboot-down-after-period", 2),
        ];
        if !KNOWN.contains(&(name, words.len())) {
            return Err("Unrecognized sentinel configuration statement.".into());
        }
        if (name, words.len()) == ("known-sentinel", 3) {
            // Lines of old versions had no id: they count for nothing, whatever they name.
            return Ok(());
        }
        let m = self.index_of(words[0]).ok_or("No such master with specified name.")?;
        let value = words[1];
        let text = || String::from_utf8_lossy(value).into_owned();
        let positive = || Some(lenient(value)).filter(|&n| n > 0).ok_or("negative or zero time parameter.");
        match name {
            "down-after-milliseconds" => set_down_after(&mut self.primaries[m], positive()?),
            "failover-timeout" => self.primaries[m].failover_timeout = positive()?,
            "parallel-syncs" => self.primaries[m].parallel_syncs = u32::try_from(lenient(value)).unwrap_or(0),
            "notification-script" => self.primaries[m].notification_script = Some(text()),
            "client-reconfig-script" => self.primaries[m].reconfig_script = Some(text()),
            "auth-pass" => self.primaries[m].auth_pass = Some(value.to_vec()),
            "auth-user" => self.primaries[m].auth_user = Some(value.to_vec()),
            "config-epoch" => {
                self.primaries[m].config_epoch = epoch(value);
                // A configuration is never newer than the epoch that we know.
                self.current_epoch = self.current_epoch.max(epoch(value));
            }
            "leader-epoch" => self.primaries[m].leader_epoch = epoch(value),
            "known-replica" | "known-slave" => {
                let address = self.address(&text(), words[2], resolve)?;
                let name = address.joined(self.settings.announce_hostnames);
                let is_named = |replica: &Replica| replica.base.name == name;
                if self.primaries[m].replicas.iter().any(is_named) {
                    return Err("Duplicate hostname and port for replica.".into());
                }
                // Another spelling of a known address is the same replica.
                self.add_replica(m, address);
            }
            "known-sentinel" => {
                let address = self.address(&text(), words[2], resolve)?;
                let id = SentinelId::new(String::from_utf8_lossy(words[3]));
                if self.primaries[m].peers.iter().any(|peer| peer.base.run_id == id.as_str()) {
                    return Err("Duplicate runid for sentinel.".into());
                }
                self.add_peer(m, &id, address);
            }
            "rename-command" => {
                let old = text();
                if self.primaries[m].renamed.iter().any(|(known, _)| known.eq_ignore_ascii_case(&old)) {
                    return Err("Same command renamed multiple times with rename-command.".into());
                }
                self.primaries[m].renamed.push((old, String::from_utf8_lossy(words[2]).into_owned()));
            }
            _ => {
                let period = Some(lenient(value)).filter(|&n| n >= 0).ok_or("negative time parameter.")?;
                self.primaries[m].reboot_down_after = period;
            }
        }
        Ok(())
    }

    /// The lines that hold the present state, each with the key by which a rewrite finds it.
    pub fn lines(&self) -> Vec<(String, Vec<u8>)> {
        let mut lines = Lines::default();
        let settings = &self.settings;
        lines.add("myid", &[self.id.as_str().as_bytes()]);
        if !settings.scripts_fixed {
            lines.add("deny-scripts-reconfig", &[b"no"]);
        }
        if settings.resolve_hostnames {
            lines.add("resolve-hostnames", &[b"yes"]);
        }
        if settings.announce_hostnames {
            lines.add("announce-hostnames", &[b"yes"]);
        }
        self.primaries.iter().for_each(|primary| self.primary_lines(primary, &mut lines));
        lines.add("current-epoch", &[self.current_epoch.to_string().as_bytes()]);
        if let Some(ip) = &settings.announce_ip {
            let mut line = b"sentinel announce-ip ".to_vec();
            words::quote(&mut line, ip.as_bytes());
            lines.0.push(("sentinel announce-ip".to_owned(), line));
        }
        if settings.announce_port != 0 {
            lines.add("announce-port", &[settings.announce_port.to_string().as_bytes()]);
        }
        if let Some(user) = &settings.sentinel_user {
            lines.add("sentinel-user", &[user]);
        }
        if let Some(password) = &settings.sentinel_pass {
            lines.add("sentinel-pass", &[password]);
        }
        lines.0
    }

    fn primary_lines(&self, primary: &Primary, lines: &mut Lines) {
        let hostnames = self.settings.announce_hostnames;
        let name = primary.name().as_bytes();
        let number = |number: i64| number.to_string().into_bytes();
        let place =
            |address: &Address| (address.shown(hostnames).as_bytes().to_vec(), address.port.to_string().into_bytes());
        let address = primary.current_address();
        let (host, port) = place(address);
        lines.add("monitor", &[name, &host, &port, &number(primary.quorum.into())]);
        let timing = &self.timing;
        let usual = [
            ("down-after-milliseconds", primary.base.down_after, timing.default_down_after),
            ("failover-timeout", primary.failover_timeout, timing.default_failover_timeout),
            ("parallel-syncs", primary.parallel_syncs.into(), 1),
        ];
        for (option, value, default) in usual {
            if value != default {
                lines.add(option, &[name, &number(value)]);
            }
        }
        let texts = [
            ("notification-script", primary.notification_script.as_ref().map(|path| path.as_bytes())),
            ("client-reconfig-script", primary.reconfig_script.as_ref().map(|path| path.as_bytes())),
            ("auth-pass", primary.auth_pass.as_deref()),
            ("auth-user", primary.auth_user.as_deref()),
        ];
        for (option, value) in texts {
            if let Some(value) = value {
                lines.add(option, &[name, value]);
            }
        }
        if primary.reboot_down_after != 0 {
            lines.add("master-reboot-down-after-period", &[name, &number(primary.reboot_down_after)]);
        }
        lines.add("config-epoch", &[name, primary.config_epoch.to_string().as_bytes()]);
        lines.add("leader-epoch", &[name, primary.leader_epoch.to_string().as_bytes()]);
        let mut written = vec![(host, port)];
        for replica in &primary.replicas {
            // If the promoted replica already counts as the primary, the old primary counts as a replica.
            let known = &replica.base.address;
            let known = place(if known.is_same(address) { &primary.base.address } else { known });
            if !written.contains(&known) {
                lines.add("known-replica", &[name, &known.0, &known.1]);
                written.push(known);
            }
        }
        for peer in primary.peers.iter().filter(|peer| peer.base.kind == Kind::Sentinel) {
            let (host, port) = place(&peer.base.address);
            lines.add("known-sentinel", &[name, &host, &port, peer.base.run_id.as_bytes()]);
        }
        for (old, new) in &primary.renamed {
            lines.add("rename-command", &[name, old.as_bytes(), new.as_bytes()]);
        }
    }
}

#[derive(Default)]
struct Lines(Vec<(String, Vec<u8>)>);

impl Lines {
    fn add(&mut self, option: &str, words: &[&[u8]]) {
        let key = format!("sentinel {option}");
        let mut line = key.clone().into_bytes();
        for word in words {
            line.push(b' ');
            words::quote_if_needed(&mut line, word);
        }
        self.0.push((key, line));
    }
}

fn word(directive: &Directive, index: usize) -> String {
    directive.words.get(index).map(|word| word.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Reads a number as C's `atoi` does: text that is not a number counts as 0.
fn lenient(word: &[u8]) -> i64 {
    let word = word.trim_ascii_start();
    let signed = usize::from(word.first().is_some_and(|&first| first == b'-' || first == b'+'));
    let digits = word[signed..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&word[..signed + digits]).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn epoch(word: &[u8]) -> Epoch {
    let digits = word.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&word[..digits]).ok().and_then(|text| text.parse().ok()).unwrap_or(Epoch::ZERO).min(Epoch::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;
    use crate::config::Text;

    fn read(lines: &[&str]) -> Result<Sentinel, String> {
        let mut sentinel = Sentinel::new(0, Random::from_seed(1));
        let here = |host: &str| (host == "localhost").then(|| "127.0.0.1".to_owned());
        for line in lines {
            let words = words::split(line.as_bytes()).unwrap().into_iter().map(Text::from).collect();
            let directive = Directive { line: 1, text: Text::from(line.as_bytes()), words };
            sentinel.read_line(&directive, &here)?;
        }
        Ok(sentinel)
    }

    #[test]
    fn numbers_end_where_their_digits_do() {
        assert_eq!([lenient(b"2x"), lenient(b" +3"), lenient(b"-1-"), lenient(b"x"), lenient(b"")], [2, 3, -1, 0, 0]);
        assert_eq!([epoch(b"7 "), epoch(b"-7"), epoch(b"18446744073709551615")], [Epoch(7), Epoch::ZERO, Epoch::MAX]);
    }

    #[test]
    fn what_is_written_is_read_back_and_stays_on_its_line() {
        let before = [
            "sentinel myid 0123456789abcdef0123456789abcdef01234567",
            "sentinel monitor \"my master\" 10.0.0.1 6379 1",
            "sentinel auth-pass \"my master\" \"a b\\\"c\\nsentinel notification-script m /bin/x\"",
            "sentinel rename-command \"my master\" AUTH \"x y\"",
            "sentinel sentinel-pass \"'\"",
        ];
        let written: Vec<Vec<u8>> = read(&before).unwrap().lines().into_iter().map(|(_, line)| line).collect();
        assert!(written.iter().all(|line| !words::has_control(line)), "{written:?}");
        let written: Vec<&str> = written.iter().map(|line| std::str::from_utf8(line).unwrap()).collect();
        let after = read(&written).unwrap();
        let primary = &after.primaries[0];
        assert_eq!(primary.name(), "my master");
        assert_eq!(primary.auth_pass.as_deref(), Some(&b"a b\"c\nsentinel notification-script m /bin/x"[..]));
        assert_eq!(primary.notification_script, None);
        assert_eq!(primary.renamed, [("AUTH".to_owned(), "x y".to_owned())]);
        assert_eq!(after.settings.sentinel_pass.as_deref(), Some(&b"'"[..]));
    }

    #[test]
    fn a_sentinel_without_an_id_is_nobodys() {
        read(&["sentinel known-sentinel nope 127.0.0.1 31900"]).unwrap();
    }

    #[test]
    fn a_replica_that_is_spelled_twice_is_one_or_an_error_as_in_redis() {
        let resolve = "sentinel resolve-hostnames yes";
        let monitor = "sentinel monitor m 10.0.0.1 6379 1";
        let both = ["sentinel known-replica m localhost 6380", "sentinel known-replica m 127.0.0.1 6380"];
        let as_addresses = read(&[resolve, monitor, both[0], both[1]]);
        assert_eq!(as_addresses.err().as_deref(), Some("Duplicate hostname and port for replica."));
        let as_names = read(&[resolve, "sentinel announce-hostnames yes", monitor, both[0], both[1]]).unwrap();
        assert_eq!(as_names.primaries[0].replicas.len(), 1);
    }
}
