//! Users with random rights, in whose name a part of a case is played.

use super::case::Request;
use super::random::Random;
use super::words::{KEYS, LEXICAL_KEYS};

/// The user's name.
const NAME: &str = "somebody";
/// Any will do: the user has `nopass`.
const PASSWORD: &str = "x";

/// Commands of the table and some that are not played, subcommands, and categories.
const COMMANDS: &str = "get set mget getex append incr del expire ttl copy rename object object|encoding config|set hset hget \
    lpush lmove blpop sadd sinterstore sort zadd zrangestore zunionstore xadd xread xreadgroup xinfo|stream bitop pfmerge \
    geosearchstore georadius multi exec select swapdb watch ping eval nosuch get|nosuch select|1";
const CATEGORIES: &str = "all read write keyspace string hash list set sortedset stream bitmap hyperloglog geo fast slow dangerous \
    admin blocking connection transaction nosuch";

fn one_of<'a>(names: &'a str, random: &mut Random) -> &'a str {
    let names: Vec<&str> = names.split_whitespace().collect();
    random.pick::<&str>(&names)
}

/// What makes the connection that of another user from here on: the rights, and the login.
pub(super) fn become_somebody(random: &mut Random, protocol: u8) -> [Request; 3] {
    let mut rules = vec!["ACL".to_owned(), "SETUSER".into(), NAME.into(), "reset".into(), "on".into(), "nopass".into()];
    // A user who may do almost nothing would see nothing but refusals.
    if random.one_in(2) {
        rules.extend(["+@all".to_owned(), "~*".into()]);
    }
    for _ in 0..random.below(6) {
        rules.push(rule(random));
    }
    for _ in 0..random.below(3) {
        let selector: Vec<String> = (0..1 + random.below(4)).map(|_| rule(random)).collect();
        rules.push(format!("({})", selector.join(" ")));
    }
    let login = ["HELLO", &protocol.to_string(), "AUTH", NAME, PASSWORD];
    [Request::new(&["RESET"]), Request::new(&rules), Request::new(&login)]
}

fn rule(random: &mut Random) -> String {
    let sign = if random.one_in(3) { '-' } else { '+' };
    match random.below(12) {
        0..4 => format!("{sign}{}", one_of(COMMANDS, random)),
        4..7 => format!("{sign}@{}", one_of(CATEGORIES, random)),
        7..11 => {
            let access = random.pick(&["~", "%R~", "%W~", "%RW~", "%r~", "%X~"]);
            format!("{access}{}", pattern(random))
        }
        _ => {
            (*random.pick(&["allkeys", "resetkeys", "allcommands", "nocommands", "resetchannels", "&*", "junk"])).into()
        }
    }
}

/// A key, the keys of a type, or all of them.
fn pattern(random: &mut Random) -> String {
    let keys = if random.one_in(8) { LEXICAL_KEYS } else { KEYS };
    let key = String::from_utf8_lossy(random.pick::<&[u8]>(keys)).into_owned();
    match random.below(4) {
        0 => key,
        1 => "*".into(),
        2 => format!("[{}-z]*", key.chars().next().unwrap_or('a')),
        _ => format!("{}*", key.chars().next().unwrap_or('a')),
    }
}

/// What comes behind a case that was played by others: the refusals that were logged, and the default user again.
pub(super) fn become_nobody() -> [Request; 2] {
    [Request::new(&["RESET"]), Request::new(&["ACL", "LOG", "100"])]
}
