//! Arguments for commands: mostly the limits of what is allowed, and a little beyond.

use super::random::Random;

/// The kind of argument that a place in a command takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Key,
    /// A key that mostly holds a string.
    StringKey,
    /// A key that mostly holds a hash.
    HashKey,
    Value,
    Field,
    FieldValue,
    Integer,
    Count,
    Float,
    /// A place in a string.
    Offset,
    /// Seconds from now: far in the future, or in the past.
    Seconds,
    Millis,
    /// A time in seconds.
    At,
    /// A time in milliseconds.
    AtMillis,
    Database,
    Pattern,
    Payload,
    /// A cursor of SCAN.
    Cursor,
    /// One word of a list.
    Listed(&'static [&'static str]),
    /// A key that mostly holds the type of the command's family.
    KeyOf(&'static [&'static [u8]]),
    /// A member of a list, a set, a sorted set.
    Element,
}

/// Keys of types, by their names in the grammar's table.
const KEYS_OF: &[(&str, &[&[u8]])] = &[
    ("list", &[b"l1", b"l2"]),
    ("set", &[b"t1", b"t2", b"t3"]),
    ("zset", &[b"z1", b"z2", b"z3"]),
    ("lexicalset", LEXICAL_KEYS),
    ("stream", &[b"x1", b"x2"]),
    ("bits", &[b"s1", b"b1", b"b2"]),
    ("hll", &[b"p1", b"p2", b"p3"]),
    ("geo", &[b"g1", b"g2"]),
];

/// The words of kinds that are plain lists.
const LISTED: &[(&str, &[&str])] = &[
    ("small", &["1", "2", "3", "4", "-5", "100", "32767", "32768", "-32769", "2147483648", "-9223372036854775808"]),
    (
        "index",
        &[
            "0",
            "1",
            "2",
            "3",
            "5",
            "-1",
            "-2",
            "-3",
            "-100",
            "100",
            "x",
            "",
            "9223372036854775807",
            "-9223372036854775808",
        ],
    ),
    ("numkeys", &["1", "1", "1", "2", "2", "3", "0", "-1", "x", "100"]),
    // Never long and never for ever.
    ("timeout", &["0.001", "0.002", "0.01", "-1", "x", "", "1e-3", "nan"]),
    ("blockmillis", &["1", "2", "5", "-1", "x"]),
    (
        "score",
        &[
            "0",
            "1",
            "1",
            "2",
            "-1",
            "1.5",
            "0.1",
            "3.14159265358979",
            "1e17",
            "1e-7",
            "-0",
            "inf",
            "-inf",
            "+inf",
            "nan",
            "x",
            "1e308",
            "9007199254740993",
            "100000",
        ],
    ),
    (
        "bound",
        &[
            "0", "1", "(1", "2", "(2", "-inf", "+inf", "inf", "(inf", "(-inf", "1.5", "(1.5", "-1", "x", "", "(",
            "nan", "5",
        ],
    ),
    ("lexical", &["-", "+", "[a", "(a", "[ab", "(hello world", "[", "(", "x", "", "[1", "(9999", "[f3"]),
    (
        "newid",
        &[
            "1-1",
            "1-2",
            "1-3",
            "2-1",
            "2-*",
            "3-0",
            "3-*",
            "5",
            "5-5",
            "10-*",
            "0-0",
            "0-1",
            "100-1",
            "x",
            "1-x",
            "18446744073709551615-*",
            "18446744073709551615-18446744073709551615",
            "",
        ],
    ),
    (
        "id",
        &[
            "0",
            "1-1",
            "1-2",
            "2-1",
            "3-0",
            "5",
            "5-5",
            "0-0",
            "100-1",
            "x",
            "10-0",
            "18446744073709551615-18446744073709551615",
            "-1",
        ],
    ),
    (
        "rangeid",
        &[
            "-",
            "+",
            "0",
            "1-1",
            "(1-1",
            "2",
            "(2",
            "5-5",
            "(5-5",
            "10",
            "(-",
            "x",
            "(18446744073709551615-18446744073709551615",
            "$",
        ],
    ),
    ("group", &["ga", "ga", "gb", "gc"]),
    ("consumer", &["ca", "ca", "cb", ""]),
    (
        "bitoffset",
        &[
            "0",
            "1",
            "7",
            "8",
            "9",
            "15",
            "31",
            "63",
            "100",
            "#0",
            "#1",
            "#3",
            "-1",
            "x",
            "4294967296",
            "9223372036854775807",
            "",
        ],
    ),
    (
        "bittype",
        &[
            "u1", "u2", "u4", "u8", "u16", "u63", "u64", "i1", "i5", "i8", "i16", "i32", "i63", "i64", "i65", "u0",
            "x8", "i", "",
        ],
    ),
    ("longitude", &["0", "13.361389", "15.087269", "-122.27", "180", "-180", "180.1", "179.99", "2.3522", "x"]),
    (
        "latitude",
        &["0", "38.115556", "37.502669", "37.8", "85.05112878", "-85.05112878", "85.06", "48.8566", "-33.9", "x"],
    ),
    ("place", &["Palermo", "Catania", "a", "b", "c", "Oakland", "Paris", ""]),
    ("radius", &["0", "1", "100", "200", "5000", "10000", "30000", "0.5", "-1", "x"]),
    ("unit", &["m", "km", "KM", "ft", "mi", "x"]),
];

