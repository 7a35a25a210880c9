//! Hello messages, by which Sentinels find each other and spread the configuration with the higher epoch.

use super::address::{Address, is_ip};
use super::id::SentinelId;
use super::instance::Place;
use super::state::Sentinel;
use crate::base::epoch::Epoch;
use crate::base::ids::RunId;
use crate::base::level::Level;
use crate::base::words;

/// The most other Sentinels that are believed to exist for one primary.
const MAX_PEERS: usize = 1024;

/// What a hello says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hello {
    pub(super) sentinel: Address,
    id: SentinelId,
    current_epoch: Epoch,
    pub(super) primary_name: String,
    pub(super) primary: Address,
    config_epoch: Epoch,
}

// Addresses are compared by what they mean elsewhere; here all of it counts.
impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        (&self.host, &self.ip, self.port) == (&other.host, &other.ip, other.port)
    }
}

impl Eq for Address {}

impl Hello {
    /// Eight fields with commas between them; names are not located yet.
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        // Of these fields lines of the configuration file are made.
        let text = std::str::from_utf8(payload).ok().filter(|_| !words::has_control(payload))?;
        let fields: Vec<&str> = text.split(',').collect();
        let [ip, port, run_id, current_epoch, primary_name, primary_ip, primary_port, config_epoch] = fields.as_slice()
        else {
            return None;
        };
        Some(Self {
            sentinel: Address::new(ip, port.parse().ok()?),
            id: SentinelId::new(RunId::parse(run_id.as_bytes()).ok()?.as_str()),
            current_epoch: epoch(current_epoch)?,
            primary_name: (*primary_name).to_owned(),
            primary: Address::new(primary_ip, primary_port.parse().ok()?),
            config_epoch: epoch(config_epoch)?,
        })
    }
}

fn epoch(field: &str) -> Option<Epoch> {
    field.parse().ok().filter(|epoch: &Epoch| epoch.is_credible())
}

impl Sentinel {
    /// The hello that we publish through an instance; `None` while we do not know our own address.
    pub(super) fn hello_for(&self, place: Place) -> Option<String> {
        let settings = &self.settings;
        let ip = settings.announce_ip.clone().unwrap_or_else(|| self.link_at(place).local.clone());
        let port = if settings.announce_port != 0 { settings.announce_port } else { settings.port };
        let primary = &self.primaries[place.primary()];
        let address = primary.current_address();
        (!ip.is_empty()).then(|| {
            format!(
                "{ip},{port},{},{},{},{},{},{}",
                self.id,
                self.current_epoch,
                primary.name(),
                address.shown(settings.announce_hostnames),
                address.port,
                primary.config_epoch
            )
        })
    }

    /// Takes in the hello of another Sentinel. Returns the primary that it is about, if we watch it.
    pub(super) fn on_hello(&mut self, payload: &[u8]) -> Option<usize> {
        let mut hello = Hello::read(payload)?;
        let m = self.primary_index(&hello.primary_name)?;
        if hello.id == self.id {
            return None;
        }
        if !self.accepts(&hello.sentinel.host) || !self.accepts(&hello.primary.host) {
            return Some(m);
        }
        for address in [&mut hello.sentinel, &mut hello.primary] {
            *address = self.locate(&address.host, address.port);
        }
        let p = self.meet(m, &hello)?;
        self.adopt_epoch(m, hello.current_epoch);
        if self.primaries[m].config_epoch < hello.config_epoch {
            self.adopt_configuration(m, p, &hello);
        }
        self.primaries[m].peers[p].last_hello = self.moment.now;
        Some(m)
    }

    /// Whether a host may be used: names only where the settings allow them.
    pub(super) fn accepts(&mut self, host: &str) -> bool {
        let accepted = self.settings.resolve_hostnames || is_ip(host);
        if !accepted {
            self.log(Level::Warning, format!("Failed to resolve hostname '{host}'"));
        }
        accepted
    }

    /// The index of the Sentinel that sent a hello, which is added if it was unknown.
    fn meet(&mut self, m: usize, hello: &Hello) -> Option<usize> {
        let known = self.primaries[m]
            .peers
            .iter()
            .position(|peer| peer.base.run_id == hello.id.as_str() && peer.base.address.is_same(&hello.sentinel));
        if let Some(p) = known {
            return Some(p);
        }
        let moved = self.primaries[m].peers.iter().any(|peer| peer.base.run_id == hello.id.as_str());
        if moved {
            self.remove_peers(m, hello.id.as_str());
            let Address { host, port, .. } = &hello.sentinel;
            let text = format!("{} ip {host} port {port} for {}", self.describe(Place::Primary(m)), hello.id);
            self.emit_text(Level::Notice, "+sentinel-address-switch", Some(m), text);
        } else {
            self.remove_usurped(m, &hello.sentinel);
        }
        if self.primaries[m].peers.len() >= MAX_PEERS {
            return None;
        }
        self.add_peer(m, &hello.id, hello.sentinel.clone());
        let p = self.primaries[m].peers.len() - 1;
        if moved {
            self.move_elsewhere(m, p);
        } else {
            self.emit(Level::Notice, "+sentinel", Place::Peer(m, p));
        }
        self.save();
        Some(p)
    }

