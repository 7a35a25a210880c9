//! Whatever the arguments of a command, a user cannot access keys without permission. Requests are generated from COMMAND
//! DOCS, damaged at random, and run as a user who may run everything on some keys. A change of other keys would show as an
//! event, and their contents would show in a reply.
//!
//! In addition, what a random user is allowed and refused, including error texts and ACL LOG, is the same as in the real
//! server.
//!
//! `ACL_KEYS_FUZZ`, `ACL_DRYRUN_FUZZ` and `ACL_PLAY_FUZZ` set the number of seeds, and `ACL_KEYS_SEED` and so on run a
//! single one.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[expect(dead_code, reason = "other tests need more of it")]
mod support;
#[expect(dead_code, reason = "other tests need more of it")]
#[path = "support/wire.rs"]
mod wire;

use std::sync::Arc;

use server::acl::{Rulebook, User};
use server::base::clock::now_ms;
use server::base::random::Random;
use server::config::{Config, NotifyFlags};
use server::resp::request::OwnedArgs;
use server::server::client::{Client, Signal};
use server::server::doc::{AclCategories, Argument, ArgumentFlags, ArgumentKind, CommandDoc, Flags, Internal};
use server::server::{Command, Server};

/// The value of keys that must not be read.
const SECRET: &str = "classified";

struct World {
    server: Server,
    user: Arc<User>,
}

fn request<W: AsRef<str>>(words: &[W]) -> OwnedArgs {
    OwnedArgs::new(words.iter().map(|word| word.as_ref().as_bytes()))
}

impl World {
    fn new() -> Self {
        let flags = NotifyFlags::KEYSPACE | NotifyFlags::ALL | NotifyFlags::KEY_MISS | NotifyFlags::NEW;
        let config = Config { notify_keyspace_events: flags, save: Default::default(), ..Config::default() };
        let mut server = Server::new(config, server::commands::catalogue(), false);
        let mut book = Rulebook::new(server.acl.catalogue, true);
        let rules = ["on", "nopass", "+@all", "~mine*", "&*"];
        let user = User::new(b"u", &book).with_rules(&mut book, &rules).unwrap();
        let mut world = Self { user: server.acl.put_user(user), server };
        // A client that receives every event.
        let id = world.server.clients.next_id();
        world.server.clients.add(Client::new(id, now_ms(), Arc::new(Signal::default())));
        let listen = request(&["PSUBSCRIBE", "__keyspace@0__:*"]);
        world.server.with_session(id, |server, client| server.execute(client, &listen.as_args()));
        world
    }

    /// Runs requests as a user without limits or as the tested user, and returns the replies.
    fn run<W: AsRef<str>>(&mut self, requests: &[Vec<W>], as_user: bool) -> Vec<u8> {
        let mut client = Client::new(server::base::ids::ClientId(1_000_000), now_ms(), Arc::new(Signal::default()));
        if as_user {
            client.become_user(&self.user);
        }
        self.server.begin_batch(now_ms());
        for words in requests {
            let words = request(words);
            self.server.execute(&mut client, &words.as_args());
        }
        self.server.end_batch();
        self.server.forget_client(&mut client);
        let mut woken = self.server.clients.take_woken();
        woken.clear();
        self.server.clients.keep_woken(woken);
        drop(self.server.network.take_orders());
        client.out
    }

    /// What the listener has received since the last call.
    fn heard(&mut self) -> String {
        self.server
            .clients
            .iter_mut()
            .map(|client| String::from_utf8_lossy(&std::mem::take(&mut client.out)).into_owned())
            .collect()
    }
}

/// A way to fill a key.
fn filler(random: &mut Random, key: &str, value: &str) -> Vec<Vec<String>> {
    let lines: &[&str] = match random.below(8) {
        0 => &["SET K V"],
        1 => &["RPUSH K V V2"],
        2 => &["SADD K V x"],
        3 => &["HSET K V V"],
        4 => &["ZADD K 1 V 2 x"],
        5 => &["GEOADD K 1 1 V"],
        6 => &["XADD K 1-1 f V", "XGROUP CREATE K g 0"],
        _ => &[],
    };
    let word = |word: &str| match word {
        "K" => key.to_owned(),
        "V" => value.to_owned(),
        other => other.to_owned(),
    };
    lines.iter().map(|line| line.split(' ').map(word).collect()).collect()
}