impl Kind {
    /// Finds a kind by its name in the grammar's table.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "key" => Kind::Key,
            "string" => Kind::StringKey,
            "hash" => Kind::HashKey,
            "value" => Kind::Value,
            "field" => Kind::Field,
            "content" => Kind::FieldValue,
            "integer" => Kind::Integer,
            "count" => Kind::Count,
            "float" => Kind::Float,
            "offset" => Kind::Offset,
            "seconds" => Kind::Seconds,
            "millis" => Kind::Millis,
            "at" => Kind::At,
            "atmillis" => Kind::AtMillis,
            "db" => Kind::Database,
            "pattern" => Kind::Pattern,
            "payload" => Kind::Payload,
            "cursor" => Kind::Cursor,
            "element" => Kind::Element,
            name => match (KEYS_OF.iter().find(|(of, _)| *of == name), LISTED.iter().find(|(of, _)| *of == name)) {
                (Some((_, keys)), _) => Kind::KeyOf(keys),
                (_, Some((_, words))) => Kind::Listed(words),
                _ => return None,
            },
        })
    }
}

/// All keys that a case may touch.
pub(super) const KEYS: &[&[u8]] = &[
    b"s1",
    b"s2",
    b"s3",
    b"h1",
    b"h2",
    b"h3",
    b"l1",
    b"l2",
    b"t1",
    b"t2",
    b"t3",
    b"z1",
    b"z2",
    b"z3",
    b"x1",
    b"x2",
    b"b1",
    b"b2",
    b"p1",
    b"p2",
    b"p3",
    b"g1",
    b"g2",
    b"",
    b"k\r\n\x00\xff",
];

/// Keys that only commands on members of one score touch.
pub(super) const LEXICAL_KEYS: &[&[u8]] = &[b"y1", b"y2"];

const STRING_KEYS: &[&[u8]] = &[b"s1", b"s2", b"s3"];
const HASH_KEYS: &[&[u8]] = &[b"h1", b"h2", b"h3"];

const VALUES: &[&[u8]] = &[
    b"",
    b"a",
    b"ab",
    b"hello world",
    b"0",
    b"1",
    b"-1",
    b"12",
    b"9999",
    b"10000",
    b"007",
    b"+1",
    b" 1",
    b"1 ",
    b"-0",
    b"1.5",
    b"1e3",
    b"3.0e+10",
    b"inf",
    b"-inf",
    b"nan",
    b"0x10",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"9223372036854775808",
    b"18446744073709551615",
    b"100000000000000000000",
    b"0.1000000000000000055511151231257827",
    b"17179869184.00000000001",
    b"\x00\xff\r\n",
    b"\xe4\xb8\x96",
    b"foo\"bar\\baz'",
];

const INTEGERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "2",
    "10",
    "-10",
    "100",
    "32767",
    "-32769",
    "2147483648",
    "9223372036854775806",
    "9223372036854775807",
    "-9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "-9223372036854775809",
    "abc",
    "",
    "1.0",
    " 1",
    "1 ",
    "01",
    "-0",
    "+1",
    "1e2",
];

const FLOATS: &[&str] = &[
    "0",
    "1",
    "-1",
    "0.1",
    "-0.1",
    "1.5",
    "3.14159265358979323846264338",
    "1e10",
    "1e17",
    "1e18",
    "1e-10",
    "1e-17",
    "1e-18",
    "123456789.123456789",
    "5e-324",
    "0x10",
    "0x1p3",
    "inf",
    "-inf",
    "+inf",
    "infinity",
    "nan",
    "",
    "abc",
    " 1",
    "1 ",
    "1e",
    ".5",
    "5.",
    "-",
    "+1.25",
    "-0",
    "1e308",
    "-1e308",
    "1e400",
    "1e4931",
    "1e5000",
];

/// The numbers of `FLOATS` that are printed with few digits.
const SHORT_FLOATS: usize = 32;

const OFFSETS: &[&str] = &[
    "0",
    "1",
    "2",
    "5",
    "-1",
    "-2",
    "-5",
    "-100",
    "63",
    "64",
    "100",
    "536870912",
    "4294967296",
    "9223372036854775807",
    "-9223372036854775808",
    "x",
    "",
];

// With times in the near future the outcome would depend on the clock.
const SECONDS: &[&str] = &[
    "10000",
    "100000",
    "1000000000",
    "0",
    "-1",
    "-10",
    "9223372036854775",
    "9223372036854776",
    "9223370000000000",
    "9223372036854775807",
    "-9223372036854775808",
    "-9223372036854776",
    "9223372036854775808",
    "abc",
    "",
    "10000.5",
];

const MILLIS: &[&str] = &[
    "10000000",
    "100000000",
    "1000000000000",
    "0",
    "-1",
    "9223372036854775807",
    "9223370000000000000",
    "-9223372036854775808",
    "9223372036854775808",
    "abc",
];

const TIMES: &[&str] = &[
    "1",
    "0",
    "-1",
    "1000000000",
    "9999999999",
    "99999999999",
    "9223372036854775",
    "9223372036854776",
    "9223372036854775807",
    "-9223372036854775808",
    "abc",
];

const TIMES_MILLIS: &[&str] = &[
    "1",
    "0",
    "-1",
    "1000000000000",
    "9999999999999",
    "99999999999999",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "abc",
];

const PATTERNS: &[&[u8]] = &[
    b"*", b"s*", b"h?", b"[sh]1", b"[^s]*", b"[a-z]1", b"s\\1", b"", b"?", b"**1", b"[", b"[s", b"\\", b"*\xff*",
    b"f*", b"s1",
];

const DATABASES: &[&str] = &["0", "1", "0", "1", "15", "16", "-1", "abc", "", "9223372036854775807"];

const COUNTS: &[&str] =
    &["0", "1", "2", "3", "10", "-1", "-2", "-3", "1000", "x", "9223372036854775807", "-9223372036854775808"];

const PAYLOADS: &[&[u8]] = &[
    // A hash table.
    b"\x04\x02\x02f2\xc0\x02\x02f1\xc3\x09@A\x01vv\xe04\x00\x01vv\x0a\x00\x9e7\xd3'\xbc\xb0\xd6+",
    b"\x00\xc0\x0c\x0a\x00<*\xf8Q\x5c\x04\xbc\xd5",
    b"\x00\xc3\x09(\x01xx\xe0\x1b\x00\x01xx\x0a\x00z\x1dl\xce\xa5@\x133",
    b"\x10\x15\x15\x00\x00\x00\x04\x00\x82f1\x03\x82v1\x03\x82f2\x03\x02\x01\xff\x0a\x00\x5c^\xa8\x13\xfe\xec\x1f\xf5",
    // One with a wrong bit, one that is too short, one of a later version.
    b"\x00\xc0\x0d\x0a\x00<*\xf8Q\x5c\x04\xbc\xd5",
    b"\x00\xc0",
    b"",
    b"\x00\xc0\x0c\x0b\x00<*\xf8Q\x5c\x04\xbc\xd5",
];

