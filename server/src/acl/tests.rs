//! Rules compared with those of the real server, if one is installed, and tests that need no other server.

use super::log::{AclLog, Context, Entry, Reason};
use super::user::merge_selectors;
use super::*;
use crate::base::random::Random;
use crate::commands::catalogue;
use crate::dispatch::acl::permits_user;
use crate::resp::request::OwnedArgs;
use crate::server::registry::Registry;
use crate::upstream::{Reply, Upstream};

fn book(allows_channels: bool) -> Rulebook<'static> {
    Rulebook::new(catalogue().for_rules(false), allows_channels)
}

fn user(rules: &str) -> User {
    let rules: Vec<&str> = rules.split(' ').collect();
    let mut book = book(false);
    User::new(b"u", &book).with_rules(&mut book, &rules).unwrap_or_else(|error| panic!("{rules:?}: {error:?}"))
}

fn described(user: &User) -> String {
    String::from_utf8(user.describe(catalogue().for_rules(false))).unwrap()
}

/// The seeds to run. `ACL_FUZZ` overrides the small default number; `ACL_SEED` runs a single one, as named by a failure.
fn seeds(default: u64) -> std::ops::Range<u64> {
    let number = |name| std::env::var(name).ok().map(|text: String| text.parse::<u64>().unwrap());
    match number("ACL_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("ACL_FUZZ").unwrap_or(default),
    }
}

struct Words {
    random: Random,
    commands: Vec<&'static str>,
}

impl Words {
    fn new(seed: u64) -> Self {
        let catalogue = catalogue().for_rules(false);
        let standard = catalogue.all().map(|id| catalogue.fact(id)).filter(|fact| fact.is_standard);
        Self { random: Random::from_seed(seed), commands: standard.map(|fact| fact.name).collect() }
    }

    fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.random.below(choices.len())]
    }

    fn chance(&mut self, one_in: usize) -> bool {
        self.random.below(one_in) == 0
    }

    fn command(&mut self) -> String {
        const OFTEN: [&str; 12] = [
            "get",
            "set",
            "select",
            "debug",
            "config",
            "config|get",
            "client",
            "client|id",
            "acl",
            "sort",
            "memory",
            "object",
        ];
        let often = self.chance(2);
        let place = self.random.below(self.commands.len());
        let name = if often { self.one_of(&OFTEN) } else { self.commands[place] };
        if self.chance(8) { name.to_uppercase() } else { name.to_owned() }
    }

    fn pattern(&mut self) -> &'static str {
        self.one_of(&["a", "a*", "*", "key:*", "k[a-c]", "k\\*", "", "ab?", "x y", "(a", "b)", "c\"d"])
    }

    /// A random rule that is valid within a selector.
    fn right(&mut self) -> String {
        let sign = self.one_of(&["+", "-"]);
        match self.random.below(14) {
            0 => self.one_of(&["allkeys", "~*", "resetkeys", "ALLKEYS"]).to_owned(),
            1 => self.one_of(&["allchannels", "&*", "resetchannels"]).to_owned(),
            2 => self.one_of(&["allcommands", "+@all", "-@all", "nocommands", "+@ALL"]).to_owned(),
            3 => format!("~{}", self.pattern()),
            4 => {
                let marks = self.one_of(&["%R~", "%W~", "%RW~", "%wr~", "%RR~", "%~", "%", "%R", "%Rx~", "%r~"]);
                format!("{marks}{}", self.pattern())
            }
            5 => format!("&{}", self.pattern()),
            6 | 7 => {
                let place = self.random.below(catalogue().for_rules(false).categories.len());
                format!("{sign}@{}", catalogue().for_rules(false).categories[place])
            }
            8 => format!("{sign}{}|{}", self.command(), self.one_of(&["0", "get", "x", "", "GET", "id"])),
            9 => {
                self.one_of(&["+@nosuch", "-nosuch", "+nosuch|x", "nonsense", "+get|a|b", "+config|get|x", "+@"]).into()
            }
            _ => format!("{sign}{}", self.command()),
        }
    }

    fn selector(&mut self) -> String {
        let count = self.random.below(5);
        let rules: Vec<String> = (0..count).map(|_| self.right()).collect();
        let (open, close) = (self.one_of(&["(", "(", "( ", "(("]), self.one_of(&[")", ")", " )", "", "))"]));
        format!("{open}{}{close}", rules.join(" "))
    }

    /// Random arguments of one ACL SETUSER.
    fn rules(&mut self) -> Vec<String> {
        const HASH: &str = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";
        let mut rules = Vec::new();
        for _ in 0..=self.random.below(6) {
            match self.random.below(16) {
                0 => rules.push(self.one_of(&["on", "off", "ON", "reset", "clearselectors", ""]).to_owned()),
                1 => rules
                    .push(self.one_of(&["nopass", "resetpass", "sanitize-payload", "skip-sanitize-payload"]).into()),
                2 => rules.push(format!("{}{}", self.one_of(&[">", "<"]), self.one_of(&["p", "password", "", "a b"]))),
                3 => rules.push(format!("{}{}", self.one_of(&["#", "!"]), self.one_of(&[HASH, "5e88", "g"]))),
                4 | 5 => {
                    let selector = self.selector();
                    // A selector may be split into several words.
                    if self.chance(2) {
                        rules.extend(selector.split(' ').map(str::to_owned));
                    } else {
                        rules.push(selector);
                    }
                }
                _ => rules.push(self.right()),
            }
        }
        rules
    }
}

