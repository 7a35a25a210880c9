//! Which words of a command line are keys, and what happens to them: for COMMAND GETKEYS, cluster routing, ACLs and tracking.

use crate::base::numbers::parse_i64;

use crate::server::doc::{Begin, CommandDoc, Find, Flags, KeyFlags, KeyRule, KeySpec};

/// A key's position among the words (the command's name is word 0) and what happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRef {
    /// Index of the key among the words.
    pub index: usize,
    /// What the command does to the key, as COMMAND GETKEYSANDFLAGS shows it.
    pub flags: KeyFlags,
}

/// The words do not add up to a valid command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Invalid arguments specified for command")]
pub struct InvalidArguments;

/// The keys of a command line. `words` includes the command's name and, for a subcommand, its parent's; `channels` also counts
/// the names of shard channels, which are routed as keys are.
///
/// # Errors
/// [`InvalidArguments`] if the keys cannot be determined; the command itself then fails, too.
pub fn keys_of<W: AsRef<[u8]>>(
    command: &CommandDoc,
    words: &[W],
    channels: bool,
) -> Result<Vec<KeyRef>, InvalidArguments> {
    let words = Words(words);
    let specs = || command.key_specs.iter().filter(|spec| channels || !spec.flags.intersects(KeyFlags::NOT_KEY));
    match command.key_rule {
        KeyRule::Specs => {}
        KeyRule::Set => return Ok(set_keys(&words)),
        KeyRule::Bitfield => return Ok(bitfield_keys(&words)),
        KeyRule::Sort => return Ok(sort_keys(&words)),
        KeyRule::SortRo => return Ok(single(KeyFlags::RO | KeyFlags::ACCESS)),
        KeyRule::Migrate => return migrate_keys(&words),
        KeyRule::GeoRadius => return Ok(georadius_keys(&words, 6)),
        KeyRule::GeoRadiusByMember => return Ok(georadius_keys(&words, 5)),
        KeyRule::Streams => return xread_keys(&words),
    }
    let mut keys = Vec::new();
    for spec in specs() {
        let before = keys.len();
        apply(spec, &words, &mut keys)?;
        // Only scripts may declare that they have no keys.
        let counted = matches!(spec.find, Find::KeyNum(..));
        if counted && keys.len() == before && !command.flags.intersects(Flags::NO_MANDATORY_KEYS) {
            return Err(InvalidArguments);
        }
    }
    Ok(keys)
}

struct Words<'a, W>(&'a [W]);

impl<W: AsRef<[u8]>> Words<'_, W> {
    fn len(&self) -> i64 {
        self.0.len() as i64
    }

    fn get(&self, index: i64) -> Option<&[u8]> {
        self.0.get(usize::try_from(index).ok()?).map(AsRef::as_ref)
    }

    fn is(&self, index: i64, word: &str) -> bool {
        self.get(index).is_some_and(|text| text.eq_ignore_ascii_case(word.as_bytes()))
    }

    /// Position of the first occurrence of `word` from `start` on; a negative start counts from the end and searches
    /// backwards.
    fn find(&self, word: &str, start: i32) -> Option<i64> {
        if start > 0 {
            (i64::from(start)..self.len()).find(|index| self.is(*index, word))
        } else {
            (1..=self.len() + i64::from(start)).rev().find(|index| self.is(*index, word))
        }
    }
}

