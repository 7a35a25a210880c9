//! Plays a row's script on a server without sockets.
//!
//! A script is statements between bars. A statement is a command, `each` and a command that runs once for each element, or
//! `50x` and a command that runs fifty times. Words between braces stand once for each element. In a word `#` is the number
//! of the element, `@` the same with leading zeros, `~` the same in shuffled order, `%` its group (a twentieth as many as
//! elements), `$N` the number of elements, `$H` half of it, `$S` a string of so many bytes, `$V` one of 5000. Statements that begin with
//! `!` are no commands; see [`Player::special`].

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use server::base::allocator;
use server::base::clock::{now_ms, thread_ns};
use server::config::special::SavePoints;
use server::config::{Access, Config};
use server::persistence::aof::BaseEncoder;
use server::persistence::load::load;
use server::resp::RequestParser;
use server::resp::request::{Limits, OwnedArgs, Parsed};
use server::server::Server;
use server::server::client::{Client, Signal};

/// What a measured script took.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// Processor time of the thread.
    pub nanos: u64,
    /// Bytes allocated at the highest point, beyond those before.
    pub peak: usize,
}

/// A row's scripts for a number of elements.
pub struct Play {
    build: Vec<Step>,
    measure: Vec<Step>,
}

impl Play {
    /// Writes both scripts out.
    pub fn new(build: &str, measure: &str, elements: usize) -> Self {
        let words = Words::new(elements);
        Self { build: words.steps(build), measure: words.steps(measure) }
    }

    /// Builds, then measures.
    pub fn run(&self) -> Cost {
        let mut player = Player::new();
        self.build.iter().for_each(|step| player.step(step));
        let before = allocator::used_memory();
        allocator::reset_peak();
        let started = thread_ns();
        self.measure.iter().for_each(|step| player.step(step));
        let nanos = thread_ns() - started;
        Cost { nanos, peak: allocator::peak().saturating_sub(before) }
    }
}

enum Step {
    Command(OwnedArgs),
    /// Its words, without the mark.
    Special(Vec<String>),
}

/// Words for a number of elements.
struct Words {
    elements: usize,
    /// Shares no divisor with the number of elements, so that it shuffles them.
    factor: usize,
}

impl Words {
    fn new(elements: usize) -> Self {
        let factor = (7919..).step_by(2).find(|factor| gcd(*factor, elements) == 1).unwrap();
        Self { elements, factor }
    }

    fn word(&self, word: &str, index: usize) -> String {
        let n = self.elements;
        let mut out = String::new();
        let mut letters = word.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '#' => out += &index.to_string(),
                '@' => out += &format!("{index:08}"),
                '~' => out += &(index % n * self.factor % n).to_string(),
                '%' => out += &(index % (n / 20).max(1)).to_string(),
                '$' => match letters.next() {
                    None => out.push('$'),
                    Some('N') => out += &n.to_string(),
                    Some('H') => out += &(n / 2).to_string(),
                    Some('S') => out += &"x".repeat(n),
                    Some('V') => out += &"v".repeat(5000),
                    other => panic!("no such word: ${other:?}"),
                },
                _ => out.push(letter),
            }
        }
        out
    }

    fn steps(&self, script: &str) -> Vec<Step> {
        script.split('|').flat_map(|statement| self.statement(statement)).collect()
    }

    fn statement(&self, statement: &str) -> Vec<Step> {
        let mut words: Vec<&str> = statement.split_whitespace().collect();
        let Some(first) = words.first() else { return Vec::new() };
        let times = match first.strip_suffix('x').and_then(|count| count.parse().ok()) {
            Some(count) => Some(count),
            None => (*first == "each").then_some(self.elements),
        };
        if times.is_some() {
            words.remove(0);
        }
        (0..times.unwrap_or(1)).map(|index| self.step(&words, index)).collect()
    }

    fn step(&self, words: &[&str], index: usize) -> Step {
        if let Some(name) = words[0].strip_prefix('!') {
            return Step::Special([name].iter().chain(&words[1..]).map(|word| self.word(word, index)).collect());
        }
        let mut request = OwnedArgs::default();
        let mut at = 0;
        while at < words.len() {
            if !words[at].starts_with('{') {
                request.push(self.word(words[at], index).as_bytes());
                at += 1;
                continue;
            }
            let end = at + words[at..].iter().position(|word| word.ends_with('}')).unwrap();
            for element in 0..self.elements {
                for word in &words[at..=end] {
                    request.push(self.word(word.trim_matches(['{', '}']), element).as_bytes());
                }
            }
            at = end + 1;
        }
        Step::Command(request)
    }
}

