//! Requests of operators and other Sentinels, that is, SENTINEL's subcommands: changes and their refusals. Replies are
//! written in `commands/sentinel.rs`.

use super::address::Address;
use super::election::Vote;
use super::id::SentinelId;
use super::instance::{Kind, Place, Primary};
use super::state::Sentinel;
use crate::base::clock::Millis;
use crate::base::epoch::Epoch;
use crate::base::glob;
use crate::base::level::Level;
use crate::base::numbers::parse_i64;
use crate::base::words;

pub use super::election::Vote as LeaderVote;

/// Why a request was refused: the text after `ERR `, or one with a code of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(pub Vec<u8>);

fn refuse<T>(text: impl Into<Vec<u8>>) -> Result<T, Refusal> {
    Err(Refusal(text.into()))
}

/// Nothing that an operator or another instance says may end a line of the configuration file: what follows would be read
/// as a directive of its own, a script to run for one. Redis 7.0 writes it as it is.
fn on_one_line(values: &[&[u8]], what: &str) -> Result<(), Refusal> {
    match values.iter().any(|value| words::has_control(value)) {
        true => refuse(format!("Control characters are not allowed in {what}")),
        false => Ok(()),
    }
}

/// A change of one primary: the option's name and its values.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    /// `down-after-milliseconds`, in any case; told as it is given.
    pub option: &'a str,
    /// One value, for rename-command two.
    pub values: &'a [&'a [u8]],
}

/// Number of values that an option of SENTINEL SET takes; `None` for one that does not exist.
pub fn values_of(option: &str) -> Option<usize> {
    const ONE: [&str; 9] = [
        "down-after-milliseconds",
        "failover-timeout",
        "parallel-syncs",
        "notification-script",
        "client-reconfig-script",
        "auth-pass",
        "auth-user",
        "quorum",
        "master-reboot-down-after-period",
    ];
    match option.to_ascii_lowercase().as_str() {
        "rename-command" => Some(2),
        option => ONE.contains(&option).then_some(1),
    }
}

impl Sentinel {
    /// Monitors another primary.
    ///
    /// # Errors
    /// A quorum of 0, or a name that is taken.
    pub fn monitor(&mut self, name: &str, address: Address, quorum: i64) -> Result<(), Refusal> {
        if quorum <= 0 {
            return refuse("Quorum must be 1 or greater.");
        }
        if self.primary_index(name).is_some() {
            return refuse("Duplicate master name.");
        }
        let link = self.links.add(address.clone(), self.moment.now);
        let base = self.new_instance(Kind::Primary, name.to_owned(), address, link);
        let quorum = u32::try_from(quorum).unwrap_or(u32::MAX);
        self.primaries.push(Primary::new(base, quorum, &self.timing));
        self.reindex();
        Ok(())
    }

    /// SENTINEL MONITOR.
    ///
    /// # Errors
    /// As for [`Self::monitor`].
    pub fn monitor_now(&mut self, name: &str, address: Address, quorum: i64) -> Result<(), Refusal> {
        let done =
            on_one_line(&[name.as_bytes()], "the name of a master").and_then(|()| self.monitor(name, address, quorum));
        if done.is_ok() {
            let m = self.primaries.len() - 1;
            let text = format!("{} quorum {quorum}", self.describe(Place::Primary(m)));
            self.emit_text(Level::Warning, "+monitor", Some(m), text);
            self.save();
            self.advance(m);
        }
        done
    }

    /// SENTINEL REMOVE; false if there is no such primary.
    pub fn remove(&mut self, name: &str) -> bool {
        let found = self.primary_index(name);
        if let Some(m) = found {
            self.emit(Level::Warning, "-monitor", Place::Primary(m));
            let primary = self.primaries.remove(m);
            let replicas = primary.replicas.iter().map(|replica| replica.base.link);
            let peers = primary.peers.iter().map(|peer| peer.base.link);
            let links: Vec<_> = replicas.chain(peers).chain([primary.base.link]).collect();
            links.into_iter().for_each(|link| self.release(link));
            self.reindex();
            self.save();
        }
        found.is_some()
    }

