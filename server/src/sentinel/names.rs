//! What host names resolved to. The machine does not resolve names itself: its driver asks which names an input contains
//! ([`Sentinel::names_in`]) and supplies their addresses ([`Sentinel::learn`]) before it passes the input on.
//!
//! Background. One place has many spellings: one Sentinel announces names, the next one addresses. Taken for two places it
//! would be its own replica, and be told to follow itself; so what comes from elsewhere is located before it is compared. Redis
//! looks names up at each comparison, while everything waits; here only the link waits that brought the name.

use std::collections::HashMap;

use super::address::{Address, is_ip};
use super::effect::{Channel, Input};
use super::hello::Hello;
use super::report::Report;
use super::state::Sentinel;
use crate::base::clock::Millis;
use crate::resp::Value;

/// How long a resolved name is valid, in milliseconds.
const FRESH: Millis = 1_000;
/// After how long a name that could not be resolved is looked up again.
const RETRY: Millis = 5_000;
/// The most names that are remembered.
const MAX_NAMES: usize = 4_096;

/// The address of a name.
#[derive(Debug)]
struct Meaning {
    ip: Option<String>,
    /// When it has to be resolved again.
    until: Millis,
}

/// What host names have resolved to.
#[derive(Debug, Default)]
pub struct Names(HashMap<String, Meaning>);

impl Names {
    fn ip(&self, name: &str) -> Option<&str> {
        self.0.get(&name.to_ascii_lowercase())?.ip.as_deref()
    }

    fn is_fresh(&self, name: &str, now: Millis) -> bool {
        self.0.get(&name.to_ascii_lowercase()).is_some_and(|meaning| now < meaning.until)
    }

    /// Stores the address of a name. A name that cannot be resolved keeps its previous address.
    fn learn(&mut self, name: &str, ip: Option<String>, now: Millis) {
        if self.0.len() >= MAX_NAMES {
            self.0.clear();
        }
        let until = now + if ip.is_some() { FRESH } else { RETRY };
        let ip = ip.or_else(|| self.ip(name).map(str::to_owned));
        self.0.insert(name.to_ascii_lowercase(), Meaning { ip, until });
    }
}

impl Sentinel {
    /// Host names in an input that were not looked up lately.
    pub fn names_in(&self, input: &Input) -> Vec<String> {
        if !self.settings.resolve_hostnames {
            return Vec::new();
        }
        let mut names = match input {
            Input::Hello(payload) => self.names_in_hello(payload),
            Input::Reply { conn, value } => match (self.links.owner(*conn), value) {
                (Some((_, Channel::Hellos)), Value::Array(parts)) => {
                    parts.get(2).and_then(Value::text).map_or_else(Vec::new, |payload| self.names_in_hello(payload))
                }
                (Some((_, Channel::Commands)), Value::Bulk(text)) => {
                    Report::read(&String::from_utf8_lossy(text)).hosts()
                }
                _ => Vec::new(),
            },
            _ => Vec::new(),
        };
        names.retain(|name| self.is_to_be_looked_up(name));
        names.sort_unstable();
        names.dedup();
        names
    }

    fn names_in_hello(&self, payload: &[u8]) -> Vec<String> {
        let hello = Hello::read(payload).filter(|hello| self.primary_index(&hello.primary_name).is_some());
        hello.map_or_else(Vec::new, |hello| vec![hello.sentinel.host, hello.primary.host])
    }

    fn is_to_be_looked_up(&self, host: &str) -> bool {
        !host.is_empty() && !is_ip(host) && !self.names.is_fresh(host, self.moment.now)
    }

    /// The name to look up before [`Self::locate`], where the place is none of our primaries' by its spelling alone.
    pub fn name_to_locate(&self, host: &str, port: u16) -> Option<String> {
        let spelled = Address::new(host, port);
        let known = self.primaries.iter().any(|primary| primary.base.address.is_same(&spelled));
        (self.settings.resolve_hostnames && !known && self.is_to_be_looked_up(host)).then(|| host.to_owned())
    }

