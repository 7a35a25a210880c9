//! A sequence of commands made from a seed.

use super::grammar::Grammar;
use super::random::Random;
use super::users::become_somebody;
use super::words::{LEXICAL_KEYS, Words};
use runner::client::encode;

/// A request to both engines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The command and its arguments.
    pub words: Vec<Vec<u8>>,
    /// Whether it is sent as a line, as a person would type it.
    pub inline: bool,
}

impl Request {
    /// A request in the usual form.
    pub fn new<A: AsRef<[u8]>>(words: &[A]) -> Self {
        Self { words: words.iter().map(|word| word.as_ref().to_vec()).collect(), inline: false }
    }

    /// Its bytes on the wire.
    pub fn bytes(&self) -> Vec<u8> {
        match self.inline {
            true => [self.words.join(&b' '), b"\r\n".to_vec()].concat(),
            false => encode(&self.words),
        }
    }

    /// The command's name in capitals.
    pub fn name(&self) -> String {
        let name = self.words.first().map(Vec::as_slice).unwrap_or_default();
        String::from_utf8_lossy(name).to_ascii_uppercase()
    }
}

/// A sequence that is played on empty servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The version of RESP: 2 or 3.
    pub protocol: u8,
    /// Whether hashes stay small enough for their fields to have a defined order.
    pub ordered: bool,
    /// Whether parts of it are played by users with random rights.
    pub by_users: bool,
    /// The requests in the order in which they are sent.
    pub requests: Vec<Request>,
}

/// Requests of a case.
const LENGTH: usize = 60;

impl Case {
    /// Makes the case of a seed. Users with random rights play one case in four, or all of them if `always_by_users`.
    pub fn from_seed(seed: u64, always_by_users: bool) -> Self {
        let mut random = Random::new(seed);
        let grammar = Grammar::some(&mut random);
        let (protocol, ordered) = (if random.one_in(2) { 3 } else { 2 }, random.one_in(2));
        let mut words = Words { random, small_hashes: ordered };
        let mut requests = Vec::with_capacity(LENGTH);
        let settings = Grammar::settings();
        for _ in 0..words.random.below(4) {
            requests.push(Request { words: settings.command(&mut words), inline: false });
        }
        let by_users = words.random.one_in(4) || always_by_users;
        if by_users {
            requests.extend(become_somebody(&mut words.random, protocol));
        }
        while requests.len() < LENGTH {
            if by_users && words.random.one_in(20) {
                requests.extend(become_somebody(&mut words.random, protocol));
            }
            let request = request(&grammar, &mut words);
            let lists_are_special = requests.iter().any(sets_lists_up);
            let left_out = races_with_the_clock(&request)
                || waits_long(&request)
                || hangs_on_chance(&request)
                || (by_users && merges_nothing(&request))
                || (lists_are_special && stores_a_sorted_list(&request));
            if !left_out {
                requests.push(request);
            }
        }
        Self { protocol, ordered, by_users, requests }
    }
}

fn request(grammar: &Grammar, words: &mut Words) -> Request {
    let mut command = grammar.command(words);
    // A wrong score would give the members of these sets an order that is not guaranteed.
    let fragile = command.iter().any(|word| LEXICAL_KEYS.contains(&word.as_slice()));
    if !fragile && words.random.one_in(16) {
        spoil(&mut command, words);
    }
    if words.random.one_in(4) {
        change_case(&mut command[0], &mut words.random);
    }
    let inline = words.random.one_in(16) && command.iter().all(|word| is_plain(word));
    Request { words: command, inline }
}

/// Takes an argument away, adds one, or puts something unexpected in its place.
fn spoil(command: &mut Vec<Vec<u8>>, words: &mut Words) {
    let at = 1 + words.random.below(command.len());
    match words.random.below(3) {
        0 if at < command.len() => drop(command.remove(at)),
        1 if at < command.len() => command[at] = words.any(),
        _ => command.insert(at, words.any()),
    }
}

fn change_case(name: &mut [u8], random: &mut Random) {
    for byte in name {
        if random.one_in(2) {
            byte.make_ascii_lowercase();
        }
    }
}

/// Whether a word may be typed without quotes.
fn is_plain(word: &[u8]) -> bool {
    !word.is_empty()
        && word.len() < 1000
        && word.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.:+-".contains(byte))
}