    /// SENTINEL RESET: forgets replicas, other Sentinels and failovers of all primaries whose names match, case included;
    /// their number.
    pub fn reset(&mut self, pattern: &[u8]) -> usize {
        let mut count = 0;
        for m in 0..self.primaries.len() {
            if glob::matches(pattern, self.primaries[m].name().as_bytes(), false) {
                let address = self.primaries[m].base.address.clone();
                self.reset_primary(m, address, true);
                self.emit(Level::Warning, "+reset-master", Place::Primary(m));
                count += 1;
                self.advance(m);
            }
        }
        self.save();
        count
    }

    /// SENTINEL FAILOVER: without asking the others.
    ///
    /// # Errors
    /// One is running, or no replica is fit.
    pub fn failover(&mut self, m: usize) -> Result<(), Refusal> {
        if self.primaries[m].is_failing_over() {
            refuse("INPROG Failover already in progress")
        } else if self.best_replica(m).is_none() {
            refuse("NOGOODSLAVE No suitable replica to promote")
        } else {
            let name = self.primaries[m].name().to_owned();
            self.log(Level::Warning, format!("Executing user requested FAILOVER of '{name}'"));
            self.start_failover(m);
            self.primaries[m].forced = true;
            // The operator gets the reply before the failover continues.
            self.primaries[m].due = self.moment.now;
            Ok(())
        }
    }

    /// SENTINEL IS-MASTER-DOWN-BY-ADDR: whether we see the primary at that address down, and our vote if a candidate asks
    /// for it.
    pub fn is_primary_down(&mut self, address: &Address, epoch: Epoch, candidate: Option<&SentinelId>) -> (bool, Vote) {
        let found = self.primaries.iter().position(|primary| primary.base.address.is_same(address));
        let down = self.sees_down(found);
        let vote = match (found, candidate) {
            (Some(m), Some(candidate)) => {
                let vote = self.vote(m, epoch, candidate);
                self.advance(m);
                vote
            }
            _ => Vote { leader: None, epoch: Epoch::ZERO },
        };
        (down, vote)
    }

    /// SENTINEL SET, one option.
    ///
    /// # Errors
    /// A value that does not fit, or a script that may not be changed.
    pub fn set(&mut self, m: usize, change: Change<'_>) -> Result<(), Refusal> {
        let done = self.change(m, change);
        if done.is_ok() {
            let shown: Vec<_> = match change.option.eq_ignore_ascii_case("auth-pass") {
                true => vec!["******".into()],
                false => change.values.iter().map(|value| String::from_utf8_lossy(value)).collect(),
            };
            let text = format!("{} {} {}", self.describe(Place::Primary(m)), change.option, shown.join(" "));
            self.emit_text(Level::Warning, "+set", Some(m), text);
            self.advance(m);
        }
        done
    }

    fn change(&mut self, m: usize, change: Change<'_>) -> Result<(), Refusal> {
        on_one_line(change.values, &format!("the value of SENTINEL SET '{}'", change.option))?;
        let value = change.values[0];
        let text = || String::from_utf8_lossy(value).into_owned();
        let wrong = |value: &[u8]| {
            Refusal([b"Invalid argument '", value, b"' for SENTINEL SET '", change.option.as_bytes(), b"'"].concat())
        };
        let number = |least: i64| parse_i64(value).filter(|&number| number >= least).ok_or_else(|| wrong(value));
        let small = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
        let primary = &mut self.primaries[m];
        match change.option.to_ascii_lowercase().as_str() {
            "down-after-milliseconds" => set_down_after(primary, number(1)?),
            "failover-timeout" => primary.failover_timeout = number(1)?,
            "parallel-syncs" => primary.parallel_syncs = small(number(1)?),
            "quorum" => primary.quorum = small(number(1)?),
            "master-reboot-down-after-period" => primary.reboot_down_after = number(0)?,
            "notification-script" | "client-reconfig-script" if self.settings.scripts_fixed => {
                return refuse(
                    "Reconfiguration of scripts path is denied for security reasons. Check the deny-scripts-reconfig configuration directive in your Sentinel configuration",
                );
            }
            "notification-script" => primary.notification_script = Some(text()).filter(|path| !path.is_empty()),
            "client-reconfig-script" => primary.reconfig_script = Some(text()).filter(|path| !path.is_empty()),
            "auth-pass" => {
                primary.auth_pass = Some(value.to_vec()).filter(|value| !value.is_empty());
                self.reconnect_data_nodes(m);
            }
            "auth-user" => {
                primary.auth_user = Some(value.to_vec()).filter(|value| !value.is_empty());
                self.reconnect_data_nodes(m);
            }
            "rename-command" => {
                let new = change.values[1];
                if new.is_empty() || value.is_empty() {
                    return Err(wrong(if new.is_empty() { new } else { value }));
                }
                let (old, new) = (text(), String::from_utf8_lossy(new).into_owned());
                primary.renamed.retain(|(known, _)| !known.eq_ignore_ascii_case(&old));
                if !old.eq_ignore_ascii_case(&new) {
                    primary.renamed.push((old, new));
                }
            }
            _ => {
                let option = change.option;
                return refuse(format!("Unknown option or number of arguments for SENTINEL SET '{option}'"));
            }
        }
        Ok(())
    }