    /// Removes a Sentinel with another id at the same address: it no longer exists, since the new one has taken its place.
    fn remove_usurped(&mut self, m: usize, address: &Address) {
        let usurped = self.primaries[m].peers.iter().position(|peer| peer.base.address.is_same(address));
        let Some(p) = usurped else { return };
        self.emit(Level::Notice, "+sentinel-invalid-addr", Place::Peer(m, p));
        let run_id = self.primaries[m].peers[p].base.run_id.clone();
        for m in 0..self.primaries.len() {
            self.remove_peers(m, &run_id);
        }
    }

    fn remove_peers(&mut self, m: usize, run_id: &str) {
        let peers = &mut self.primaries[m].peers;
        let (gone, stay): (Vec<_>, Vec<_>) = peers.drain(..).partition(|peer| peer.base.run_id == run_id);
        *peers = stay;
        gone.into_iter().for_each(|peer| self.release(peer.base.link));
        self.reindex();
    }

    /// A Sentinel that moved is at its new address for all primaries that it watches.
    fn move_elsewhere(&mut self, m: usize, p: usize) {
        let (run_id, address) = {
            let base = &self.primaries[m].peers[p].base;
            (base.run_id.clone(), base.address.clone())
        };
        let mut others = 0;
        for other in (0..self.primaries.len()).filter(|&other| other != m) {
            if self.primaries[other].peers.iter().any(|peer| peer.base.run_id == run_id) {
                self.remove_peers(other, &run_id);
                self.add_peer(other, &SentinelId::new(run_id.clone()), address.clone());
                others += 1;
            }
        }
        if others > 0 {
            let text = format!("{} {others} additional matching instances", self.describe(Place::Peer(m, p)));
            self.emit_text(Level::Notice, "+sentinel-address-update", Some(m), text);
        }
    }

    /// Adopts a newer configuration, which overrides our own view and any failover of ours.
    ///
    /// Redis compares with the primary's old address until its own failover ends, and then ends it under the other's epoch:
    /// two configurations of one epoch, which never agree (found by the simulation). And it takes the epoch, but not the
    /// address, of a primary at a name that means nothing to it; we wait for a hello that we understand.
    fn adopt_configuration(&mut self, m: usize, p: usize, hello: &Hello) {
        let primary = &self.primaries[m];
        let from = primary.current_address().clone();
        if hello.primary.ip.is_empty() && !from.is_same(&hello.primary) {
            return;
        }
        let primary = &mut self.primaries[m];
        primary.config_epoch = hello.config_epoch;
        let overtaken = primary.is_failing_over() && primary.failover_epoch <= hello.config_epoch;
        if from.is_same(&hello.primary) && !overtaken {
            return self.save();
        }
        self.emit(Level::Warning, "+config-update-from", Place::Peer(m, p));
        self.announce_switch(m, &from, &hello.primary);
        self.change_address(m, hello.primary.clone());
        self.call_reconfig_script(m, "observer", &from, &hello.primary);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hello_has_eight_fields_and_numbers_where_they_belong() {
        let id = "0123456789abcdef0123456789abcdef01234567";
        let good = format!("127.0.0.1,26379,{id},7,mymaster,127.0.0.1,6379,3");
        let hello = Hello::read(good.as_bytes()).unwrap();
        assert_eq!((hello.sentinel.port, hello.current_epoch, hello.config_epoch), (26379, Epoch(7), Epoch(3)));
        for bad in ["", "a,b", "h,1,i,2,m,h,3", "h,x,i,2,m,h,3,4", "h,1,i,-2,m,h,3,4", "h,1,i,2,m,h,3,4,5"] {
            assert_eq!(Hello::read(bad.replace(",i,", &format!(",{id},")).as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_hello_smuggles_no_line_and_no_epoch_that_would_wrap() {
        let id = "0123456789abcdef0123456789abcdef01234567";
        let hello = |ip: &str, id: &str, epoch: &str| {
            Hello::read(format!("{ip},26379,{id},7,mymaster,127.0.0.1,6379,{epoch}").as_bytes())
        };
        assert!(hello("h", id, "9223372036854775807").is_some());
        for (ip, id, epoch) in [
            ("h\nsentinel x", id, "1"),
            ("h\x7f", id, "1"),
            ("h", "abc", "1"),
            ("h", &format!("{}\n", &id[1..]), "1"),
            ("h", id, "9223372036854775808"),
            ("h", id, "18446744073709551615"),
        ] {
            assert_eq!(hello(ip, id, epoch), None, "{ip:?} {id:?} {epoch}");
        }
    }
}