fn key(random: &mut Random) -> String {
    let name = if random.below(4) == 0 { "secret" } else { "mine" };
    format!("{name}{}", random.below(3))
}

/// The words of an argument.
fn argument(random: &mut Random, argument: &Argument, words: &mut Vec<String>) {
    if argument.flags.contains(ArgumentFlags::OPTIONAL) && random.below(2) == 0 {
        return;
    }
    let times = if argument.flags.contains(ArgumentFlags::MULTIPLE) { 1 + random.below(3) } else { 1 };
    for time in 0..times {
        if let Some(token) =
            argument.token.filter(|_| time == 0 || argument.flags.contains(ArgumentFlags::MULTIPLE_TOKEN))
        {
            words.push(token.to_owned());
        }
        match argument.kind {
            ArgumentKind::Key => words.push(key(random)),
            ArgumentKind::PureToken => {}
            ArgumentKind::Oneof => {
                let place = random.below(argument.arguments.len());
                self::argument(random, &argument.arguments[place], words);
            }
            ArgumentKind::Block => argument.arguments.iter().for_each(|part| self::argument(random, part, words)),
            ArgumentKind::Integer | ArgumentKind::Double | ArgumentKind::UnixTime => {
                words.push(random.below(4).to_string());
            }
            ArgumentKind::String | ArgumentKind::Pattern => words.push(anything(random)),
        }
    }
}

fn anything(random: &mut Random) -> String {
    const WORDS: [&str; 24] = [
        "0",
        "1",
        "2",
        "*",
        "0-0",
        "$",
        ">",
        "m",
        "g",
        "store",
        "storedist",
        "streams",
        "group",
        "count",
        "block",
        "keys",
        "by",
        "get",
        "limit",
        "auth",
        "secret*",
        "x",
        "(1",
        "",
    ];
    match random.below(3) {
        0 => key(random),
        _ => WORDS[random.below(WORDS.len())].to_owned(),
    }
}

fn line(random: &mut Random, command: &CommandDoc) -> Vec<String> {
    let mut words: Vec<String> = command.name.split('|').map(str::to_owned).collect();
    let first = words.len();
    command.arguments.iter().for_each(|part| argument(random, part, &mut words));
    // Options come twice, and in any order.
    let options: Vec<&Argument> =
        command.arguments.iter().filter(|part| part.flags.contains(ArgumentFlags::OPTIONAL)).collect();
    while !options.is_empty() && random.below(2) == 0 {
        let mut again = Vec::new();
        let option = options[random.below(options.len())];
        argument(random, option, &mut again);
        let place = if random.below(2) == 0 { words.len() } else { first + random.below(words.len() - first + 1) };
        words.splice(place..place, again);
    }
    while random.below(3) == 0 {
        let place = first + random.below(words.len() - first + 1);
        match random.below(3) {
            0 if place < words.len() => words[place] = anything(random),
            1 if place < words.len() => drop(words.remove(place)),
            _ => words.insert(place, anything(random)),
        }
    }
    words
}

#[test]
fn no_words_lead_to_a_key_without_a_right_to_it() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seeds = match number("ACL_KEYS_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("ACL_KEYS_FUZZ").unwrap_or(30_000),
    };
    let mut world = World::new();
    let all = world.server.registry.all().flat_map(|command| std::iter::once(command).chain(command.subcommands()));
    // MIGRATE connects to what it is told; scripts are asked about each call.
    let out = ["migrate", "eval", "eval_ro", "evalsha", "evalsha_ro", "fcall", "fcall_ro"];
    let mut commands: Vec<&Command> =
        all.filter(|command| command.doc.has_keys() && !out.contains(&command.name)).collect();
    commands.sort_by_key(|command| command.name);
    assert!(commands.len() > 100);
    let often: Vec<&Command> = commands
        .iter()
        .copied()
        .filter(|command| ["sort", "georadius", "georadiusbymember", "xread", "xreadgroup"].contains(&command.name))
        .collect();
    let mut served = 0;
    for seed in seeds {
        let mut random = Random::from_seed(seed);
        let mut fill = vec![vec!["FLUSHALL".to_owned()]];
        for number in 0..3 {
            fill.extend(filler(&mut random, &format!("mine{number}"), "m"));
            fill.extend(filler(&mut random, &format!("secret{number}"), SECRET));
        }
        world.run(&fill, false);
        world.heard();
        let from = if random.below(4) == 0 { &often } else { &commands };
        let command = from[random.below(from.len())];
        let words = line(&mut random, command.doc);
        let reply = String::from_utf8_lossy(&world.run(std::slice::from_ref(&words), true)).into_owned();
        let heard = world.heard();
        assert!(!heard.contains("__:secret"), "seed {seed}: {words:?}: {heard}");
        assert!(!reply.contains(SECRET), "seed {seed}: {words:?}: {reply}");
        served += usize::from(!reply.starts_with('-'));
    }
    println!("{served} were served");
}

