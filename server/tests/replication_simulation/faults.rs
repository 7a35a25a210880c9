//! Faults, operators' actions, and repairs.

use super::node::{PORT, name};
use super::world::{Event, Result, World};

impl World {
    pub(super) fn fault(&mut self) -> Result<()> {
        if self.healed_at.is_some() {
            return Ok(());
        }
        let hosts = self.hosts.len();
        let (host, other) = (self.random.below(hosts), self.random.below(hosts));
        let until = 200 + self.random.below(6_000) as i64;
        match self.random.below(14) {
            0 | 1 => self.kill(host, until),
            2 => {
                self.tell(format!("host {host} stops for {until} ms"));
                self.hosts[host].paused = true;
                self.at(until, Event::Heal(host));
            }
            3 => {
                self.tell(format!("{host} does not reach {other} for {until} ms"));
                self.closed.insert((host, other));
                if self.random.below(2) == 0 {
                    self.closed.insert((other, host));
                }
                self.at(until, Event::HealWays);
            }
            4 => {
                self.tell(format!("host {host} is cut off for {until} ms"));
                self.closed.extend((0..hosts).flat_map(|it| [(host, it), (it, host)]));
                self.at(until, Event::HealWays);
            }
            5 => self.break_links(host),
            6 => self.save(host),
            7 => self.order(host, None)?,
            12 | 13 => self.lag_and_take_over(host, until / 8),
            8 | 9 => self.order(host, Some(other).filter(|&other| other != host))?,
            _ => self.hand_over(host)?,
        }
        let pause = 1 + self.random.below(2 * self.plan.between_faults as usize) as i64;
        self.at(pause, Event::Fault);
        Ok(())
    }

    pub(super) fn kill(&mut self, host: usize, until: i64) {
        self.tell(format!("host {host} is killed for {until} ms"));
        self.hosts[host].process = None;
        self.hosts[host].life += 1;
        let ends: Vec<(u64, bool)> = self
            .conns
            .iter()
            .filter(|(_, conn)| conn.from == host || conn.to == host)
            .map(|(key, conn)| (*key, conn.from == host))
            .collect();
        ends.into_iter().for_each(|(key, replica)| self.close(key, replica));
        self.at(until, Event::Heal(host));
    }

    pub(super) fn break_links(&mut self, host: usize) {
        self.tell(format!("links of host {host} break"));
        let keys: Vec<u64> =
            self.conns.iter().filter(|(_, conn)| conn.from == host || conn.to == host).map(|(key, _)| *key).collect();
        for key in keys {
            self.close(key, true);
            self.close(key, false);
        }
    }

    pub(super) fn save(&mut self, host: usize) {
        let it = &mut self.hosts[host];
        if let Some(process) = it.process.as_ref().filter(|process| !process.loading && !it.paused) {
            it.file = Some(process.dump());
            self.tell(format!("host {host} saves"));
        }
    }

    /// A replica hears nothing for a while, so that its siblings are ahead of it, and then takes its primary's place.
    pub(super) fn lag_and_take_over(&mut self, host: usize, until: i64) {
        let Some(from) = self.hosts[host].configured else { return };
        self.tell(format!("host {host} does not hear {from}, and takes its place in {until} ms"));
        self.closed.insert((from, host));
        self.at(until, Event::TakeOver { host, from });
    }

    pub(super) fn take_over(&mut self, host: usize, from: usize) -> Result<()> {
        self.closed.remove(&(from, host));
        if self.healed_at.is_some() || self.hosts[host].configured != Some(from) {
            return Ok(());
        }
        let back_after = self.random.below(3_000) as i64;
        self.kill(from, back_after);
        self.hosts[from].configured = Some(host);
        self.order(host, None)?;
        for sibling in (0..self.hosts.len()).filter(|&sibling| sibling != host) {
            if self.hosts[sibling].configured == Some(from) {
                // The new primary may have written as much by then as its siblings were ahead.
                let hears_after = self.random.below(3_000) as i64;
                self.at(hears_after, Event::Order { host: sibling, primary: host });
            }
        }
        Ok(())
    }

    /// REPLICAOF. The configuration file follows.
    pub(super) fn order(&mut self, host: usize, primary: Option<usize>) -> Result<()> {
        if self.hosts[host].paused || self.hosts[host].process.is_none() {
            return Ok(());
        }
        self.tell(format!("host {host} shall follow {primary:?}"));
        self.hosts[host].configured = primary;
        self.act(host, |machine| match primary {
            _ if machine.is_failing_over() => {}
            Some(primary) => machine.follow(name(primary), PORT),
            None if machine.is_replica() => machine.promote(),
            None => {}
        })
        .map(drop)
    }

    /// FAILOVER, perhaps to a certain replica, perhaps by force.
    pub(super) fn hand_over(&mut self, host: usize) -> Result<()> {
        if self.hosts[host].paused {
            return Ok(());
        }
        let timeout = (self.random.below(3) > 0).then_some(500);
        let (named, force) = (self.random.below(2) == 0, self.random.below(4) == 0);
        let begun = self.act(host, |machine| {
            let target = machine.replicas().next().filter(|_| named).map(|peer| (peer.ip().to_owned(), peer.port()));
            machine.fail_over(target, timeout, force).is_ok()
        })?;
        if begun == Some(true) {
            self.tell(format!("host {host} hands its role over"));
        }
        Ok(())
    }

    pub(super) fn heal(&mut self, host: usize) -> Result<()> {
        self.hosts[host].paused = false;
        match self.hosts[host].process {
            Some(_) => self.tick(host),
            None => self.start(host),
        }
    }

    /// Everything works again, and an operator has all follow one: in a row, or all the same one.
    pub(super) fn heal_all(&mut self) -> Result<()> {
        self.healed_at = Some(self.now);
        self.tell("all is mended".into());
        self.closed.clear();
        (0..self.hosts.len()).try_for_each(|host| self.heal(host))?;
        for host in 0..self.hosts.len() {
            self.act(host, |machine| machine.abort_failover("the operator ends it"))?;
        }
        let (head, in_a_row) = (self.random.below(self.hosts.len()), self.random.below(2) == 0);
        self.order(head, None)?;
        let mut before = head;
        for host in (0..self.hosts.len()).filter(|&host| host != head) {
            self.order(host, Some(before))?;
            if in_a_row {
                before = host;
            }
        }
        self.at(1_000, Event::Look);
        Ok(())
    }

    /// A FAILOVER that was still on its way when all was mended may promote a host behind the operator's back, who notices soon and
    /// repeats what that host was told.
    pub(super) fn look_at_roles(&mut self) -> Result<()> {
        let soon = 20 * self.plan.slowest_message;
        if self.healed_at.is_none_or(|healed| self.now > healed + 1_000 + soon) {
            return Ok(());
        }
        for host in 0..self.hosts.len() {
            let it = &self.hosts[host];
            let is_replica = it.process.as_ref().is_some_and(|process| process.machine.is_replica());
            if is_replica != it.configured.is_some() {
                self.order(host, it.configured)?;
            }
        }
        Ok(())
    }
}