/// Whether a key might expire while the case is played.
fn races_with_the_clock(request: &Request) -> bool {
    const RELATIVE: &[&str] = &["EXPIRE", "PEXPIRE", "SETEX", "PSETEX", "RESTORE"];
    const OPTIONS: &[&str] = &["EX", "PX"];
    let is_near = |word: &Vec<u8>| {
        let number = std::str::from_utf8(word).ok().and_then(|word| word.parse::<i64>().ok());
        number.is_some_and(|number| (1..1_000_000).contains(&number))
    };
    // Seconds of the table are far enough; milliseconds of that size are not.
    let is_far_in_seconds = |word: &Vec<u8>| matches!(word.as_slice(), b"10000" | b"100000");
    let has_option = |option: &&str| request.words.iter().any(|word| word.eq_ignore_ascii_case(option.as_bytes()));
    let name = request.name();
    // SET keeps a key that has expired already; when it is removed is up to the engine.
    let is_time = |word: &Vec<u8>| {
        let number = std::str::from_utf8(word).ok().and_then(|word| word.parse::<i64>().ok());
        number.is_some_and(|number| (1..=1_000_000_000_000).contains(&number))
    };
    if name == "SET" && ["EXAT", "PXAT"].iter().any(has_option) && request.words.iter().skip(3).any(is_time) {
        return true;
    }
    let in_millis = name.starts_with('P') || name == "RESTORE" || has_option(&"PX");
    let relative = RELATIVE.contains(&name.as_str()) || OPTIONS.iter().any(has_option);
    relative && request.words.iter().skip(1).any(|word| is_near(word) && (in_millis || !is_far_in_seconds(word)))
}

/// Whether a command might wait for longer than some milliseconds.
fn waits_long(request: &Request) -> bool {
    let seconds = |word: Option<&Vec<u8>>| {
        let text = word.and_then(|word| std::str::from_utf8(word).ok()).unwrap_or_default();
        text.trim().parse::<f64>().ok()
    };
    let long = |time: Option<f64>, limit: f64| time.is_some_and(|time| time == 0.0 || time > limit);
    let words = &request.words;
    match request.name().as_str() {
        "BLPOP" | "BRPOP" | "BRPOPLPUSH" | "BLMOVE" | "BZPOPMIN" | "BZPOPMAX" => long(seconds(words.last()), 0.05),
        "BLMPOP" | "BZMPOP" => long(seconds(words.get(1)), 0.05),
        "XREAD" | "XREADGROUP" => {
            let block = words.iter().position(|word| word.eq_ignore_ascii_case(b"BLOCK"));
            block.is_some_and(|at| long(seconds(words.get(at + 1)), 50.0))
        }
        _ => false,
    }
}

/// Whether the effect of a command depends on chance or on the clock.
fn hangs_on_chance(request: &Request) -> bool {
    let words = &request.words;
    match request.name().as_str() {
        // Only a pop of everything, or of nothing, has a certain result.
        "SPOP" => !words.get(2).is_some_and(|count| matches!(count.as_slice(), b"1000" | b"0" | b"x" | b"-1")),
        // Upstream goes on until it runs out of memory.
        "HRANDFIELD" | "ZRANDMEMBER" | "SRANDMEMBER" => words.iter().any(|word| word.len() > 5 && word[0] == b'-'),
        "XADD" => words.iter().any(|word| word == b"*"),
        // The order of ties is up to the sort, and so is the order of a set that is not sorted.
        "SORT" | "SORT_RO" => {
            let has = |wanted: &[u8]| words.iter().any(|word| word.eq_ignore_ascii_case(wanted));
            has(b"s*") || has(b"h*") || has(b"*") || (has(b"nosort") && (has(b"LIMIT") || has(b"STORE")))
        }
        _ => false,
    }
}

/// Of PFMERGE without sources upstream checks no key at all, though it writes the destination.
fn merges_nothing(request: &Request) -> bool {
    request.name() == "PFMERGE" && request.words.len() == 2
}

/// Whether lists have another node size or compression from here on.
fn sets_lists_up(request: &Request) -> bool {
    request.words.iter().any(|word| word.starts_with(b"list-"))
}

/// Upstream's SORT STORE makes a list with the sizes of the default settings, whatever they are.
fn stores_a_sorted_list(request: &Request) -> bool {
    request.name() == "SORT" && request.words.iter().any(|word| word.eq_ignore_ascii_case(b"STORE"))
}
