//! Monitoring: maintaining links, and the periodic PING to all instances, INFO to primaries and replicas, and hello to all.

use super::HELLO_CHANNEL;
use super::address::is_ip;
use super::effect::{Channel, Effect};
use super::instance::{FailoverStage, Kind, Place, Reconf};
use super::link::{Asked, ConnId, LinkId};
use super::state::Sentinel;
use super::timing::{CONNECT_TIMEOUT, HELLO_RETRY, POLL_PERIOD};
use crate::base::clock::Millis;
use crate::base::level::Level;
use crate::resp::Value;

/// The most commands that may be pending on a link, for each instance that shares it.
const MAX_PENDING: usize = 100;

impl Sentinel {
    /// Connects where there is no connection, and sends what is due.
    pub(super) fn maintain_links(&mut self, place: Place) {
        // Port 0 means that the address is not known.
        if self.instance(place).address.port == 0 {
            return;
        }
        self.cut_dead_connections(place);
        self.reconnect(place);
        self.send_periodically(place);
    }

    fn reconnect(&mut self, place: Place) {
        let (kind, id) = (self.instance(place).kind, self.instance(place).link);
        let link = self.links.get(id);
        let mut wanted = Vec::new();
        if link.commands.is_none() {
            wanted.push(Channel::Commands);
        }
        if kind != Kind::Sentinel && link.hellos.is_none() {
            wanted.push(Channel::Hellos);
        }
        let last = link.last_attempt;
        if wanted.is_empty() || last.is_some_and(|last| !self.moment.has_come(last + self.timing.ping_period)) {
            return;
        }
        let now = self.moment.now;
        for channel in wanted {
            let conn = self.links.open(id, channel, now);
            let link = self.links.get_mut(id);
            link.last_attempt = Some(now);
            let (host, port) = (link.address.host.clone(), link.address.port);
            self.out.push(Effect::Connect { conn, channel, host, port });
        }
    }

    /// Cuts connections that were not made in time, or on which nothing comes.
    fn cut_dead_connections(&mut self, place: Place) {
        let (id, down_after) = (self.instance(place).link, self.instance(place).down_after);
        let Self { links, moment, timing, .. } = self;
        let link = links.get(id);
        let mut dead = Vec::new();
        if let Some(conn) = link.commands {
            let silent = conn.up
                && link.waiting_since.is_some_and(|since| {
                    moment.is_over(conn.since, timing.min_link_reconnect_period)
                        && moment.is_over(since, down_after / 2)
                        && moment.is_over(link.last_pong, down_after / 2)
                });
            if silent || (!conn.up && moment.is_over(conn.since, CONNECT_TIMEOUT)) {
                dead.push(Channel::Commands);
            }
        }
        if let Some(conn) = link.hellos {
            let silent = conn.up
                && moment.is_over(conn.since, timing.min_link_reconnect_period)
                && moment.is_over(link.last_hello_traffic, timing.publish_period * 3);
            if silent || (!conn.up && moment.is_over(conn.since, CONNECT_TIMEOUT)) {
                dead.push(Channel::Hellos);
            }
        }
        dead.into_iter().for_each(|channel| self.cut(id, channel));
    }

    fn send_periodically(&mut self, place: Place) {
        let link = self.link_at(place);
        let Some(conn) = link.open_commands() else { return };
        if link.pending.len() >= MAX_PENDING * link.refs {
            return;
        }
        let instance = self.instance(place);
        let info_due = instance.kind != Kind::Sentinel && self.is_info_due(place);
        let ping_period = instance.down_after.min(self.timing.ping_period);
        let ping_due = self.moment.is_over(link.last_pong, ping_period)
            && link.last_ping.is_none_or(|last| self.moment.is_over(last, ping_period / 2));
        let hello_due = self.moment.is_over(instance.last_publish, self.timing.publish_period);
        if info_due {
            self.ask_info(place, conn);
        }
        if ping_due {
            self.ping(place, conn);
        }
        if hello_due {
            self.publish_hello(place, conn);
        }
    }

    /// Whether it is time for INFO: soon if a failover waits for it, every second if roles are changing.
    fn is_info_due(&self, place: Place) -> bool {
        let instance = self.instance(place);
        let primary = &self.primaries[place.primary()].base;
        if primary.s_down && instance.info_refresh < primary.s_down_since && instance.info_asked < primary.s_down_since
        {
            // The current offsets decide which replica is promoted.
            return true;
        }
        let period = self.info_period(place);
        if let Some(asked) = instance.info_asked {
            // One question at a time, unless the answer takes unusually long.
            return self.moment.is_over(asked, self.timing.ping_period.max(period));
        }
        instance.info_refresh.is_none_or(|time| self.moment.is_over(time, period))
    }

