//! Handling answers to INFO: what an instance says about itself, and the immediate consequences.

use super::address::Address;
use super::instance::{FailoverStage, Kind, Place, Reconf, Replica};
use super::state::Sentinel;
use crate::base::clock::Millis;
use crate::base::ids::{ID_LENGTH, RunId};
use crate::base::level::Level;
use crate::base::words;
use crate::resp::Value;

/// The most replicas that one answer to INFO may name.
const MAX_REPLICAS: usize = 1024;

/// What Sentinel reads of an INFO.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    run_id: Option<String>,
    role: Option<Kind>,
    replicas: Vec<(String, u16)>,
    link_down_seconds: Option<i64>,
    primary_host: Option<String>,
    primary_port: Option<u16>,
    link_up: Option<bool>,
    priority: Option<i64>,
    offset: Option<i64>,
    announced: Option<bool>,
}

impl Report {
    pub(super) fn read(text: &str) -> Self {
        let mut report = Self::default();
        for line in text.split("\r\n") {
            let Some((name, value)) = line.split_once(':') else { continue };
            match name {
                "run_id" => report.run_id = run_id_of(value).or(report.run_id),
                "role" if value.starts_with("master") => report.role = Some(Kind::Primary),
                "role" if value.starts_with("slave") => report.role = Some(Kind::Replica),
                "master_link_down_since_seconds" => report.link_down_seconds = value.parse().ok(),
                // Hosts become lines of the configuration file.
                "master_host" if words::has_control(value.as_bytes()) => {}
                "master_host" => report.primary_host = Some(value.to_owned()),
                "master_port" => report.primary_port = value.parse().ok(),
                "master_link_status" => report.link_up = Some(value.eq_ignore_ascii_case("up")),
                "slave_priority" => report.priority = value.parse().ok(),
                "slave_repl_offset" => report.offset = value.parse().ok(),
                "replica_announced" => report.announced = Some(value.trim() != "0"),
                _ if is_replica_line(name) && report.replicas.len() < MAX_REPLICAS => {
                    report.replicas.extend(replica_of(value));
                }
                _ => {}
            }
        }
        report
    }

    /// The hosts that it speaks of.
    pub(super) fn hosts(self) -> Vec<String> {
        self.replicas.into_iter().map(|(host, _)| host).chain(self.primary_host).collect()
    }
}

/// Whether a field of INFO is `slave0`, `slave1`, ...
fn is_replica_line(name: &str) -> bool {
    name.strip_prefix("slave").is_some_and(|digits| digits.starts_with(|c: char| c.is_ascii_digit()))
}

/// `ip=IP,port=PORT,...`, or `IP,PORT,STATE` of old.
fn replica_of(value: &str) -> Option<(String, u16)> {
    let field = |name: &str| value.split(',').find_map(|field| field.strip_prefix(name));
    let (ip, port) = match field("ip=") {
        Some(ip) => (ip, field("port=")?),
        None => {
            let mut fields = value.split(',');
            (fields.next()?, fields.next()?)
        }
    };
    Some((ip.to_owned(), port.parse().ok()?)).filter(|(ip, _)| !ip.is_empty() && !words::has_control(ip.as_bytes()))
}

fn run_id_of(value: &str) -> Option<String> {
    Some(RunId::parse(value.as_bytes().get(..ID_LENGTH)?).ok()?.to_string())
}

impl Sentinel {
    /// Takes in an answer to INFO.
    pub(super) fn on_info(&mut self, place: Place, value: &Value) {
        let now = self.moment.now;
        self.instance_mut(place).info_asked = None;
        let Value::Bulk(text) = value else { return };
        let text = String::from_utf8_lossy(text).into_owned();
        let report = Report::read(&text);
        self.take_run_id(place, report.run_id.as_deref());
        match place {
            Place::Primary(m) => self.discover_replicas(m, &report.replicas),
            Place::Replica(m, r) => self.take_replica_fields(m, r, &report),
            Place::Peer(..) => return,
        }
        let instance = self.instance_mut(place);
        instance.info = Some(text);
        instance.info_refresh = Some(now);
        let role = report.role.unwrap_or(instance.role_reported);
        self.take_role(place, role);
        if self.is_tilted() {
            return;
        }
        if let Place::Replica(m, r) = place {
            match role {
                Kind::Primary => self.replica_is_a_primary(m, r),
                _ => {
                    self.fix_wrong_primary(m, r);
                    self.follow_reconfiguration(m, r);
                }
            }
        }
    }

    fn take_run_id(&mut self, place: Place, run_id: Option<&str>) {
        let Some(run_id) = run_id else { return };
        let known = self.instance(place).run_id.clone();
        if !known.is_empty() && known != run_id {
            self.emit(Level::Notice, "+reboot", place);
            if self.primaries[place.primary()].reboot_down_after != 0 {
                self.instance_mut(place).rebooted_since = Some(self.moment.now);
            }
        }
        self.instance_mut(place).run_id = run_id.to_owned();
    }