fn apply<W: AsRef<[u8]>>(spec: &KeySpec, words: &Words<'_, W>, keys: &mut Vec<KeyRef>) -> Result<(), InvalidArguments> {
    let first = match spec.begin {
        Begin::Index(index) => i64::from(index),
        Begin::Keyword(word, start) => match words.find(word, start) {
            Some(index) => index + 1,
            None => return Ok(()),
        },
        Begin::Unknown => return Err(InvalidArguments),
    };
    let (first, last, step) = match spec.find {
        Find::Range(last, step, limit) => {
            let (last, limit) = (i64::from(last), i64::from(limit));
            let last = match last {
                0.. => first + last,
                _ if limit == 0 => words.len() + last,
                _ => first + (words.len() - first) / limit + last,
            };
            (first, last, i64::from(step))
        }
        Find::KeyNum(number, offset, step) => {
            let count = words.get(first + i64::from(number)).and_then(parse_i64).ok_or(InvalidArguments)?;
            if !(0..=words.len()).contains(&count) {
                return Err(InvalidArguments);
            }
            let first = first + i64::from(offset);
            (first, first + (count - 1) * i64::from(step), i64::from(step))
        }
        Find::Unknown => return Err(InvalidArguments),
    };
    if count_is_zero(spec, first, last) || is_none_of_any_number(spec, first, words.len()) {
        return Ok(());
    }
    if first < 1 || last < first || last >= words.len() || step < 1 {
        return Err(InvalidArguments);
    }
    keys.extend((first..=last).step_by(step as usize).map(|index| KeyRef { index: index as usize, flags: spec.flags }));
    Ok(())
}

/// Scripts may have no keys at all.
fn count_is_zero(spec: &KeySpec, first: i64, last: i64) -> bool {
    matches!(spec.find, Find::KeyNum(..)) && last < first
}

/// `PFMERGE destination` has no sources: the keys of the other specifications still count.
fn is_none_of_any_number(spec: &KeySpec, first: i64, len: i64) -> bool {
    matches!(spec.find, Find::Range(..0, _, 0)) && first == len
}

fn single(flags: KeyFlags) -> Vec<KeyRef> {
    vec![KeyRef { index: 1, flags }]
}

/// SET reads the old value only with GET.
fn set_keys<W: AsRef<[u8]>>(words: &Words<'_, W>) -> Vec<KeyRef> {
    let get = (3..words.len()).any(|index| words.is(index, "get"));
    single(if get { KeyFlags::RW | KeyFlags::ACCESS | KeyFlags::UPDATE } else { KeyFlags::OW | KeyFlags::UPDATE })
}

/// BITFIELD writes unless it only consists of GET and OVERFLOW; an incomplete command counts as a write.
fn bitfield_keys<W: AsRef<[u8]>>(words: &Words<'_, W>) -> Vec<KeyRef> {
    let mut index = 2;
    while index < words.len() {
        let takes = if words.is(index, "get") { 2 } else { 1 };
        let reads = takes == 2 || words.is(index, "overflow");
        if !reads || index + takes >= words.len() {
            return single(KeyFlags::RW | KeyFlags::ACCESS | KeyFlags::UPDATE);
        }
        index += takes + 1;
    }
    single(KeyFlags::RO | KeyFlags::ACCESS)
}

/// SORT's STORE may appear anywhere, and the last one counts.
fn sort_keys<W: AsRef<[u8]>>(words: &Words<'_, W>) -> Vec<KeyRef> {
    let mut keys = single(KeyFlags::RO | KeyFlags::ACCESS);
    let mut index = 2;
    while index < words.len() {
        if words.is(index, "limit") {
            index += 2;
        } else if words.is(index, "get") || words.is(index, "by") {
            index += 1;
        } else if words.is(index, "store") && index + 1 < words.len() {
            keys.truncate(1);
            keys.push(KeyRef { index: index as usize + 1, flags: KeyFlags::OW | KeyFlags::UPDATE });
        }
        index += 1;
    }
    keys
}

/// GEORADIUS and GEORADIUSBYMEMBER: of several STORE and STOREDIST the last one counts. The argument of COUNT is never taken
/// for one.
fn georadius_keys<W: AsRef<[u8]>>(words: &Words<'_, W>, options_at: i64) -> Vec<KeyRef> {
    let mut keys = single(KeyFlags::RO | KeyFlags::ACCESS);
    let mut index = options_at;
    while index < words.len() {
        let takes_one = index + 1 < words.len();
        if takes_one && words.is(index, "count") {
            index += 1;
        } else if takes_one && (words.is(index, "store") || words.is(index, "storedist")) {
            index += 1;
            keys.truncate(1);
            keys.push(KeyRef { index: index as usize, flags: KeyFlags::OW | KeyFlags::UPDATE });
        }
        index += 1;
    }
    keys
}

