//! A process: the machine, its disk, and the side of the data as far as the machine sees it.

use server::base::offset::Offset;
use server::base::random::Random;
use server::cluster::{Cluster, DataEffect, Facts, NodeId, Settings};
use server::config::Config;

use super::world::Event;

/// Where clients of every host connect, and where nodes do.
pub const PORT: u16 = 7000;
pub const BUS_PORT: u16 = 17000;

pub fn ip_of(host: usize) -> String {
    format!("10.0.0.{host}")
}

pub fn host_of(ip: &str) -> Option<usize> {
    ip.strip_prefix("10.0.0.")?.parse().ok()
}

pub fn id_of(host: usize) -> NodeId {
    // Not in the order of hosts: who has the smaller id should be chance.
    let mut bytes = [0; 20];
    let mut random = Random::from_seed(host as u64 * 7919 + 13);
    bytes.fill_with(|| random.next_u64() as u8);
    bytes[19] = host as u8;
    NodeId::from_random(bytes)
}

pub struct Process {
    /// `None`: it does not run.
    pub core: Option<Cluster>,
    pub disk: String,
    pub paused: bool,
    /// What came while it was stopped.
    pub waiting: Vec<Event>,
    /// Its clock is so much ahead.
    pub skew: i64,
    /// Counts its lives.
    pub life: u64,
    /// Which of its wake-ups counts.
    pub wake: u64,
    /// Whom it follows.
    pub follows: Option<usize>,
    pub link_up: bool,
    pub last_heard: Option<i64>,
    pub offset: Offset,
    /// Writes are held back.
    pub holds_back: bool,
}

impl Process {
    pub fn new(disk: String, skew: i64) -> Self {
        Self {
            core: None,
            disk,
            paused: false,
            waiting: Vec::new(),
            skew,
            life: 0,
            wake: 0,
            follows: None,
            link_up: false,
            last_heard: None,
            offset: Offset::ZERO,
            holds_back: false,
        }
    }

    /// Runs, and can take something in.
    pub fn is_running(&self) -> bool {
        self.core.is_some() && !self.paused
    }

    pub fn settings(node_timeout: i64) -> Settings {
        let mut settings = Settings::from_config(&Config::default());
        settings.node_timeout = node_timeout;
        (settings.port, settings.bus_port) = (PORT, BUS_PORT);
        settings
    }

    /// Starts with what is on disk.
    pub fn start(&mut self, host: usize, node_timeout: i64, random: Random, now: i64) -> Result<(), String> {
        let settings = Self::settings(node_timeout);
        let now = now + self.skew;
        let known = Cluster::from_file(&self.disk, settings.clone(), random.clone(), now);
        let core = known.map_err(|error| format!("host {host} cannot read its file: {error}\n{}", self.disk))?;
        self.core = Some(core.unwrap_or_else(|| Cluster::new(id_of(host), settings, random, now)));
        self.life += 1;
        self.paused = false;
        self.waiting.clear();
        (self.follows, self.link_up, self.last_heard) = (None, false, Some(now - self.skew));
        self.holds_back = false;
        Ok(())
    }

    pub fn crash(&mut self) {
        self.core = None;
        self.paused = false;
        self.waiting.clear();
        self.link_up = false;
    }

    pub fn facts(&self, now: i64) -> Facts {
        Facts {
            keys: 0,
            offset: self.offset,
            loading: false,
            link_up: self.link_up,
            data_age: self.last_heard.map(|time| now - time),
        }
    }

    pub fn carry_out_on_data(&mut self, effect: DataEffect, now: i64) {
        match effect {
            DataEffect::Follow { ip, .. } => {
                self.follows = host_of(&ip);
                self.link_up = false;
                self.last_heard = Some(now);
            }
            DataEffect::Promote => {
                self.follows = None;
                self.link_up = false;
            }
            DataEffect::PauseWrites(_) => self.holds_back = true,
            DataEffect::ResumeWrites => self.holds_back = false,
            DataEffect::Flush | DataEffect::DeleteSlots(_) | DataEffect::Discard(_) | DataEffect::Deliver { .. } => {}
        }
    }
}