/// Rules of a user with some permissions of each kind.
fn rules(random: &mut Random, commands: &[&Command]) -> Vec<String> {
    const PATTERNS: [&str; 10] =
        ["~mine*", "%R~mine*", "%W~secret*", "%RW~secret1", "~*", "allkeys", "&*", "&m", "&secret*", "resetchannels"];
    let categories: Vec<_> = AclCategories::all().iter_names().map(|(name, _)| name.to_lowercase()).collect();
    let selector = |random: &mut Random| {
        let mut rules = vec![["+@all", "-@all"][random.below(2)].to_owned()];
        for _ in 0..random.below(5) {
            let sign = ["+", "-"][random.below(2)];
            rules.push(match random.below(3) {
                0 => format!("{sign}@{}", categories[random.below(categories.len())]),
                1 => format!("{sign}{}", commands[random.below(commands.len())].name),
                _ => PATTERNS[random.below(PATTERNS.len())].to_owned(),
            });
        }
        // A pattern behind all of them is an error.
        let mut all = (false, false);
        rules.retain(|rule| {
            let keeps = match rule.as_bytes()[0] {
                b'~' | b'%' => !all.0,
                b'&' => !all.1,
                _ => true,
            };
            all.0 |= ["~*", "allkeys"].contains(&rule.as_str());
            all.1 |= rule == "&*";
            all.1 &= rule != "resetchannels";
            keeps
        });
        rules
    };
    let mut all = vec!["reset".to_owned()];
    all.extend(selector(random));
    for _ in 0..random.below(3) {
        all.push(format!("({})", selector(random).join(" ")));
    }
    all
}

/// The real server and ours.
struct Both {
    servers: [support::Server; 2],
    _folders: [tempfile::TempDir; 2],
}

impl Both {
    fn start() -> Self {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let servers = [(support::REAL, &folders[0]), (support::OURS, &folders[1])]
            .map(|(program, folder)| support::Server::start(program, folder.path(), &["--appendonly", "no"]));
        Self { servers, _folders: folders }
    }

    fn wires(&self) -> [wire::Wire; 2] {
        [wire::Wire::to(&self.servers[0]), wire::Wire::to(&self.servers[1])]
    }
}

fn ask_both(wires: &mut [wire::Wire; 2], command: &[&str], words: &[String]) -> [String; 2] {
    let words: Vec<&[u8]> =
        command.iter().map(|word| word.as_bytes()).chain(words.iter().map(|word| word.as_bytes())).collect();
    wires.iter_mut().for_each(|wire| wire.send_words(&words));
    wires.each_mut().map(wire::Wire::reply)
}

/// The parts of a reply that refuse for lack of rights; what else is in it hangs on data and chance.
fn refusals(reply: &str) -> Vec<String> {
    const ENDS: [&str; 4] = ["or subcommand", "specified keys", "used as arguments", "' command"];
    let end = |part: &str| ENDS.iter().filter_map(|end| Some(part.find(end)? + end.len())).min().unwrap_or(part.len());
    reply.split("-NOPERM").skip(1).map(|part| part[..end(part)].to_owned()).collect()
}

/// Entries of ACL LOG without what differs by nature.
fn logged(reply: &str) -> Vec<String> {
    reply.split("[count ").map(|part| part.split(" age-seconds").next().unwrap().to_owned()).collect()
}

