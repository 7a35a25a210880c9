//! Values that differ from run to run, replaced by names that keep their identity.
//!
//! Ports become `<port:NODE>`, directories `<dir:NODE>`, run ids `<run-id:NODE>`, other ids of 40 hex digits `<id:A>`,
//! `<id:B>` in order of appearance.
//! Offsets are shown as distances from the first offset of the play, and only where an offset is known to stand: a number
//! that looks like one elsewhere stays as it is.

use crate::client::{Reply, Style, print};
use std::collections::HashMap;

/// INFO's fields that hold offsets.
const OFFSET_FIELDS: &[&str] = &[
    "master_repl_offset",
    "slave_repl_offset",
    "slave_read_repl_offset",
    "second_repl_offset",
    "repl_backlog_first_byte_offset",
];

/// What has been given a name so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Interner {
    // Ports and run ids, by their text.
    known: HashMap<String, String>,
    paths: Vec<(String, String)>,
    ids: HashMap<String, String>,
    first_offset: Option<i64>,
}

impl Interner {
    /// Gives a value a name before it appears.
    pub(super) fn know(&mut self, value: impl Into<String>, name: impl Into<String>) {
        self.known.insert(value.into(), name.into());
    }

    /// Gives a path a name before it appears.
    pub(super) fn know_path(&mut self, path: String, name: String) {
        self.paths.push((path, name));
        // `sentinel-1` begins as `sentinel-10` does.
        self.paths.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
    }

    /// A reply whose offsets are replaced by names, for commands whose replies have offsets.
    pub(super) fn reply(&mut self, command: &str, reply: Reply) -> Reply {
        let mut words = command.split_whitespace().map(str::to_ascii_lowercase);
        let words = [(); 2].map(|()| words.next().unwrap_or_default());
        match (words.each_ref().map(String::as_str), reply) {
            (["role", _], Reply::Array(items)) => Reply::Array(self.role(items)),
            (["cluster", "nodes"], text @ (Reply::Bulk(_) | Reply::Verbatim(..))) => {
                let text = text.text().unwrap_or_default();
                let mut lines: Vec<String> = text.lines().map(|line| self.cluster_node(line)).collect();
                lines.sort();
                Reply::Array(lines.into_iter().map(Reply::Status).collect())
            }
            // Counts of packets are by the clock.
            (["cluster", "info"], text @ (Reply::Bulk(_) | Reply::Verbatim(..))) => {
                let text = text.text().unwrap_or_default();
                let lines = text.lines().filter(|line| !line.starts_with("cluster_stats_messages"));
                Reply::Array(lines.map(|line| Reply::Status(line.to_owned())).collect())
            }
            (["cluster", "replicas" | "slaves"], Reply::Array(items)) => {
                let line = |item: Reply| Reply::Status(self.cluster_node(&item.text().unwrap_or_default()));
                let mut items: Vec<Reply> = items.into_iter().map(line).collect();
                items.sort_by_cached_key(|item| print(item, Style::Exact));
                Reply::Array(items)
            }
            (["cluster", "slots"], slots) => self.cluster_numbers(slots),
            // Shards come as they stand in a hash table.
            (["cluster", "shards"], Reply::Array(shards)) => {
                let mut shards: Vec<Reply> = shards.into_iter().map(|shard| self.cluster_numbers(shard)).collect();
                shards.sort_by_cached_key(|shard| print(shard, Style::Exact));
                Reply::Array(shards)
            }
            (_, other) => other,
        }
    }

    /// A line of CLUSTER NODES: the times of pings are by the clock.
    fn cluster_node(&mut self, line: &str) -> String {
        let fields: Vec<String> = line
            .split(' ')
            .enumerate()
            .map(|(index, field)| if index == 4 || index == 5 { "<ms>".into() } else { self.text(field) })
            .collect();
        fields.join(" ")
    }

    /// Ports anywhere inside, and what follows `replication-offset`.
    fn cluster_numbers(&mut self, reply: Reply) -> Reply {
        match reply {
            Reply::Integer(port) if self.known.contains_key(&port.to_string()) => {
                Reply::Status(self.text(&port.to_string()))
            }
            Reply::Array(items) => {
                let mut offset = false;
                let shown = items.into_iter().map(|item| {
                    let masked = if offset { Reply::Status("<offset>".into()) } else { self.cluster_numbers(item) };
                    offset = masked.text().is_some_and(|text| text == "replication-offset");
                    masked
                });
                Reply::Array(shown.collect())
            }
            other => other,
        }
    }

    /// ROLE: a master's offset and those of its replicas; a replica's offset.
    fn role(&mut self, items: Vec<Reply>) -> Vec<Reply> {
        let is_master = items.first().and_then(Reply::text).is_some_and(|role| role == "master");
        let offset_at = if is_master { 1 } else { 4 };
        items
            .into_iter()
            .enumerate()
            .map(|(index, item)| match item {
                Reply::Integer(offset) if index == offset_at => Reply::Status(self.offset(offset)),
                Reply::Array(replicas) if is_master => self.listed_replicas(replicas),
                Reply::Integer(port) => Reply::Status(self.text(&port.to_string())),
                other => other,
            })
            .collect()
    }