struct Player {
    server: Server,
    client: Client,
    /// What DUMP said, or a file.
    bytes: Vec<u8>,
}

impl Player {
    fn new() -> Self {
        let client = Client::new(1, now_ms(), Arc::new(Signal::default()));
        let config = Config { save: SavePoints(Vec::new()), enable_debug_command: Access::Yes, ..Config::default() };
        let mut server = Server::new(config, server::commands::catalogue(), false);
        // Other clients get other numbers.
        server.clients.next_id();
        Self { server, client, bytes: Vec::new() }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Command(request) => self.run(request),
            Step::Special(words) => self.special(words),
        }
    }

    fn run(&mut self, request: &OwnedArgs) {
        self.server.begin_batch(now_ms());
        self.server.execute(&mut self.client, &request.as_args());
        self.server.end_batch();
        let reply = std::mem::take(&mut self.client.out);
        assert_ne!(reply.first(), Some(&b'-'), "{:?}", String::from_utf8_lossy(&reply));
    }

    /// `!dump key` keeps the payload that `!restore key` restores; `!save` and `!rewrite` keep the file that `!load` and `!replay` read;
    /// `!client` has one more client send a command.
    fn special(&mut self, words: &[String]) {
        match words[0].as_str() {
            "dump" => {
                let entry = self.server.keyspace.peek(0, words[1].as_bytes()).unwrap();
                self.bytes = server::persistence::codec::dump(entry.value(), true);
            }
            "restore" => {
                let request = [&b"RESTORE"[..], words[1].as_bytes(), b"0", &self.bytes];
                self.run(&OwnedArgs::new(request.into_iter()));
            }
            "save" => self.write(true),
            "rewrite" => self.write(false),
            "load" => {
                let options = self.server.load_options(true);
                let loaded = load(self.bytes.as_slice(), &options, &AtomicU64::new(0)).unwrap();
                assert!(loaded.keys > 0);
            }
            "replay" => self.replay(),
            "client" => {
                let request = OwnedArgs::new(words[1..].iter().map(|word| word.as_bytes()));
                let id = self.server.clients.next_id();
                self.server.clients.add(Client::new(id, now_ms(), Arc::new(Signal::default())));
                self.server.begin_batch(now_ms());
                self.server.with_session(id, |server, client| server.execute(client, &request.as_args()));
                self.server.end_batch();
            }
            other => panic!("no such statement: !{other}"),
        }
    }

    fn write(&mut self, rdb: bool) {
        let mut file = Vec::new();
        let mut sink = |chunk: Vec<u8>| {
            file.extend_from_slice(&chunk);
            Ok(())
        };
        let mut encoder = BaseEncoder::new(self.server.snapshot_header(), rdb, None);
        assert!(self.server.keyspace.begin_snapshot());
        loop {
            let batch = self.server.keyspace.snapshot_step(4096);
            let last = batch.last;
            encoder.batch(batch, &mut sink).unwrap();
            if last {
                break;
            }
        }
        encoder.finish(&mut sink).unwrap();
        self.bytes = file;
    }

    fn replay(&mut self) {
        let commands = std::mem::take(&mut self.bytes);
        let mut parser = RequestParser::default();
        let mut at = 0;
        while at < commands.len() {
            let limits = Limits { max_bulk: 1 << 30, authenticated: true };
            let Ok(Parsed::Request { consumed }) = parser.parse(&commands[at..], limits) else {
                panic!("not a command at {at}")
            };
            let request = OwnedArgs::new(parser.args(&commands[at..]).from(0));
            self.run(&request);
            at += consumed;
        }
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}