/// The command rules sorted, because Redis lists them in the order of a hash table.
fn sorted_rules(rules: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(rules).into_owned();
    let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    let fixed = words.iter().take_while(|word| word.contains('@')).count();
    words[fixed..].sort();
    words
}

/// A user as ACL GETUSER shows it, the command rules sorted.
fn shown(reply: Reply) -> Vec<String> {
    let mut found = Vec::new();
    let mut fields = reply.array().into_iter();
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        let name = String::from_utf8(name.bytes()).unwrap();
        match value {
            Reply::Bulk(text) if name == "commands" => found.extend(sorted_rules(&text)),
            Reply::Bulk(text) => found.push(String::from_utf8_lossy(&text).into_owned()),
            Reply::Array(items) if name == "selectors" => {
                for selector in items {
                    found.push("selector".into());
                    found.extend(shown(selector));
                }
            }
            Reply::Array(items) => {
                let mut items: Vec<_> =
                    items.into_iter().map(|item| String::from_utf8_lossy(&item.bytes()).into_owned()).collect();
                items.sort();
                found.extend(items);
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    found
}

fn shown_selector(selector: &Selector) -> Vec<String> {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let mut found = sorted_rules(&selector.describe_commands(catalogue().for_rules(false)));
    found.extend([text(selector.describe_keys()), text(selector.describe_channels())]);
    found
}

/// The same for one of our users.
fn shown_user(user: &User) -> Vec<String> {
    let mut found: Vec<String> = user.flags().iter().map(|&flag| flag.to_owned()).collect();
    found.sort();
    let mut hashes: Vec<_> =
        user.passwords.iter().map(|hash| String::from_utf8(hash.digits().to_vec()).unwrap()).collect();
    hashes.sort();
    found.extend(hashes);
    found.extend(shown_selector(user.root()));
    for selector in user.others() {
        found.push("selector".into());
        found.extend(shown_selector(selector));
    }
    found
}

/// Command lines whose permissions are compared.
const LINES: [&str; 28] = [
    "get a",
    "set a 1",
    "set ab 1 get",
    "mget a key:1 zz",
    "select 0",
    "select 1",
    "config get x",
    "config set a b",
    "client id",
    "debug object a",
    "eval s 2 a key:1 x",
    "sort a by x store key:2",
    "publish a m",
    "publish zz m",
    "subscribe a aa b",
    "psubscribe a a*",
    "ssubscribe a",
    "xread streams a key:1 0 0",
    "georadius a 1 1 1 m store key:1",
    "copy a key:3",
    "exists zz",
    "migrate h 1 a 0 10",
    "bitfield a get u8 0",
    "acl whoami",
    "ping",
    "auth x",
    "multi",
    "zunionstore a 2 key:1 ka",
];

#[test]
fn rules_lead_to_the_user_that_they_lead_to_in_the_real_server() {
    let Some(mut redis) = Upstream::start(&[]) else { return };
    let registry = Registry::new(catalogue(), false);
    for seed in seeds(250) {
        let mut words = Words::new(seed);
        let open = words.chance(4);
        let default = if open { "allchannels" } else { "resetchannels" };
        redis.call(&["CONFIG", "SET", "acl-pubsub-default", default]);
        redis.call(&["ACL", "DELUSER", "u"]);
        let mut ours: Option<User> = None;
        let mut history = Vec::new();
        for _ in 0..3 {
            let rules = words.rules();
            history.push(rules.clone());
            let mut call = vec!["ACL", "SETUSER", "u"];
            call.extend(rules.iter().map(String::as_str));
            let theirs = redis.call(&call);
            let mut book = book(open);
            let before = ours.clone().unwrap_or_else(|| User::new(b"u", &book));
            let verdict = match before.with_rules(&mut book, &rules) {
                Ok(user) => {
                    ours = Some(user);
                    Reply::Status("OK".into())
                }
                Err(error) => Reply::Error(format!("ERR {}", String::from_utf8(error.text()).unwrap())),
            };
            assert_eq!(verdict, theirs, "seed {seed}: {history:?}");
            let theirs = redis.call(&["ACL", "GETUSER", "u"]);
            let Some(user) = &ours else {
                assert_eq!(theirs, Reply::Null, "seed {seed}: {history:?}");
                continue;
            };
            assert_eq!(shown_user(user), shown(theirs), "seed {seed}: {history:?}");
            let lines = redis.call(&["ACL", "LIST"]).array().into_iter().map(Reply::bytes);
            let line = lines.into_iter().find(|line| line.starts_with(b"user u ")).unwrap();
            let mine = Users::line(user, catalogue().for_rules(false));
            let in_order = |line: &[u8]| {
                let mut words: Vec<Vec<u8>> = line.split(|&byte| byte == b' ').map(<[u8]>::to_vec).collect();
                words.sort();
                words
            };
            // Redis lists commands in the order of a hash table, so the closing parenthesis may follow a different one.
            if user.others().is_empty() {
                assert_eq!(in_order(&mine), in_order(&line), "seed {seed}: {history:?}");
            }
        }
        let Some(user) = &ours else { continue };
        for line in LINES {
            let parts: Vec<&str> = line.split(' ').collect();
            let mut call = vec!["ACL", "DRYRUN", "u"];
            call.extend(&parts);
            let allowed = redis.call(&call) == Reply::Status("OK".into());
            let request = OwnedArgs::new(parts.iter().map(|word| word.as_bytes()));
            let args = request.as_args();
            let command = registry.find(args.get(0)).unwrap();
            let command = args.at(1).and_then(|word| command.subcommand(word)).unwrap_or(command);
            assert_eq!(permits_user(user, command, &args).is_ok(), allowed, "seed {seed}: {line}: {history:?}");
        }
    }
}

#[test]
fn what_describes_a_user_makes_the_same_user() {
    for seed in seeds(300) {
        let mut words = Words::new(seed);
        let mut book = book(false);
        let mut user = User::new(b"u", &book);
        for _ in 0..3 {
            if let Ok(changed) = user.with_rules(&mut book, &words.rules()) {
                user = changed;
            }
        }
        // A pattern may contain quotes and parentheses, which have a meaning in selectors.
        if user.others().iter().any(|selector| described_selector(selector).contains(['"', ')', '\\'])) {
            continue;
        }
        let line = Users::line(&user, book.catalogue);
        let users = Users::from_file(&line, "users.acl", &mut book)
            .unwrap_or_else(|errors| panic!("seed {seed}: {}", String::from_utf8_lossy(&errors)));
        assert_eq!(described(users.get(b"u").unwrap()), described(&user), "seed {seed}");
    }
}

fn described_selector(selector: &Selector) -> String {
    String::from_utf8_lossy(&selector.describe(catalogue().for_rules(false))).into_owned()
}

#[test]
fn every_category_and_its_absence_describe_themselves() {
    for name in &catalogue().for_rules(false).categories {
        assert_eq!(described(&user(&format!("-@all +@{name}"))), format!("off resetchannels -@all +@{name}"));
        assert_eq!(described(&user(&format!("+@all -@{name}"))), format!("off resetchannels +@all -@{name}"));
    }
}

#[test]
fn a_rule_that_is_refused_leaves_the_user_as_it_was() {
    let before = user("on >secret ~a +get (~b +set)");
    let mut book = book(false);
    for wrong in ["+nosuch", "%~x", "<absent", "#abc", "(~x", "(+nosuch)", "~a b", "nonsense", "&a b", "%"] {
        assert!(before.with_rules(&mut book, &["+@all", "nopass", wrong]).is_err(), "{wrong}");
    }
}

#[test]
fn passwords_open_only_where_they_should() {
    let user = user("on >one >two");
    assert!(user.accepts(b"one") && user.accepts(b"two"));
    assert!(!user.accepts(b"") && !user.accepts(b"onetwo") && !user.accepts(b"one\0"));
    assert!(!super::tests::user("off nopass").accepts(b"one"));
    assert!(super::tests::user("on nopass").accepts(b"whatever"));
    assert!(!super::tests::user("on").accepts(b""), "no password is none that opens");
    assert!(!format!("{user:?}").contains("two"), "its hash alone is kept, and not shown");
}

#[test]
fn selectors_are_merged_from_words() {
    let merge = |words: &[&str]| {
        merge_selectors(words)
            .map(|words| words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect::<Vec<_>>())
    };
    assert_eq!(merge(&["a", "(b", "c", "d)", "e"]).unwrap(), ["a", "(b c d)", "e"]);
    assert_eq!(merge(&["(a)", "()"]).unwrap(), ["(a)", "()"]);
    assert_eq!(merge(&["a", "(b", "c"]), Err(1));
    assert_eq!(merge(&["(", ")"]).unwrap(), ["( )"]);
}

#[test]
fn no_pattern_and_no_selector_burns_time() {
    let stars = "*a".repeat(2000);
    let many: String = (0..2000).map(|number| format!(" (~x{number}{stars})")).collect::<String>();
    let user = user(&format!("on +get ~{stars}b{}", &many[..many.len().min(400_000)].rsplit_once(" (").unwrap().0));
    let key = vec![b'a'; 10_000];
    let used = KeyUse { index: 1, key: &key, access: Access::READ };
    let get = catalogue().for_rules(false).find(b"get").unwrap();
    let request = Request { command: get, is_free: false, first_arg: Some(&key), keys: &[used], channels: &[] };
    // The cost is bounded by the product of the lengths; a matcher that backtracks recursively would not finish.
    assert_eq!(user.check(&request), Err(Denial::Key(1)));
}

#[test]
fn the_log_groups_what_is_alike_and_forgets_the_oldest() {
    let entry = |object: &str, at| Entry {
        count: 1,
        reason: Reason::Key,
        context: Context::TopLevel,
        object: object.as_bytes().to_vec(),
        username: b"u".to_vec(),
        at,
        client: Vec::new(),
    };
    let mut log = AclLog::default();
    log.add(entry("a", 1_000), 3);
    log.add(entry("b", 1_000), 3);
    log.add(entry("a", 61_000), 3);
    let seen = |log: &AclLog| log.iter().map(|entry| (entry.object[0], entry.count)).collect::<Vec<_>>();
    assert_eq!(seen(&log), [(b'a', 2), (b'b', 1)]);
    log.add(entry("a", 121_001), 3);
    assert_eq!(seen(&log), [(b'a', 1), (b'a', 2), (b'b', 1)]);
    log.add(entry("c", 121_001), 3);
    assert_eq!(seen(&log), [(b'c', 1), (b'a', 1), (b'a', 2)]);
    log.clear();
    assert_eq!(log.iter().len(), 0);
}

#[test]
fn errors_of_a_file_name_the_line_and_no_secret() {
    let text = b"user a on >secret +nosuch\n\nuser a on\n# comment\nuser b ~x (~y\nuser c >secret nonsense >other\nuser \tc on\n";
    let errors = Users::from_file(text, "u.acl", &mut book(false)).unwrap_err();
    let errors = String::from_utf8(errors).unwrap();
    for part in [
        "u.acl:1: Error in applying operation '+nosuch': Unknown command or category name in ACL. ",
        "WARNING: Duplicate user 'a' found on line 3. ",
        "u.acl:4 should start with user keyword followed by the username. ",
        "u.acl:5: Unmatched parenthesis in selector definition.",
        "u.acl:6: Syntax error. ",
        "'u.acl:7: username '\tc' contains invalid characters. ",
        "WARNING: ACL errors detected, no change to the previously active ACL rules was performed",
    ] {
        assert!(errors.contains(part), "{part}: {errors}");
    }
    assert!(!errors.contains("secret") && !errors.contains("other"), "{errors}");
    let users = Users::from_file(b"user a on nopass\n", "u.acl", &mut book(false)).unwrap();
    assert!(users.default_user().is_unrestricted(), "a default user that no line tells of may everything");
}