    /// Replicas are listed as they happened to come; here by name.
    fn listed_replicas(&mut self, replicas: Vec<Reply>) -> Reply {
        let mut replicas: Vec<Reply> = replicas.into_iter().map(|replica| self.listed_replica(replica)).collect();
        replicas.sort_by_cached_key(|replica| self.text(&print(replica, Style::Exact)));
        Reply::Array(replicas)
    }

    fn listed_replica(&mut self, replica: Reply) -> Reply {
        let Reply::Array(mut fields) = replica else {
            return replica;
        };
        if let Some(last) = fields.last_mut()
            && let Some(offset) = last.text().and_then(|text| text.parse().ok())
        {
            *last = Reply::Status(self.offset(offset));
        }
        Reply::Array(fields)
    }

    /// Lines of INFO. Replicas are listed as they happened to come: here they are ordered by name and lose their number.
    pub(super) fn info_lines(&mut self, lines: &[&str]) -> Vec<String> {
        let mut shown: Vec<String> = lines.iter().map(|line| self.info_line(line)).collect();
        let is_replica = |line: &String| line.starts_with("slaveN:");
        if let Some(first) = shown.iter().position(is_replica) {
            let count = shown.iter().filter(|line| is_replica(line)).count();
            shown[first..first + count].sort();
        }
        shown
    }

    /// A line of INFO.
    fn info_line(&mut self, line: &str) -> String {
        match line.split_once(':') {
            Some((name, value)) if OFFSET_FIELDS.contains(&name) => match value.parse() {
                Ok(offset) => format!("{name}:{}", self.offset(offset)),
                Err(_) => self.text(line),
            },
            Some((name, value)) if name.starts_with("slave") && value.contains("offset=") => {
                let fields: Vec<String> = value.split(',').map(|field| self.replica_field(field)).collect();
                format!("slaveN:{}", fields.join(","))
            }
            _ => self.text(line),
        }
    }

    fn replica_field(&mut self, field: &str) -> String {
        match field.split_once('=') {
            Some(("offset", value)) => match value.parse() {
                Ok(offset) => format!("offset={}", self.offset(offset)),
                Err(_) => field.into(),
            },
            // Seconds since the last acknowledgement: by the clock.
            Some(("lag", _)) => "lag=<seconds>".into(),
            _ => self.text(field),
        }
    }

    /// Any text: ids and ports wherever they stand as words of their own, and offsets behind `FULLRESYNC <id>`.
    pub(super) fn text(&mut self, text: &str) -> String {
        let hidden = self.paths.iter().filter(|(path, _)| text.contains(path.as_str()));
        let text = hidden.fold(text.to_owned(), |text, (path, name)| text.replace(path, name));
        let mut out = String::new();
        let mut word = String::new();
        let mut words_since_fullresync = None;
        for c in text.chars().chain(['\0']) {
            if c.is_ascii_alphanumeric() {
                word.push(c);
                continue;
            }
            if !word.is_empty() {
                out.push_str(&self.word(&word, &mut words_since_fullresync));
                word.clear();
            }
            if c != '\0' {
                out.push(c);
            }
        }
        out
    }

    fn word(&mut self, word: &str, since_fullresync: &mut Option<u32>) -> String {
        *since_fullresync = since_fullresync.map(|words| words + 1);
        if word == "FULLRESYNC" {
            *since_fullresync = Some(0);
        }
        if let Some(name) = self.known.get(word) {
            return name.clone();
        }
        if word.len() == 40 && word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return self.id(word);
        }
        match (word.parse(), *since_fullresync) {
            (Ok(offset), Some(2)) => self.offset(offset),
            _ => word.to_owned(),
        }
    }

    fn id(&mut self, id: &str) -> String {
        if id.bytes().all(|byte| byte == b'0') {
            return "<no-id>".into();
        }
        let next = u32::try_from(self.ids.len()).unwrap_or(u32::MAX);
        let name = self.ids.entry(id.to_ascii_lowercase()).or_insert_with(|| {
            let letter = char::from_u32(u32::from('A') + next % 26).unwrap_or('?');
            let round = if next < 26 { String::new() } else { (next / 26).to_string() };
            format!("<id:{letter}{round}>")
        });
        name.clone()
    }

    /// 'None yet' stays as it is; every other offset is a distance.
    fn offset(&mut self, offset: i64) -> String {
        if offset <= 0 {
            return offset.to_string();
        }
        let first = *self.first_offset.get_or_insert(offset);
        format!("<offset{:+}>", offset - first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_the_same_name_wherever_it_appears_in_a_transcript() {
        let mut interner = Interner::default();
        interner.know("20001", "<port:master>");
        let (a, b) = ("a".repeat(40), "b".repeat(40));
        let first = interner.text(&format!("+FULLRESYNC {a} 500 20001"));
        assert_eq!(first, "+FULLRESYNC <id:A> <offset+0> <port:master>");
        assert_eq!(interner.info_line(&format!("master_replid:{b}")), "master_replid:<id:B>");
        assert_eq!(interner.info_line(&format!("master_replid2:{a}")), "master_replid2:<id:A>");
        assert_eq!(interner.info_line("second_repl_offset:514"), "second_repl_offset:<offset+14>");
        let line = "slave0:ip=127.0.0.1,port=20001,state=online,offset=490,lag=1";
        let shown = "slaveN:ip=127.0.0.1,port=<port:master>,state=online,offset=<offset-10>,lag=<seconds>";
        assert_eq!(interner.info_line(line), shown);
    }
}