    fn info_period(&self, place: Place) -> Millis {
        let usual = self.timing.info_period;
        let Place::Replica(m, r) = place else {
            // A new primary's replicas come one after the other, so at first it is asked often.
            let age = self.age(self.instance(place).role_reported_since);
            return usual.min((age / 4).max(POLL_PERIOD));
        };
        let (primary, replica) = (&self.primaries[m], &self.primaries[m].replicas[r]);
        let promoted = primary.failover == FailoverStage::WaitPromotion(replica.base.id);
        if promoted || replica.reconf != Reconf::None && replica.reconf != Reconf::Done {
            return usual.min(POLL_PERIOD);
        }
        let restless = primary.base.s_down
            || primary.is_failing_over()
            || replica.link_down_time != 0
            || replica.base.role_reported == Kind::Primary;
        if restless { usual.min(1000) } else { usual }
    }

    /// Asks an instance for INFO.
    pub(super) fn ask_info(&mut self, place: Place, conn: ConnId) {
        self.ask(place, conn, Asked::Info, &["INFO"]);
        self.instance_mut(place).info_asked = Some(self.moment.now);
    }

    pub(super) fn ping(&mut self, place: Place, conn: ConnId) {
        self.ask(place, conn, Asked::Ping, &["PING"]);
        let now = self.moment.now;
        let link = self.link_mut(place);
        link.last_ping = Some(now);
        link.waiting_since.get_or_insert(now);
    }

    fn publish_hello(&mut self, place: Place, conn: ConnId) {
        let Some(hello) = self.hello_for(place) else { return };
        self.ask(place, conn, Asked::Hello, &["PUBLISH", HELLO_CHANNEL, &hello]);
        self.instance_mut(place).last_publish = self.moment.now;
    }

    /// Sends a command whose name the instance may know under another one.
    pub(super) fn ask(&mut self, place: Place, conn: ConnId, asked: Asked, words: &[&str]) {
        let words = self.renamed(place, words);
        let id = self.instance(place).id;
        self.link_mut(place).pending.push_back((asked, id));
        self.out.push(Effect::Send { conn, words });
    }

    fn renamed(&self, place: Place, words: &[&str]) -> Vec<Vec<u8>> {
        let mut words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        if let Some(first) = words.first_mut() {
            let name = String::from_utf8_lossy(first).into_owned();
            *first = self.primaries[place.primary()].command(&name).as_bytes().to_vec();
        }
        words
    }

    /// A connection is there: introduces us.
    pub(super) fn on_connected(&mut self, conn: ConnId, local: String, peer: &str) {
        let Some((id, channel)) = self.links.owner(conn) else { return };
        let now = self.moment.now;
        let link = self.links.get_mut(id);
        if let Some(conn) = link.slot(channel) {
            conn.up = true;
            conn.since = now;
        }
        link.local = local;
        link.last_hello_traffic = now;
        let moved = !is_ip(&link.address.host) && link.address.ip != peer;
        if moved {
            link.address.ip = peer.to_owned();
            for place in self.owners(id) {
                self.instance_mut(place).address.ip = peer.to_owned();
            }
            self.owners(id).into_iter().for_each(|place| self.remove_duplicates(place.primary()));
        }
        let Some(place) = self.owner(id) else { return };
        self.introduce(place, conn, channel);
        match channel {
            Channel::Commands => self.ping(place, conn),
            Channel::Hellos => {
                let words = self.renamed(place, &["SUBSCRIBE", HELLO_CHANNEL]);
                self.out.push(Effect::Send { conn, words });
            }
        }
        self.advance_primaries(id);
    }

    /// AUTH, where it is configured, and CLIENT SETNAME.
    fn introduce(&mut self, place: Place, conn: ConnId, channel: Channel) {
        let kind = if channel == Channel::Commands { "cmd" } else { "pubsub" };
        let name = format!("sentinel-{}-{kind}", self.id.as_str().get(..8).unwrap_or_default());
        let credentials = self.credentials(place);
        let mut commands = Vec::new();
        if !credentials.is_empty() {
            let mut words = self.renamed(place, &["AUTH"]);
            words.extend(credentials);
            commands.push(words);
        }
        commands.push(self.renamed(place, &["CLIENT", "SETNAME", &name]));
        let id = self.instance(place).id;
        if channel == Channel::Hellos {
            self.link_mut(place).before_subscribed = commands.len();
        }
        for words in commands {
            if channel == Channel::Commands {
                self.link_mut(place).pending.push_back((Asked::Other, id));
            }
            self.out.push(Effect::Send { conn, words });
        }
    }