    /// Links to primary and replicas are made anew, with the new credentials.
    fn reconnect_data_nodes(&mut self, m: usize) {
        use super::effect::Channel;
        for place in self.places(m).into_iter().filter(|place| !matches!(place, Place::Peer(..))) {
            let link = self.instance(place).link;
            self.cut(link, Channel::Commands);
            self.cut(link, Channel::Hellos);
        }
    }

    /// SENTINEL CONFIG SET; the caller has to save the configuration.
    ///
    /// # Errors
    /// An option that does not exist, or a value that does not fit.
    pub fn configure(&mut self, option: &str, value: &[u8]) -> Result<(), Refusal> {
        on_one_line(&[value], &format!("the value of SENTINEL CONFIG SET '{option}'"))?;
        let text = String::from_utf8_lossy(value).into_owned();
        let wrong =
            || Refusal([b"Invalid value '", value, b"' to SENTINEL CONFIG SET '", option.as_bytes(), b"'"].concat());
        let yes_no = || match text.to_ascii_lowercase().as_str() {
            "yes" => Ok(true),
            "no" => Ok(false),
            _ => Err(wrong()),
        };
        let some = || Some(value.to_vec()).filter(|value| !value.is_empty());
        let settings = &mut self.settings;
        match option.to_ascii_lowercase().as_str() {
            "resolve-hostnames" => settings.resolve_hostnames = yes_no()?,
            "announce-hostnames" => settings.announce_hostnames = yes_no()?,
            "announce-ip" => settings.announce_ip = Some(text.clone()).filter(|ip| !ip.is_empty()),
            "announce-port" => {
                settings.announce_port =
                    parse_i64(value).and_then(|port| u16::try_from(port).ok()).ok_or_else(wrong)?;
            }
            "sentinel-user" => {
                settings.sentinel_user = some();
                self.reconnect_peers();
            }
            "sentinel-pass" => {
                settings.sentinel_pass = some();
                self.reconnect_peers();
            }
            _ => return refuse(format!("Invalid argument '{option}' to SENTINEL CONFIG SET")),
        }
        Ok(())
    }

    fn reconnect_peers(&mut self) {
        for m in 0..self.primaries.len() {
            for place in self.places(m).into_iter().filter(|place| matches!(place, Place::Peer(..))) {
                let link = self.instance(place).link;
                self.cut(link, super::effect::Channel::Commands);
            }
        }
    }

    /// Settings have changed, so everything may be due at another time.
    pub fn look_again(&mut self) {
        self.advance_all();
    }

    /// The primary called `name`.
    pub fn index_of(&self, name: &[u8]) -> Option<usize> {
        self.primaries.iter().position(|primary| primary.base.name.as_bytes() == name)
    }
}

/// The primary's limit is that of its replicas and of its other Sentinels.
pub(super) fn set_down_after(primary: &mut Primary, millis: Millis) {
    primary.base.down_after = millis;
    primary.replicas.iter_mut().for_each(|replica| replica.base.down_after = millis);
    primary.peers.iter_mut().for_each(|peer| peer.base.down_after = millis);
}
