//! A data node as Sentinels see one: roles, INFO, hellos passed on.

use server::resp::Value;

/// Where a host number's data node listens.
pub const DATA_PORT: u16 = 6379;
/// Where a host number's Sentinel listens.
pub const SENTINEL_PORT: u16 = 26379;

/// What a data node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Primary,
    ReplicaOf(usize),
}

#[derive(Debug, Clone)]
pub struct DataNode {
    pub up: bool,
    pub paused: bool,
    pub role: Role,
    /// What its configuration file says: MULTI ... CONFIG REWRITE ... EXEC.
    pub saved_role: Role,
    pub run: u64,
    pub host: usize,
    pub priority: i64,
    pub offset: i64,
    pub link_up: bool,
    pub link_down_since: i64,
    /// A replica that was told to follow is in sync from then on, if it can be.
    pub in_sync_at: i64,
    /// Connections with a subscription to hellos.
    pub subscribers: Vec<u64>,
    /// Words of an open MULTI, by connection.
    pub open: Vec<(u64, Vec<Vec<Vec<u8>>>)>,
}

/// What a command asks of the world besides its reply.
#[derive(Debug)]
pub enum Asked {
    Nothing,
    Publish(Vec<u8>),
    /// Clients were disconnected: all but this connection, and all subscribers.
    KillClients,
}

pub fn host_name(host: usize) -> String {
    format!("10.0.0.{host}")
}

pub fn host_of(name: &str) -> Option<usize> {
    name.strip_prefix("10.0.0.")?.parse().ok()
}

fn ok() -> Value {
    Value::Status(b"OK".to_vec())
}

impl DataNode {
    pub fn new(host: usize, role: Role, priority: i64) -> Self {
        Self {
            up: true,
            paused: false,
            role,
            saved_role: role,
            run: 0,
            host,
            priority,
            offset: 0,
            link_up: false,
            link_down_since: 0,
            in_sync_at: 0,
            subscribers: Vec::new(),
            open: Vec::new(),
        }
    }

    pub fn execute(&mut self, conn: u64, words: &[Vec<u8>], now: i64, replicas: &[usize]) -> (Option<Value>, Asked) {
        let name = words[0].to_ascii_uppercase();
        if let Some((_, queued)) = self.open.iter_mut().find(|(of, _)| *of == conn)
            && name != b"EXEC"
        {
            queued.push(words.to_vec());
            return (Some(Value::Status(b"QUEUED".to_vec())), Asked::Nothing);
        }
        match name.as_slice() {
            b"PING" => (Some(Value::Status(b"PONG".to_vec())), Asked::Nothing),
            b"INFO" => (Some(Value::Bulk(self.info(now, replicas).into_bytes())), Asked::Nothing),
            b"PUBLISH" => (Some(Value::Integer(1)), Asked::Publish(words[2].clone())),
            b"SUBSCRIBE" => {
                self.subscribers.push(conn);
                (None, Asked::Nothing)
            }
            b"MULTI" => {
                self.open.push((conn, Vec::new()));
                (Some(ok()), Asked::Nothing)
            }
            b"EXEC" => {
                let at = self.open.iter().position(|(of, _)| *of == conn).expect("MULTI came first");
                let (_, queued) = self.open.remove(at);
                queued.iter().for_each(|words| self.run_queued(words, now));
                (Some(Value::Array(queued.iter().map(|_| ok()).collect())), Asked::KillClients)
            }
            _ => (Some(ok()), Asked::Nothing),
        }
    }

    fn run_queued(&mut self, words: &[Vec<u8>], now: i64) {
        if words[0] == b"SLAVEOF" {
            let host = String::from_utf8_lossy(&words[1]);
            let role = host_of(&host).map_or(Role::Primary, Role::ReplicaOf);
            if role != self.role {
                self.role = role;
                self.link_up = false;
                self.link_down_since = now;
                self.in_sync_at = now + 150;
            }
        }
        if words[0] == b"CONFIG" {
            self.saved_role = self.role;
        }
    }

    fn info(&self, now: i64, replicas: &[usize]) -> String {
        let mut text = format!("# Server\r\nrun_id:{:0>40}\r\n# Replication\r\n", self.host as u64 * 1000 + self.run);
        match self.role {
            Role::Primary => {
                text.push_str("role:master\r\n");
                for (number, host) in replicas.iter().enumerate() {
                    let name = host_name(*host);
                    text.push_str(&format!("slave{number}:ip={name},port={DATA_PORT},state=online,offset=1,lag=0\r\n"));
                }
            }
            Role::ReplicaOf(primary) => {
                let status = if self.link_up { "up" } else { "down" };
                text.push_str(&format!(
                    "role:slave\r\nmaster_host:{}\r\nmaster_port:{DATA_PORT}\r\nmaster_link_status:{status}\r\n\
                     slave_repl_offset:{}\r\nslave_priority:{}\r\n",
                    host_name(primary),
                    self.offset,
                    self.priority
                ));
                if !self.link_up {
                    let seconds = (now - self.link_down_since) / 1000;
                    text.push_str(&format!("master_link_down_since_seconds:{seconds}\r\n"));
                }
            }
        }
        text
    }

    pub fn crash(&mut self) {
        self.up = false;
        self.paused = false;
        self.subscribers.clear();
        self.open.clear();
    }

    pub fn restart(&mut self, now: i64) {
        self.up = true;
        self.run += 1;
        self.role = self.saved_role;
        self.link_up = false;
        self.link_down_since = now;
        self.in_sync_at = now + 150;
    }
}