#[test]
fn refusals_and_their_log_entries_are_as_in_the_real_server() {
    if !support::installed(support::REAL) {
        return;
    }
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seeds = number("ACL_PLAY_SEED").map_or(0..number("ACL_PLAY_FUZZ").unwrap_or(60), |seed| seed..seed + 1);
    let both = Both::start();
    let mut operators = both.wires();
    let world = World::new();
    let all = world.server.registry.all().flat_map(|command| std::iter::once(command).chain(command.subcommands()));
    let mut every: Vec<&Command> = all.filter(|command| !command.doc.is(Internal::OURS)).collect();
    every.sort_by_key(|command| command.name);
    let out = ["migrate", "georadius", "georadiusbymember", "xread", "xreadgroup", "pfmerge", "watch"];
    let others = ["publish", "spublish", "config|get", "client|id", "acl|whoami", "ping", "echo", "dbsize"];
    let is_played = |command: &Command| {
        others.contains(&command.name)
            || (command.doc.has_keys() && !command.flags.intersects(Flags::BLOCKING) && !out.contains(&command.name))
    };
    let played: Vec<&Command> = every.iter().copied().filter(|command| is_played(command)).collect();
    for seed in seeds {
        let mut random = Random::from_seed(seed);
        let name = format!("u{}", seed % 3);
        let mut given = Vec::new();
        let mut give = |random: &mut Random, given: &mut Vec<Vec<String>>| {
            let mut rules = rules(random, &every);
            rules.extend(["on", "nopass"].map(str::to_owned));
            let [theirs, ours] = ask_both(&mut operators, &["ACL", "SETUSER", &name], &rules);
            assert_eq!(ours, theirs, "seed {seed}: {rules:?}");
            given.push(rules);
        };
        give(&mut random, &mut given);
        let mut wires = both.wires();
        ask_both(&mut wires, &["AUTH", &name, "x"], &[]);
        for _ in 0..20 {
            let in_multi = random.below(3) == 0;
            if in_multi {
                let [theirs, ours] = ask_both(&mut wires, &["MULTI"], &[]);
                assert_eq!(ours, theirs, "seed {seed}: MULTI: {given:?}");
            }
            for _ in 0..1 + random.below(5) {
                let command = played[random.below(played.len())];
                let words = line(&mut random, command.doc);
                let [theirs, ours] = ask_both(&mut wires, &[], &words);
                assert_eq!(refusals(&ours), refusals(&theirs), "seed {seed}: {words:?}: {given:?}: {ours} {theirs}");
            }
            if random.below(4) == 0 {
                give(&mut random, &mut given);
            }
            if in_multi {
                let [theirs, ours] = ask_both(&mut wires, &["EXEC"], &[]);
                assert_eq!(refusals(&ours), refusals(&theirs), "seed {seed}: EXEC: {given:?}: {ours} {theirs}");
            }
        }
        let [theirs, ours] = ask_both(&mut operators, &["ACL", "LOG", "128"], &[]);
        assert_eq!(logged(&ours), logged(&theirs), "seed {seed}: {given:?}");
    }
}

#[test]
fn every_request_is_allowed_as_the_real_server_allows_it() {
    if !support::installed(support::REAL) {
        return;
    }
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seeds = number("ACL_DRYRUN_SEED").map_or(0..number("ACL_DRYRUN_FUZZ").unwrap_or(100), |seed| seed..seed + 1);
    let both = Both::start();
    let mut wires = both.wires();
    let world = World::new();
    let all = world.server.registry.all().flat_map(|command| std::iter::once(command).chain(command.subcommands()));
    // In these cases Redis checks other keys than those that the handler uses.
    let differ = ["georadius", "georadiusbymember", "xread", "xreadgroup", "pfmerge"];
    let mut commands: Vec<&Command> = all.filter(|command| !command.doc.is(Internal::OURS)).collect();
    commands.sort_by_key(|command| command.name);
    let mut allowed = 0;
    for seed in seeds {
        let mut random = Random::from_seed(seed);
        let rules = rules(&mut random, &commands);
        let [theirs, ours] = ask_both(&mut wires, &["ACL", "SETUSER", "t"], &rules);
        assert_eq!(ours, theirs, "seed {seed}: {rules:?}");
        for _ in 0..100 {
            let command = commands[random.below(commands.len())];
            if differ.contains(&command.name) {
                continue;
            }
            let words = line(&mut random, command.doc);
            let [theirs, ours] = ask_both(&mut wires, &["ACL", "DRYRUN", "t"], &words);
            assert_eq!(ours, theirs, "seed {seed}: {words:?} by {rules:?}");
            allowed += usize::from(ours == "+OK");
        }
    }
    println!("{allowed} were allowed");
}