    /// A name was looked up; `None`: there is no such host.
    pub fn learn(&mut self, name: &str, ip: Option<String>) {
        self.names.learn(name, ip, self.moment.now);
    }

    /// The address of a place that another instance mentioned.
    pub fn locate(&self, host: &str, port: u16) -> Address {
        let mut address = Address::new(host, port);
        if address.ip.is_empty()
            && self.settings.resolve_hostnames
            && let Some(ip) = self.names.ip(host)
        {
            address.ip = ip.to_owned();
        }
        address
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::epoch::Epoch;
    use crate::base::machine::Machine;
    use crate::base::random::Random;
    use crate::sentinel::{Effect, SentinelId};

    const PRIMARY: &str = "10.0.0.1";

    /// A Sentinel of the primary 10.0.0.1:6379 that knows what `db`, `replica` and `guard` mean.
    fn sentinel() -> Sentinel {
        let mut sentinel = Sentinel::new(0, Random::from_seed(1));
        sentinel.settings.resolve_hostnames = true;
        sentinel.monitor("m", Address::new(PRIMARY, 6379), 1).unwrap();
        sentinel.learn("db", Some(PRIMARY.into()));
        sentinel.learn("replica", Some("10.0.0.2".into()));
        sentinel.learn("guard", Some("10.0.0.9".into()));
        sentinel
    }

    fn hello(sentinel: &mut Sentinel, guard: &str, primary: &str, epoch: Epoch) -> Vec<String> {
        let id = "a".repeat(40);
        let text = format!("{guard},26379,{id},{epoch},m,{primary},{epoch}");
        let mut out = Vec::new();
        sentinel.handle(1, &(), Input::Hello(text.into_bytes()), &mut out);
        let event = |effect: &Effect| match effect {
            Effect::Event { name, payload, .. } => Some(format!("{name} {payload}").replace(&id, "ID")),
            _ => None,
        };
        out.iter().filter_map(event).collect()
    }

    #[test]
    fn a_primary_that_is_called_by_its_name_has_not_moved() {
        let mut sentinel = sentinel();
        let told = hello(&mut sentinel, "10.0.0.9", "db,6379", Epoch(9));
        assert_eq!(told, ["+sentinel sentinel ID 10.0.0.9 26379 @ m 10.0.0.1 6379", "+new-epoch 9"]);
        assert_eq!((sentinel.primaries[0].config_epoch, sentinel.primaries[0].replicas.len()), (Epoch(9), 0));
    }

    #[test]
    fn a_primary_that_moved_to_a_name_leaves_its_old_place_as_the_only_replica() {
        let mut sentinel = sentinel();
        sentinel.add_replica(0, Address::new("10.0.0.2", 6379));
        let told = hello(&mut sentinel, "10.0.0.9", "replica,6379", Epoch(9));
        assert!(told.iter().any(|event| event.starts_with("+switch-master")), "{told:?}");
        let primary = &sentinel.primaries[0];
        let replicas: Vec<&str> = primary.replicas.iter().map(|replica| replica.base.name.as_str()).collect();
        assert_eq!((primary.base.address.shown(false), replicas), ("10.0.0.2", vec!["10.0.0.1:6379"]));
    }

    #[test]
    fn a_primary_at_a_name_that_means_nothing_is_not_followed() {
        let mut sentinel = sentinel();
        let told = hello(&mut sentinel, "10.0.0.9", "nowhere.invalid,6379", Epoch(9));
        assert!(!told.iter().any(|event| event.starts_with("+switch-master")), "{told:?}");
        let primary = &sentinel.primaries[0];
        assert_eq!((primary.base.address.host.as_str(), primary.config_epoch), (PRIMARY, Epoch::ZERO));
    }

    #[test]
    fn a_sentinel_that_spells_its_address_in_turns_has_not_moved() {
        let mut sentinel = sentinel();
        assert_eq!(hello(&mut sentinel, "guard", "10.0.0.1,6379", Epoch(0)).len(), 1);
        for spelling in ["10.0.0.9", "GUARD", "guard"] {
            assert!(hello(&mut sentinel, spelling, "10.0.0.1,6379", Epoch(0)).is_empty(), "{spelling}");
        }
        assert_eq!(sentinel.primaries[0].peers[0].base.address.shown(false), "10.0.0.9");
    }

    #[test]
    fn a_question_about_a_name_is_one_about_its_address() {
        let mut sentinel = sentinel();
        assert_eq!(sentinel.name_to_locate(PRIMARY, 6379), None);
        assert_eq!(sentinel.name_to_locate("unknown", 6379).as_deref(), Some("unknown"));
        let (address, id) = (sentinel.locate("DB", 6379), SentinelId::new("b".repeat(40)));
        let (_, vote) =
            sentinel.act(1, &(), &mut Vec::new(), |sentinel| sentinel.is_primary_down(&address, Epoch(5), Some(&id)));
        assert_eq!((vote.leader, vote.epoch), (Some(id), Epoch(5)));
    }

    #[test]
    fn a_replica_is_known_once_however_it_is_spelled() {
        let mut sentinel = sentinel();
        assert!(sentinel.add_replica(0, sentinel.locate("replica", 6379)));
        assert!(!sentinel.add_replica(0, sentinel.locate("10.0.0.2", 6379)));
        assert_eq!(sentinel.primaries[0].replicas[0].base.name, "10.0.0.2:6379");
    }

    #[test]
    fn no_address_is_written_twice() {
        let mut sentinel = sentinel();
        let unknown = Address::new("later", 6379);
        sentinel.add_replica(0, Address::new("10.0.0.2", 6379));
        sentinel.add_replica(0, unknown);
        sentinel.primaries[0].replicas[1].base.address.ip = "10.0.0.2".into();
        let lines: Vec<_> = sentinel.lines().into_iter().filter(|(key, _)| key == "sentinel known-replica").collect();
        assert_eq!(lines.len(), 1, "{lines:?}");
    }

    #[test]
    fn nobody_is_told_to_follow_itself() {
        let mut sentinel = sentinel();
        sentinel.add_replica(0, Address::new("later", 6379));
        let place = crate::sentinel::instance::Place::Replica(0, 0);
        let link = sentinel.instance(place).link;
        let conn = sentinel.links.open(link, Channel::Commands, 0);
        let mut out = Vec::new();
        let connected = Input::Connected { conn, local: "10.0.0.3".into(), peer: PRIMARY.into() };
        assert!(!sentinel.send_replicaof(place, Some(&sentinel.locate("later", 6379))));
        sentinel.handle(1, &(), connected, &mut out);
        assert!(sentinel.primaries[0].replicas.is_empty(), "the name meant the master");
    }

    #[test]
    fn names_are_looked_up_once_in_a_while_and_only_where_they_may_be() {
        let mut sentinel = sentinel();
        let input = Input::Hello(format!("guard,26379,{:040},0,m,new,6379,0", 1).into_bytes());
        assert_eq!(sentinel.names_in(&input), ["new"]);
        let foreign = Input::Hello(format!("guard2,26379,{:040},0,other,new,6379,0", 2).into_bytes());
        assert!(sentinel.names_in(&foreign).is_empty());
        sentinel.moment.now += FRESH;
        assert_eq!(sentinel.names_in(&input), ["guard", "new"]);
        sentinel.learn("guard", None);
        assert_eq!(sentinel.names_in(&input), ["new"]);
        assert_eq!(sentinel.locate("guard", 26379).shown(false), "10.0.0.9");
        sentinel.settings.resolve_hostnames = false;
        assert!(sentinel.names_in(&input).is_empty());
    }

    #[test]
    fn one_ipv6_address_has_one_text() {
        let address = Address::new("0:0:0::1", 1);
        assert_eq!((address.shown(false), address.is_same(&Address::new("::1", 1))), ("::1", true));
    }
}