/// Makes up arguments from few values, so that commands meet the same keys and fields.
#[derive(Debug, Clone)]
pub(super) struct Words {
    pub(super) random: Random,
    /// Whether hashes stay small, so that their order is known.
    pub(super) small_hashes: bool,
}

impl Words {
    /// A word for a place.
    pub(super) fn word(&mut self, kind: Kind) -> Vec<u8> {
        let random = &mut self.random;
        let text = |random: &mut Random, texts: &[&str]| random.pick(texts).as_bytes().to_vec();
        match kind {
            Kind::Key => random.pick(KEYS).to_vec(),
            Kind::KeyOf(keys) if keys == LEXICAL_KEYS => random.pick(keys).to_vec(),
            Kind::StringKey | Kind::HashKey | Kind::KeyOf(_) if random.one_in(12) => random.pick(KEYS).to_vec(),
            Kind::KeyOf(keys) => random.pick(keys).to_vec(),
            Kind::Listed(words) => text(random, words),
            Kind::Element if random.one_in(2) => format!("f{}", random.below(9)).into_bytes(),
            Kind::Element => self.value(),
            Kind::StringKey => random.pick(STRING_KEYS).to_vec(),
            Kind::HashKey => random.pick(HASH_KEYS).to_vec(),
            Kind::Value => self.value(),
            Kind::Field => self.field(),
            Kind::FieldValue if self.small_hashes => random.pick(VALUES).to_vec(),
            Kind::FieldValue => self.value(),
            Kind::Integer => text(random, INTEGERS),
            Kind::Count => text(random, COUNTS),
            // The others are printed with more bytes than a value of a small hash may have.
            Kind::Float if self.small_hashes => text(random, &FLOATS[..SHORT_FLOATS]),
            Kind::Float => text(random, FLOATS),
            Kind::Offset => text(random, OFFSETS),
            Kind::Seconds => text(random, SECONDS),
            Kind::Millis => text(random, MILLIS),
            Kind::At => text(random, TIMES),
            Kind::AtMillis => text(random, TIMES_MILLIS),
            Kind::Database => text(random, DATABASES),
            Kind::Pattern => random.pick(PATTERNS).to_vec(),
            Kind::Payload if self.small_hashes => random.pick(&PAYLOADS[1..]).to_vec(),
            Kind::Payload => random.pick(PAYLOADS).to_vec(),
            // What cursors other than the first mean is up to the engine. One beyond 64 bits would leave `errno` set
            // upstream, and make the next SORT fail.
            Kind::Cursor => text(random, &["0", "0", "0", "0", "abc", "-0", ""]),
        }
    }

    /// A word that the place does not expect.
    pub(super) fn any(&mut self) -> Vec<u8> {
        let kinds = [Kind::Key, Kind::Value, Kind::Integer, Kind::Float, Kind::Pattern];
        let kind = *self.random.pick(&kinds);
        match kind {
            Kind::Value if self.small_hashes => self.word(Kind::FieldValue),
            kind => self.word(kind),
        }
    }

    fn field(&mut self) -> Vec<u8> {
        match self.random.below(12) {
            0 if !self.small_hashes => self.long(),
            1 => b"".to_vec(),
            2 => b"1".to_vec(),
            _ => format!("f{}", self.random.below(9)).into_bytes(),
        }
    }

    fn value(&mut self) -> Vec<u8> {
        if self.random.one_in(6) { self.long() } else { self.random.pick(VALUES).to_vec() }
    }

    /// Texts with lengths around those at which encodings change, compressible or not.
    fn long(&mut self) -> Vec<u8> {
        let length = *self.random.pick(&[20, 21, 43, 44, 45, 63, 64, 65, 127, 255, 256, 1023, 1025, 1100, 5000]);
        match self.random.below(3) {
            0 => vec![b'x'; length],
            1 => (0..length).map(|at| b"abcabd0"[at % 7]).collect(),
            _ => (0..length).map(|_| (self.random.next() >> 24) as u8).collect(),
        }
    }
}