/// XREAD and XREADGROUP: the first half of the words after STREAMS, a word which may also be the name of a group or a
/// consumer. If the number of words is odd, the command itself fails.
fn xread_keys<W: AsRef<[u8]>>(words: &Words<'_, W>) -> Result<Vec<KeyRef>, InvalidArguments> {
    let mut index = 1;
    while index < words.len() && !words.is(index, "streams") {
        index += if words.is(index, "block") || words.is(index, "count") {
            2
        } else if words.is(index, "group") {
            3
        } else {
            1
        };
    }
    let (first, words_left) = (index + 1, words.len() - index - 1);
    if words_left < 2 {
        return Err(InvalidArguments);
    }
    let flags = KeyFlags::RO | KeyFlags::ACCESS;
    Ok((first..first + words_left / 2).map(|index| KeyRef { index: index as usize, flags }).collect())
}

/// MIGRATE has one key, or an empty word in its place and the keys after KEYS.
fn migrate_keys<W: AsRef<[u8]>>(words: &Words<'_, W>) -> Result<Vec<KeyRef>, InvalidArguments> {
    let flags = KeyFlags::RW | KeyFlags::ACCESS | KeyFlags::DELETE;
    let mut range = 3..4;
    let mut index = 6;
    while index < words.len() {
        if words.is(index, "keys") && index + 1 < words.len() {
            // With both a key in its place and KEYS, the command fails, so it has no keys.
            let in_front = words.get(3).is_some_and(|word| !word.is_empty());
            range = if in_front { 0..0 } else { index + 1..words.len() };
            break;
        }
        index += if words.is(index, "auth") {
            2
        } else if words.is(index, "auth2") {
            3
        } else {
            1
        };
    }
    if words.len() < 4 {
        return Err(InvalidArguments);
    }
    Ok(range.map(|index| KeyRef { index: index as usize, flags }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        commands::table::COMMANDS,
        upstream::{Reply, Upstream},
    };

    fn find(words: &[&str]) -> &'static CommandDoc {
        let name = words[0].to_ascii_lowercase();
        let command = COMMANDS.iter().find(|command| command.name == name).unwrap();
        let full = words.get(1).map(|sub| format!("{name}|{}", sub.to_ascii_lowercase())).unwrap_or_default();
        command.subcommands.iter().find(|sub| sub.name == full).unwrap_or(command)
    }

    #[test]
    fn keys_and_flags_are_those_that_the_real_server_finds() {
        let Some(mut redis) = Upstream::start(&[]) else { return };
        for line in [
            "GET a",
            "SET a b",
            "SET a b GET",
            "SET a b EX 5",
            "MSET a 1 b 2 c 3",
            "DEL a b c",
            "EVAL s 2 a b c",
            "EVAL s 0 a",
            "FCALL f 1 k",
            "SORT a BY x GET y STORE z",
            "SORT a STORE x STORE y LIMIT 0 store",
            "SORT_RO a BY x",
            "MIGRATE h 1 a 0 10",
            "MIGRATE h 1 - 0 10 COPY AUTH2 keys x KEYS a b",
            "XREAD COUNT 2 STREAMS a b 1 2",
            "XREADGROUP GROUP g c STREAMS a >",
            "ZUNIONSTORE d 2 a b WEIGHTS 1 2",
            "ZUNION 2 a b",
            "ZINTERCARD 1 a",
            "GEORADIUS k 1 2 3 m STORE x",
            "GEORADIUS k 1 2 3 m STOREDIST x",
            "BITFIELD k GET u8 0",
            "BITFIELD k GET u8 0 SET u8 0 1",
            "BITFIELD k OVERFLOW WRAP",
            "BITFIELD k OVERFLOW x GET u8 0",
            "BITFIELD k GET u8 0 OVERFLOW",
            "BITFIELD k GET u8",
            "XREAD STREAMS a b 1",
            "XREADGROUP GROUP g c COUNT 1 STREAMS a b c 1 2",
            "BITOP AND d a b",
            "BLPOP a b 0",
            "LMPOP 2 a b LEFT",
            "BLMPOP 0 2 a b LEFT",
            "BZMPOP 0 1 a MIN",
            "OBJECT ENCODING k",
            "MEMORY USAGE k",
            "XGROUP CREATE k g $",
            "SINTERCARD 2 a b LIMIT 1",
            "PFCOUNT a b",
            "PFMERGE d a",
            "COPY a b",
            "RENAME a b",
            "LCS a b",
            "XINFO STREAM k",
            "GEOSEARCHSTORE d s FROMMEMBER m BYRADIUS 1 m",
            "RESTORE k 0 v",
            "HSET h f v",
            "WATCH a b",
            "ZADD z 1 a",
        ] {
            let words: Vec<&str> = line.split(' ').map(|word| if word == "-" { "" } else { word }).collect();
            let mut call = vec!["COMMAND", "GETKEYSANDFLAGS"];
            call.extend(&words);
            let Reply::Array(theirs) = redis.call(&call) else { panic!("{line}") };
            let theirs: Vec<(Vec<u8>, Vec<String>)> = theirs
                .into_iter()
                .map(|pair| {
                    let mut pair = pair.array();
                    let flags = pair.pop().unwrap().array();
                    let name = |flag| match flag {
                        Reply::Status(text) => text,
                        other => panic!("{other:?}"),
                    };
                    (pair.remove(0).bytes(), flags.into_iter().map(name).collect())
                })
                .collect();
            let keys = keys_of(find(&words), &words, false).unwrap();
            let ours: Vec<(Vec<u8>, Vec<String>)> =
                keys.into_iter().map(|it| (words[it.index].as_bytes().to_vec(), it.flags.names().collect())).collect();
            assert_eq!(ours, theirs, "{line}");
        }
    }

    /// In these cases the real server checks other keys than those its handlers use (redis#15478), or none.
    #[test]
    fn keys_are_those_that_the_handler_takes() {
        for (line, expected) in [
            ("PFMERGE d", &[1][..]),
            ("GEORADIUS k 1 2 3 m STORE x STORE y", &[1, 9]),
            ("GEORADIUS k 1 2 3 m STOREDIST x COUNT 1 STORE y", &[1, 11]),
            ("GEORADIUS k 1 2 3 m COUNT STORE", &[1]),
            ("GEORADIUSBYMEMBER k STORE 3 m STORE y STOREDIST store", &[1, 8]),
            ("XREADGROUP COUNT 1 GROUP g streams STREAMS k >", &[7]),
            ("XREADGROUP GROUP streams streams NOACK STREAMS a b 1 2", &[6, 7]),
            ("XREAD STREAMS streams 0", &[2]),
            ("SORT k BY store GET store STORE x STORE y", &[1, 9]),
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            let keys = keys_of(find(&words), &words, false).unwrap();
            let found: Vec<usize> = keys.iter().map(|key| key.index).collect();
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn what_does_not_add_up_is_refused() {
        for line in [
            "ZUNION 3 a b",
            "EVAL s x a",
            "EVAL s -1",
            "LMPOP 99999999999999999999 a LEFT",
            "ZUNIONSTORE d 9223372036854775807 a",
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(keys_of(find(&words), &words, false), Err(InvalidArguments), "{line}");
        }
        let words = ["ssubscribe", "a", "b"];
        assert_eq!(keys_of(find(&words), &words, false), Ok(vec![]));
        assert_eq!(keys_of(find(&words), &words, true).unwrap().len(), 2);
    }
}