    /// What AUTH takes: a password, or a user and a password.
    fn credentials(&self, place: Place) -> Vec<Vec<u8>> {
        let primary = &self.primaries[place.primary()];
        let settings = &self.settings;
        let (user, password) = match (place, &settings.sentinel_pass) {
            (Place::Peer(..), Some(password)) => (settings.sentinel_user.clone(), Some(password.clone())),
            (Place::Peer(..), None) => {
                (None, Some(settings.requirepass.clone()).filter(|password| !password.is_empty()))
            }
            _ => (primary.auth_user.clone(), primary.auth_pass.clone()),
        };
        match password {
            Some(password) => user.into_iter().chain([password]).collect(),
            None => Vec::new(),
        }
    }

    /// A connection has ended, or could not be made.
    pub(super) fn on_lost(&mut self, conn: ConnId, reason: &str) {
        let Some((id, channel)) = self.links.owner(conn) else { return };
        self.links.close(id, channel, self.moment.now, self.timing.ping_period);
        self.forget_questions(id, channel);
        if let Some(place) = self.owner(id) {
            let name =
                if channel == Channel::Commands { "-cmd-link-reconnection" } else { "-pubsub-link-reconnection" };
            let text = format!("{} #{reason}", self.describe(place));
            self.emit_text(Level::Debug, name, Some(place.primary()), text);
        }
        self.advance_primaries(id);
    }

    /// Reconsiders the primaries whose instances share a link.
    fn advance_primaries(&mut self, link: LinkId) {
        for place in self.owners(link) {
            self.advance(place.primary());
        }
    }

    /// A reply, or a message of a subscription.
    pub(super) fn on_value(&mut self, conn: ConnId, value: &Value) {
        let Some((id, channel)) = self.links.owner(conn) else { return };
        if channel == Channel::Hellos {
            return self.on_message(id, value);
        }
        let Some((asked, about)) = self.links.get_mut(id).pending.pop_front() else { return };
        if asked == Asked::Ping {
            self.on_pong(id, value);
            return self.advance_primaries(id);
        }
        let Some(place) = self.place(about) else { return };
        match (asked, place) {
            (Asked::Info, _) => self.on_info(place, value),
            (Asked::Hello, _) => self.on_published(place, value),
            (Asked::PrimaryDown, Place::Peer(m, p)) => self.on_opinion(m, p, value),
            _ => return,
        }
        self.advance(place.primary());
    }

    fn on_message(&mut self, id: LinkId, value: &Value) {
        let link = self.links.get_mut(id);
        link.last_hello_traffic = self.moment.now;
        if link.before_subscribed > 0 {
            // Whether AUTH and CLIENT SETNAME worked shows in what follows.
            link.before_subscribed -= 1;
            return;
        }
        if matches!(value, Value::Error(_)) {
            // It does not let us subscribe, so nothing would ever come: closes the connection, to be tried again.
            self.cut(id, Channel::Hellos);
            return self.advance_primaries(id);
        }
        let Value::Array(parts) = value else { return };
        let [kind, _, payload] = parts.as_slice() else { return };
        let Some(payload) = payload.text().filter(|_| kind.text() == Some(b"message")) else { return };
        // Our own come back to us.
        if memchr::memmem::find(payload, self.id.as_str().as_bytes()).is_some() {
            return;
        }
        if let Some(m) = self.on_hello(payload) {
            self.advance(m);
        }
    }

    fn on_pong(&mut self, id: LinkId, value: &Value) {
        let now = self.moment.now;
        let text = match value {
            Value::Status(text) | Value::Error(text) => text.as_slice(),
            _ => b"",
        };
        let serves = [&b"PONG"[..], b"LOADING", b"MASTERDOWN"].iter().any(|start| text.starts_with(start));
        let link = self.links.get_mut(id);
        if serves {
            link.last_available = now;
            link.waiting_since = None;
        }
        link.last_pong = now;
        let open = link.open_commands();
        let Some(place) = self.owner(id) else { return };
        let instance = self.instance_mut(place);
        if text.starts_with(b"PONG") {
            instance.rebooted_since = None;
        } else if text.starts_with(b"BUSY") && instance.s_down && !instance.script_kill_sent {
            instance.script_kill_sent = true;
            if let Some(conn) = open {
                self.ask(place, conn, Asked::Other, &["SCRIPT", "KILL"]);
            }
        }
    }

    fn on_published(&mut self, place: Place, value: &Value) {
        if matches!(value, Value::Error(_)) {
            self.instance_mut(place).last_publish = self.moment.now - self.timing.publish_period + HELLO_RETRY;
        }
    }
}