    fn discover_replicas(&mut self, m: usize, found: &[(String, u16)]) {
        for (host, port) in found {
            if self.accepts(host) && self.add_replica(m, self.locate(host, *port)) {
                let r = self.primaries[m].replicas.len() - 1;
                self.emit(Level::Notice, "+slave", Place::Replica(m, r));
                self.save();
            }
        }
    }

    fn take_replica_fields(&mut self, m: usize, r: usize, report: &Report) {
        let now = self.moment.now;
        let replica = &mut self.primaries[m].replicas[r];
        replica.link_down_time = report.link_down_seconds.unwrap_or(0).saturating_mul(1000);
        if report.role != Some(Kind::Replica) {
            return;
        }
        if let Some(host) = &report.primary_host
            && !replica.primary_host.as_ref().is_some_and(|known| known.eq_ignore_ascii_case(host))
        {
            replica.primary_host = Some(host.clone());
            replica.conf_change = now;
        }
        if let Some(port) = report.primary_port.filter(|&port| port != replica.primary_port) {
            replica.primary_port = port;
            replica.conf_change = now;
        }
        replica.link_up = report.link_up.unwrap_or(replica.link_up);
        replica.priority = report.priority.unwrap_or(replica.priority);
        replica.offset = report.offset.unwrap_or(replica.offset);
        replica.announced = report.announced.unwrap_or(true);
    }

    fn take_role(&mut self, place: Place, role: Kind) {
        let now = self.moment.now;
        let instance = self.instance_mut(place);
        if instance.role_reported == role {
            return;
        }
        instance.role_reported = role;
        instance.role_reported_since = now;
        let agrees = instance.kind == role;
        if let (Place::Replica(m, r), Kind::Replica) = (place, role) {
            self.primaries[m].replicas[r].conf_change = now;
        }
        let word = if role == Kind::Primary { "master" } else { "slave" };
        let text = format!("{} new reported role is {word}", self.describe(place));
        let name = if agrees { "+role-change" } else { "-role-change" };
        self.emit_text(Level::Verbose, name, Some(place.primary()), text);
    }

    /// A replica that says it is a primary: the one we promoted, or one that has to be told.
    fn replica_is_a_primary(&mut self, m: usize, r: usize) {
        let primary = &self.primaries[m];
        if primary.failover == FailoverStage::WaitPromotion(primary.replicas[r].base.id) {
            self.promotion_succeeded(m, r);
        } else {
            self.convert_to_replica(m, r);
        }
    }

    /// Sent, in progress, done: as the replica's own account shows.
    fn follow_reconfiguration(&mut self, m: usize, r: usize) {
        let primary = &self.primaries[m];
        let Some(target) = primary.promoted_replica().map(|promoted| promoted.base.address.clone()) else { return };
        let replica = &primary.replicas[r];
        let follows = self.follows(replica, &target);
        if matches!(replica.reconf, Reconf::Sent(_)) && follows {
            self.primaries[m].replicas[r].reconf = Reconf::InProgress;
            self.emit(Level::Notice, "+slave-reconf-inprog", Place::Replica(m, r));
        }
        let replica = &self.primaries[m].replicas[r];
        if replica.reconf == Reconf::InProgress && replica.link_up {
            self.primaries[m].replicas[r].reconf = Reconf::Done;
            self.emit(Level::Notice, "+slave-reconf-done", Place::Replica(m, r));
        }
    }

    /// Whether a replica says that it follows the instance at that address.
    pub(super) fn follows(&self, replica: &Replica, target: &Address) -> bool {
        let host = replica.primary_host.as_ref();
        host.is_some_and(|host| self.locate(host, replica.primary_port).is_same(target))
    }

    /// How old a primary's or replica's INFO is; `None` if none ever came.
    pub fn info_age(&self, place: Place) -> Option<Millis> {
        self.instance(place).info_refresh.map(|time| self.age(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn info_is_read_whatever_else_it_says() {
        let id = "a".repeat(40);
        let text = format!(
            "# Server\r\nrun_id:{id}\r\nrole:master\r\nslave0:ip=::1,port=6380,state=online\r\nslave1:127.0.0.1,6381,x\r\n\
             slave_priority:7\r\nslave2:nonsense\r\nslave_repl_offset:x\r\n"
        );
        let expected = Report {
            run_id: Some(id),
            role: Some(Kind::Primary),
            replicas: vec![("::1".into(), 6380), ("127.0.0.1".into(), 6381)],
            priority: Some(7),
            ..Report::default()
        };
        assert_eq!(Report::read(&text), expected);
    }
}
