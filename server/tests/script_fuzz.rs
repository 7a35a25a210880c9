//! Random scripts run on our server and on the real one. Their replies in RESP2 and RESP3 are the same to the byte, and so
//! is the resulting keyspace.
//!
//! The grammar leaves out what is random in the real server, too: addresses (tables and functions as text or as keys), the
//! order of big sets and hashes, random members, the time; and errors that are tables without a text, which end the real
//! server.
//!
//! `SCRIPT_FUZZ` says how many seeds of three scripts, `SCRIPT_FUZZ_FROM` which is the first, `SCRIPT_SEED` plays one alone.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[expect(dead_code, reason = "other tests need more of it")]
mod support;

use std::io::{Read, Write};
use std::net::TcpStream;

use server::base::random::Random;

/// How many differences of a run are shown at most.
const MOST_SHOWN: usize = 20;

/// Where a reply in RESP2 or RESP3 ends.
fn end_of(bytes: &[u8], at: usize) -> Option<usize> {
    let line = at + bytes.get(at..)?.windows(2).position(|pair| pair == b"\r\n")?;
    let number = || std::str::from_utf8(&bytes[at + 1..line]).unwrap().parse::<i64>().unwrap();
    let next = line + 2;
    let parts = match bytes[at] {
        b'$' | b'=' if number() < 0 => return Some(next),
        b'$' | b'=' => {
            let end = next + number() as usize + 2;
            return (end <= bytes.len()).then_some(end);
        }
        b'*' | b'~' | b'>' => number(),
        b'%' => number() * 2,
        b'|' => number() * 2 + 1,
        _ => 0,
    };
    (0..parts).try_fold(next, |at, _| end_of(bytes, at))
}

/// A connection whose replies are bytes.
struct Raw {
    stream: TcpStream,
    input: Vec<u8>,
    at: usize,
}

impl Raw {
    fn to(server: &support::Server) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        stream.set_read_timeout(Some(support::DEADLINE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, input: Vec::new(), at: 0 }
    }

    fn send(&mut self, requests: &[Vec<String>]) {
        let mut all = String::new();
        for words in requests {
            all += &format!("*{}\r\n", words.len());
            words.iter().for_each(|word| all += &format!("${}\r\n{word}\r\n", word.len()));
        }
        self.stream.write_all(all.as_bytes()).unwrap();
    }

    /// A reply, or what there was until the server closed the connection.
    fn reply(&mut self) -> String {
        loop {
            if let Some(end) = end_of(&self.input, self.at) {
                let shown = self.input[self.at..end].escape_ascii().to_string();
                self.at = end;
                if end == self.input.len() {
                    self.input.clear();
                    self.at = 0;
                }
                return shown;
            }
            let mut bytes = [0; 16_384];
            match self.stream.read(&mut bytes) {
                Ok(count) if count > 0 => self.input.extend_from_slice(&bytes[..count]),
                ended => return format!("closed: {ended:?}"),
            }
        }
    }
}

/// Makes Lua.
struct Maker {
    random: Random,
    depth: usize,
}

macro_rules! pick {
    ($self:ident, [$($one:expr),* $(,)?]) => {{
        let all = [$($one),*];
        let place = $self.random.below(all.len());
        all[place]
    }};
}

impl Maker {
    fn chance(&mut self, one_in: usize) -> bool {
        self.random.below(one_in) == 0
    }

    fn number(&mut self) -> String {
        const NUMBERS: [&str; 40] = [
            "0", "1", "-1", "2", "3", "5", "7", "10", "16", "31", "32", "33", "63", "64", "100", "127", "128", "255",
            "256", "-128", "-129", "65535", "65536", "3.7", "-3.7", "0.1", "1/3", "2.5", "1e15", "1e14+0.5", "2^31",
            "-2^31", "2^32", "2^53", "-2^53-1", "2^63", "1e300", "0/0", "1/0", "-1/0",
        ];
        if self.chance(8) { self.random.below(100_000).to_string() } else { pick_from(&mut self.random, &NUMBERS) }
    }

    fn small(&mut self) -> String {
        let number = self.random.below(9) as i64 - 2;
        number.to_string()
    }

    fn text(&mut self) -> String {
        const TEXTS: [&str; 36] = [
            "''",
            "'a'",
            "'b'",
            "'abc'",
            "'hello world'",
            "'10'",
            "'-3'",
            "'3.5'",
            "' 12 '",
            "'0x10'",
            "'1e3'",
            "'nan'",
            "'inf'",
            "'\\0'",
            "'a\\0b'",
            "'\\1\\2\\3\\4\\5\\6\\7\\8'",
            "'\\255\\254'",
            "'\\195\\169'",
            "'a\\r\\nb'",
            "'\"q\" \\\\ / \\t'",
            "'%'",
            "'%d'",
            "'.'",
            "'[a-c]+'",
            "'(a)(b?)'",
            "'%w+'",
            "'^h'",
            "'x$'",
            "'-ERR mine'",
            "'WRONG it'",
            "'k1'",
            "'k2'",
            "string.rep('xy', 40)",
            "[[\nlong]]",
            "'\\127\\128'",
            "'é'",
        ];
        match self.random.below(8) {
            0 => format!("'{}'", self.random.below(1000)),
            1 => format!("S({})", self.value()),
            _ => pick_from(&mut self.random, &TEXTS),
        }
    }

    fn json(&mut self) -> String {
        const TEXTS: [&str; 34] = [
            "[]",
            "{}",
            "[1,2,3]",
            "{\"a\":1}",
            "{\"a\":{\"b\":[null,true,false]}}",
            "[1.5,-2e3,1E+2,0.1e-3]",
            "null",
            "true",
            "\"x\"",
            "12",
            "-0",
            "[",
            "{",
            "]",
            "[1,]",
            "[,1]",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "[nan]",
            "[inf,-inf,NaN,Infinity]",
            "[0x10]",
            "[01]",
            "[+1]",
            "[1 2]",
            "nul",
            "\"\\\\u00e9\\\\u20ac\"",
            "\"\\\\ud83d\\\\ude00\"",
            "\"\\\\ud83d\"",
            "\"\\\\x\"",
            "\"a\\\\n\\\\t\\\\/\\\\b\"",
            "[[[[[1]]]]]",
            " { \"k\" : [ ] } ",
            "[1e400,12345678901234567890]",
        ];
        let text = pick_from(&mut self.random, &TEXTS);
        match self.random.below(6) {
            0 => self.text(),
            1 => format!("string.sub('{text}', 1, {})", self.small()),
            _ => format!("'{text}'"),
        }
    }

    fn table(&mut self) -> String {
        let list = |maker: &mut Self, most: usize| {
            let count = maker.random.below(most + 1);
            (0..count).map(|_| maker.value()).collect::<Vec<_>>().join(", ")
        };
        match self.random.below(16) {
            0..=4 => format!("{{{}}}", list(self, 4)),
            5 => format!("{{a = {}, b = {}}}", self.value(), self.value()),
            6 => format!("{{[{}] = {}, [{}] = {}}}", self.small(), self.value(), self.number_key(), self.value()),
            7 => format!("{{{}, x = {}}}", self.value(), self.value()),
            8 => format!("{{err = {}}}", self.value()),
            9 => format!("{{ok = {}}}", self.value()),
            10 => format!("{{double = {}}}", self.value()),
            11 => format!("{{map = {}}}", self.value()),
            12 => format!("{{set = {}}}", self.value()),
            13 => format!("{{big_number = {}}}", self.text()),
            14 => format!(
                "{{verbatim_string = {{format = {}, string = {}}}}}",
                pick!(self, ["'txt'", "'mkd'", "'toolong'", "'x'", "1"]),
                self.value()
            ),
            _ => format!(
                "{{err = {}, ignore_error_stats_update = {}}}",
                self.text(),
                pick!(self, ["true", "false", "nil"])
            ),
        }
    }

    fn number_key(&mut self) -> String {
        pick!(self, ["1", "2", "3", "7", "20", "-1", "0", "1.5", "'1'", "'k'", "true", "2^40"]).to_owned()
    }

    fn key(&mut self) -> String {
        pick!(self, ["KEYS[1]", "KEYS[2]", "'k1'", "'k2'", "'k3'", "'k4'", "'k5'", "'k6'", "'none'"]).to_owned()
    }

    fn command(&mut self) -> String {
        // K a key, V a value of any kind, T a text, N a number, S a small number.
        const LINES: [&str; 91] = [
            "GET K",
            "SET K T",
            "SET K N",
            "SET K V",
            "SET K T NX",
            "SET K T XX GET",
            "SET K T EX 100",
            "APPEND K T",
            "STRLEN K",
            "INCR K",
            "INCRBY K N",
            "INCRBYFLOAT K N",
            "DECR K",
            "GETRANGE K S S",
            "SETRANGE K S T",
            "GETDEL K",
            "GETSET K T",
            "MGET K K K",
            "MSET K T K T",
            "SETNX K T",
            "DEL K",
            "DEL K K",
            "EXISTS K K",
            "TYPE K",
            "EXPIRE K 100",
            "TTL K",
            "PERSIST K",
            "RENAME K K",
            "COPY K K",
            "LPUSH K T T",
            "RPUSH K T N",
            "LPOP K",
            "RPOP K S",
            "LLEN K",
            "LRANGE K S S",
            "LINDEX K S",
            "LSET K S T",
            "LREM K S T",
            "LTRIM K S S",
            "LINSERT K before T T",
            "LMOVE K K left right",
            "LPOS K T",
            "SADD K N N",
            "SREM K N",
            "SCARD K",
            "SISMEMBER K T",
            "SMISMEMBER K T N",
            "SMEMBERS s0",
            "SINTERCARD 2 K K",
            "HSET K T T",
            "HSET K T N T V",
            "HGET K T",
            "HMGET K T a f",
            "HGETALL h0",
            "HDEL K T",
            "HLEN K",
            "HINCRBY K a S",
            "HINCRBYFLOAT K a N",
            "HKEYS h0",
            "ZADD K N T",
            "ZADD K incr N T",
            "ZSCORE K T",
            "ZMSCORE K T a",
            "ZRANGE K S S",
            "ZRANGE K S S withscores",
            "ZRANGEBYSCORE K -inf +inf WITHSCORES",
            "ZINCRBY K N T",
            "ZRANK K T",
            "ZPOPMIN K",
            "ZPOPMIN K S",
            "ZCARD K",
            "ZREM K T",
            "XADD K 5-* f T",
            "XLEN K",
            "XRANGE K - +",
            "SETBIT K S 1",
            "GETBIT K S",
            "BITCOUNT K",
            "BITFIELD K incrby u8 0 N",
            "PFADD K T",
            "PFCOUNT K",
            "PING",
            "ECHO T",
            "OBJECT encoding K",
            "SELECT S",
            "NOSUCH T",
            "GET",
            "SET K",
            "MULTI",
            "SUBSCRIBE T",
            "BLPOP K 0",
        ];
        let line = pick_from(&mut self.random, &LINES);
        let mut words = Vec::new();
        for word in line.split(' ') {
            words.push(match word {
                "K" => self.key(),
                "V" => self.value(),
                "T" => {
                    if self.chance(12) {
                        self.value()
                    } else {
                        self.text()
                    }
                }
                "N" => self.number(),
                "S" => self.small(),
                other => format!("'{other}'"),
            });
        }
        if self.chance(40) {
            words.truncate(self.random.below(words.len()));
        }
        format!("redis.{}({})", pick!(self, ["call", "call", "pcall", "pcall", "pcall"]), words.join(", "))
    }

    fn api(&mut self) -> String {
        match self.random.below(14) {
            0 => format!("redis.sha1hex({})", self.value()),
            1 => format!("redis.error_reply({})", self.value()),
            2 => format!("redis.status_reply({})", self.value()),
            3 => format!("redis.error_reply({})", self.text()),
            4 => format!("redis.status_reply({})", self.text()),
            5 => format!("redis.setresp({})", pick!(self, ["2", "3", "3", "4", "'3'", "nil", "{}"])),
            6 => format!("redis.set_repl({})", pick!(self, ["redis.REPL_ALL", "redis.REPL_ALL", "9", "'x'"])),
            7 => "redis.replicate_commands()".to_owned(),
            8 => pick!(
                self,
                [
                    "redis.REDIS_VERSION",
                    "redis.REDIS_VERSION_NUM",
                    "redis.LOG_WARNING",
                    "redis.REPL_SLAVE",
                    "redis.nothing",
                    "redis.REPL_AOF"
                ]
            )
            .to_owned(),
            9 => format!("redis.log({}, {})", pick!(self, ["0", "9", "'x'", "nil"]), self.value()),
            10 => format!(
                "redis.acl_check_cmd({}, {})",
                pick!(self, ["'get'", "'set'", "'nosuch'", "'config'", "1"]),
                self.key()
            ),
            11 => {
                pick!(self, ["#KEYS", "#ARGV", "KEYS", "ARGV", "ARGV[1]", "ARGV[2]", "KEYS[3]", "ARGV[3]"]).to_owned()
            }
            12 => pick!(
                self,
                [
                    "nosuch",
                    "redis.breakpoint()",
                    "redis.register_function('f', S)",
                    "_VERSION",
                    "gcinfo",
                    "os.clock",
                    "os.time()",
                    "print"
                ]
            )
            .to_owned(),
            _ => format!("redis.pcall({})", self.value()),
        }
    }

    fn format_of_struct(&mut self) -> String {
        const PARTS: [&str; 36] = [
            "b", "B", "h", "H", "i", "I", "l", "L", "T", "f", "d", "s", "x", " ", "<", ">", "=", "!", "!4", "!8", "!3",
            "i1", "I2", "i4", "I8", "i3", "I16", "I33", "c0", "c1", "c3", "c20", "c", "z", "Bc0", "i99",
        ];
        (0..1 + self.random.below(4)).map(|_| pick_from(&mut self.random, &PARTS)).collect()
    }

    fn library(&mut self) -> String {
        match self.random.below(26) {
            0..=3 => format!("cjson.encode({})", self.value()),
            4 | 5 => format!("cjson.decode({})", self.json()),
            6 => format!("cjson.encode(cjson.decode({}))", self.json()),
            7 => {
                let setting = pick!(
                    self,
                    [
                        "encode_max_depth",
                        "decode_max_depth",
                        "encode_number_precision",
                        "encode_keep_buffer",
                        "encode_invalid_numbers",
                        "decode_invalid_numbers",
                    ]
                );
                let library = pick!(self, ["cjson", "cjson", "J"]);
                let value = match self.random.below(5) {
                    0 => self.value(),
                    1 => String::new(),
                    2 => pick!(self, ["'null'", "'on'", "'off'", "true", "false"]).to_owned(),
                    _ => pick!(self, ["1", "2", "3", "4", "14", "15", "0"]).to_owned(),
                };
                format!("{library}.{setting}({value})")
            }
            8 => format!(
                "cjson.encode_sparse_array({}, {}, {})",
                pick!(self, ["true", "false", "nil", "'on'"]),
                self.small(),
                self.small()
            ),
            9 => format!("J.{}({})", pick!(self, ["encode", "decode", "encode"]), self.value()),
            10 => pick!(
                self,
                [
                    "cjson.null",
                    "cjson._NAME",
                    "cjson._VERSION",
                    "cmsgpack._VERSION",
                    "cmsgpack._COPYRIGHT",
                    "cmsgpack._DESCRIPTION",
                    "cjson.nothing"
                ]
            )
            .to_owned(),
            11..=13 => format!("cmsgpack.pack({})", self.values(3)),
            14 => format!("cmsgpack.unpack(cmsgpack.pack({}))", self.values(3)),
            15 => format!("cmsgpack.unpack({})", self.packed()),
            16 => format!("cmsgpack.unpack_one({}, {})", self.packed(), self.small()),
            17 => format!("cmsgpack.unpack_limit({}, {}, {})", self.packed(), self.small(), self.small()),
            18 | 19 => format!("struct.pack('{}', {})", self.format_of_struct(), self.values(4)),
            20 => format!("struct.unpack('{}', {})", self.format_of_struct(), self.packed()),
            21 => format!("struct.unpack('{}', {}, {})", self.format_of_struct(), self.text(), self.small()),
            22 => format!("struct.size('{}')", self.format_of_struct()),
            23 => format!("bit.{}({})", pick!(self, ["tobit", "bnot", "bswap", "tohex"]), self.argument()),
            24 => format!(
                "bit.{}({}, {})",
                pick!(self, ["band", "bor", "bxor", "lshift", "rshift", "arshift", "rol", "ror", "tohex"]),
                self.argument(),
                self.argument()
            ),
            _ => format!(
                "bit.{}({}, {}, {})",
                pick!(self, ["band", "bor", "bxor"]),
                self.argument(),
                self.argument(),
                self.argument()
            ),
        }
    }

    /// Bytes that could be MessagePack or a struct.
    fn packed(&mut self) -> String {
        match self.random.below(4) {
            0 => self.text(),
            1 => format!("cmsgpack.pack({})", self.value()),
            _ => {
                let bytes: String = (0..self.random.below(12))
                    .map(|_| {
                        let byte = match self.random.below(3) {
                            0 => 0xc0 + self.random.below(0x40),
                            1 => self.random.below(10),
                            _ => self.random.below(256),
                        };
                        format!("\\{byte:03}")
                    })
                    .collect();
                format!("'{bytes}'")
            }
        }
    }

    fn argument(&mut self) -> String {
        match self.random.below(8) {
            0 => self.value(),
            1 => self.text(),
            _ => self.number(),
        }
    }

    fn values(&mut self, most: usize) -> String {
        (0..1 + self.random.below(most)).map(|_| self.value()).collect::<Vec<_>>().join(", ")
    }

    fn plain(&mut self) -> String {
        const FORMATS: [&str; 26] = [
            "%d", "%5d|", "%-5d|", "%05d", "%+d", "%i", "%u", "%x", "%X", "%#x", "%o", "%c", "%e", "%.3f", "%g",
            "%.14g", "%10.4s|", "%-10s|", "%q", "%%", "%s", "%5.1f %d", "%", "%y", "%123d", "%.20s",
        ];
        match self.random.below(34) {
            0 | 1 => format!("string.format('{}', {})", pick_from(&mut self.random, &FORMATS), self.argument()),
            2 => format!("string.rep({}, {})", self.text(), self.small()),
            3 => format!("string.sub({}, {}, {})", self.argument(), self.small(), self.small()),
            4 => format!("string.byte({}, {}, {})", self.text(), self.small(), self.small()),
            5 => format!("string.char({}, {})", self.number(), self.small()),
            6 => format!("string.find({}, {}, {})", self.text(), self.text(), self.small()),
            7 => format!("string.match({}, {})", self.text(), self.text()),
            8 => format!("string.gsub({}, {}, {})", self.text(), self.text(), self.argument()),
            9 => format!("string.{}({})", pick!(self, ["upper", "lower", "reverse", "len"]), self.argument()),
            10 => format!("({}):{}()", self.argument(), pick!(self, ["upper", "len", "nosuch"])),
            11 => format!("table.concat({}, {})", self.table(), self.argument()),
            12 => format!("table.concat({}, ',', {}, {})", self.table(), self.small(), self.small()),
            13 => format!("T(table.sort, {})", self.table()),
            // One value only: behind a position far off, the real server works for minutes.
            14 => format!("T(table.insert, {}, ({}))", self.table(), self.value()),
            15 => format!("T(table.insert, {}, {}, {})", self.table(), self.small(), self.value()),
            16 => format!("T(table.remove, {}, {})", self.table(), self.small()),
            17 => format!("table.{}({})", pick!(self, ["maxn", "getn"]), self.value()),
            18 => format!("unpack({}, {}, {})", self.table(), self.small(), self.small()),
            19 => format!("select({}, {})", pick!(self, ["'#'", "1", "2", "-1", "0", "5"]), self.values(3)),
            20 => format!(
                "math.{}({})",
                pick!(self, ["floor", "ceil", "abs", "sqrt", "exp", "log", "log10", "sin", "deg", "modf", "frexp"]),
                self.argument()
            ),
            21 => format!(
                "math.{}({}, {})",
                pick!(self, ["fmod", "mod", "pow", "max", "min", "ldexp", "atan2"]),
                self.argument(),
                self.small()
            ),
            22 => format!("math.random({})", pick!(self, ["", "10", "0", "5, 7", "7, 5", "2^40"])),
            23 => format!("tonumber({}, {})", self.text(), pick!(self, ["10", "16", "2", "36", "37", "nil"])),
            24 => format!("tonumber({})", self.value()),
            25 => format!("type({})", self.value()),
            26 => format!("#{}", self.table()),
            27 => {
                format!("({}) {} ({})", self.argument(), pick!(self, ["+", "-", "*", "/", "%", "^"]), self.argument())
            }
            28 => format!("({}) .. ({})", self.argument(), self.argument()),
            29 => format!("({}) {} ({})", self.value(), pick!(self, ["==", "~=", "and", "or"]), self.value()),
            30 => format!("({}) {} ({})", self.argument(), pick!(self, ["<", "<=", ">", ">="]), self.argument()),
            31 => format!("({})[{}]", self.value(), self.number_key()),
            32 => format!("{{pcall(function() return {} end)}}", self.value()),
            _ => pick!(
                self,
                [
                    "rawget(string, 'x')",
                    "rawset(string, 'x', 1)",
                    "setmetatable(string, {})",
                    "getmetatable('').x",
                    "rawequal(1, 1)",
                    "next({})",
                    "loadstring('return 1 +')",
                    "loadstring('return 1')()",
                    "{pcall(error, {err = 'E mine'})}",
                    "{pcall(error)}",
                    "{pcall(error, 'text', 0)}",
                    "{pcall(nil)}",
                    "math.pi",
                    "math.huge",
                    "xpcall(function() error('a') end, function(e) return e .. '!' end)",
                    "{xpcall(function() error('b') end, S)}",
                    "assert(false, 'no')",
                    "assert(nil)",
                    "-{}",
                    "nil .. 'a'",
                    "cjson.x.y",
                    "redis.x()",
                    "a.b.c",
                    "coroutine.wrap(function() coroutine.yield(5) end)()",
                    "{coroutine.resume(coroutine.create(function() error('in') end))}",
                    "setmetatable({}, {__index = 5}).x",
                    "setmetatable({}, {__tostring = function() return 'mine' end})",
                    "collectgarbage('count') > 0",
                ]
            )
            .to_owned(),
        }
    }

    /// An expression of any kind.
    fn value(&mut self) -> String {
        self.depth += 1;
        let made = if self.depth > 4 || self.random.below(6) < self.depth {
            match self.random.below(8) {
                0 | 1 => self.number(),
                2 | 3 if self.depth < 8 => self.text(),
                4 => pick!(self, ["nil", "true", "false", "cjson.null"]).to_owned(),
                5 | 6 => pick!(self, ["a", "b", "c"]).to_owned(),
                _ => "'v'".to_owned(),
            }
        } else {
            match self.random.below(10) {
                0 | 1 => self.table(),
                2..=4 => self.command(),
                5 => self.api(),
                6 | 7 => self.library(),
                _ => self.plain(),
            }
        };
        // An error that ends the script hides what comes after it.
        let made = if made.len() > 12 && self.chance(3) { format!("P(function() return {made} end)") } else { made };
        self.depth -= 1;
        made
    }

    fn statement(&mut self) -> String {
        let name = pick!(self, ["a", "b", "c"]);
        match self.random.below(15) {
            0..=4 => format!("{name} = {}", self.value()),
            5 => format!("a, b, c = {}", self.value()),
            6 | 7 => format!("local _ = {}", self.command()),
            8 => format!("if {} then {name} = {} else {name} = {} end", self.value(), self.value(), self.value()),
            9 => format!("for i = 1, {} do {name} = {} end", self.small(), self.value()),
            10 => format!("for k, v in {}({}) do c = k {name} = v end", pick!(self, ["pairs", "ipairs"]), self.value()),
            11 => format!("{name} = {{pcall(function() {} return {} end)}}", self.statement_within(), self.value()),
            12 => format!("{name} = {{{name}, {}}}", self.value()),
            13 if self.chance(4) => format!("error(E({}))", self.value()),
            13 => format!("for w in string.gmatch({}, {}) do {name} = w end", self.text(), self.text()),
            _ => pick!(
                self,
                [
                    "x = 1",
                    "redis.setresp(3)",
                    "redis.setresp(2)",
                    "KEYS[1] = 'k5'",
                    "string.x = 1",
                    "local = 1",
                    "end",
                    "rawset(_G, 'x', 2)",
                    "ARGV = {}",
                    "local t = {} t[nil] = 1",
                    "goto x",
                    "break",
                    "a.b = 1",
                    "for i = 'x', 2 do end",
                ]
            )
            .to_owned(),
        }
    }

    fn statement_within(&mut self) -> String {
        self.depth += 1;
        let made = if self.depth > 2 { format!("a = {}", self.value()) } else { self.statement() };
        self.depth -= 1;
        made
    }

    fn script(&mut self) -> String {
        let mut lines = vec![
            "local a, b, c = 1, 'two', {3, x = 'y'} local J = cjson.new()".to_owned(),
            "local function S(v) local t = type(v) if t == 'number' or t == 'string' or t == 'boolean' then return tostring(v) end return t end".to_owned(),
            "local function E(v) if type(v) == 'table' and type(v.err) == 'string' then return v end return S(v) end".to_owned(),
            "local function P(f) local t = {pcall(f)} return t[2], t[3], t[4], t[5] end".to_owned(),
            "local function T(f, t, ...) return {t, f(t, ...)} end".to_owned(),
        ];
        if self.chance(3) {
            lines.push("redis.setresp(3)".to_owned());
        }
        if self.chance(12) {
            let flags = pick!(
                self,
                [
                    "",
                    " flags=no-writes",
                    " flags=allow-oom,allow-stale",
                    " flags=nosuch",
                    " name=x",
                    " flags=no-cluster"
                ]
            );
            lines.insert(0, format!("#!lua{flags}"));
        }
        for _ in 0..self.random.below(6) {
            let line = self.statement();
            lines.push(if self.chance(2) { format!("P(function() {line} end)") } else { line });
        }
        lines.push(match self.random.below(4) {
            0 => format!("return {}", self.value()),
            1 => format!("return {{{}, a}}", self.value()),
            2 => "return {S(a), S(b), S(c)}".to_owned(),
            _ => "return {a, b, c}".to_owned(),
        });
        lines.join("\n")
    }
}

impl Maker {
    /// A library whose function does what a script does. Some of it runs when the library is loaded.
    fn functions(&mut self, script: &str) -> String {
        let body = script.strip_prefix("#!lua").and_then(|rest| Some(rest.split_once('\n')?.1)).unwrap_or(script);
        let head = pick!(
            self,
            [
                "#!lua name=l",
                "#!lua name=l",
                "#!lua name=l",
                "#!lua name=l_2",
                "#!lua",
                "#!lua name=a-b",
                "#!js name=l"
            ]
        );
        let flags =
            pick!(self, ["", "", "", "'no-writes'", "'allow-oom', 'allow-stale'", "'no-cluster'", "'nosuch'", "1"]);
        let at_load = if self.chance(4) {
            format!("local _ = pcall(function() {} end)\n", self.statement())
        } else {
            String::new()
        };
        if flags.is_empty() && self.chance(2) {
            return format!("{head}\n{at_load}redis.register_function('f', function(KEYS, ARGV) {body}\nend)");
        }
        let name = pick!(self, ["f", "f", "f", "f", "f", "a-b", ""]);
        format!(
            "{head}\n{at_load}redis.register_function{{function_name = '{name}', flags = {{{flags}}}, \
             callback = function(KEYS, ARGV) {body}\nend}}"
        )
    }
}

fn pick_from(random: &mut Random, all: &[&str]) -> String {
    all[random.below(all.len())].to_owned()
}

const FILL: &str = "redis.call('set', 'k1', '10') redis.call('rpush', 'k2', 'a', 'b', '3') \
    redis.call('hset', 'k3', 'a', '1', 'f', 'abc') redis.call('sadd', 'k4', '1', '2', '3') \
    redis.call('zadd', 'k5', 1, 'a', 2.5, 'b') redis.call('xadd', 'k6', '1-1', 'f', 'v') \
    redis.call('hset', 'h0', 'a', '1', 'f', 'abc') redis.call('sadd', 's0', '3', '1', '2')";

fn requests(seed: u64) -> (Vec<Vec<String>>, Vec<String>) {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let mut maker = Maker { random: Random::from_seed(seed), depth: 0 };
    let mut all =
        vec![words(&["HELLO", "2"]), words(&["SCRIPT", "FLUSH"]), words(&["FLUSHALL"]), words(&["EVAL", FILL, "0"])];
    all.push(words(&["FUNCTION", "FLUSH"]));
    if maker.chance(2) {
        all.push(words(&["HELLO", "3"]));
    }
    let transaction = maker.chance(6);
    if transaction {
        all.push(words(&["MULTI"]));
    }
    let mut scripts = Vec::new();
    for _ in 0..3 {
        let mut script = maker.script();
        let (mut command, mut name) = (pick!(maker, ["EVAL", "EVAL", "EVAL", "EVAL_RO"]), script.clone());
        if maker.chance(4) {
            script = maker.functions(&script);
            all.push(words(&["FUNCTION", "LOAD", "REPLACE", &script]));
            (command, name) = (pick!(maker, ["FCALL", "FCALL", "FCALL_RO"]), "f".to_owned());
        }
        all.push(words(&[command, &name, "2", "k1", "k3", "arg", "42"]));
        scripts.push(script);
    }
    if transaction {
        all.push(words(&["EXEC"]));
    }
    all.push(words(&["FUNCTION", "LIST", "WITHCODE"]));
    all.push(words(&["DEBUG", "DIGEST"]));
    (all, scripts)
}

/// What the append-only file has got since it was last looked at, without the times in it.
fn fresh(file: &mut std::fs::File) -> String {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    let text = bytes.escape_ascii().to_string();
    let is_time = |word: &str| word.len() == 13 && word.bytes().all(|byte| byte.is_ascii_digit());
    text.split("\\r\\n").map(|word| if is_time(word) { "(time)" } else { word }).collect::<Vec<_>>().join(" ")
}

#[test]
fn scripts_reply_and_change_data_as_in_the_real_server() {
    if !support::installed(support::REAL) {
        return;
    }
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let from = number("SCRIPT_FUZZ_FROM").unwrap_or(0);
    let seeds = match number("SCRIPT_SEED") {
        Some(seed) => seed..seed + 1,
        None => from..from + number("SCRIPT_FUZZ").unwrap_or(1_000),
    };
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    // A rewrite would go on in another file.
    let options = ["--appendfsync", "no", "--auto-aof-rewrite-percentage", "0"];
    let servers = [(support::REAL, &folders[0]), (support::OURS, &folders[1])]
        .map(|(program, folder)| support::Server::start(program, folder.path(), &options));
    let mut logs = folders
        .each_ref()
        .map(|folder| std::fs::File::open(folder.path().join("appendonlydir/appendonly.aof.1.incr.aof")).unwrap());
    let mut wires = servers.each_ref().map(Raw::to);
    let (mut run, mut answered, mut propagated) = (0, 0, 0);
    let mut differing = Vec::new();
    for seed in seeds {
        let (all, scripts) = requests(seed);
        wires.iter_mut().for_each(|wire| wire.send(&all));
        let mut fault = None;
        for words in &all {
            let [theirs, ours] = wires.each_mut().map(Raw::reply);
            for (reply, name) in [(&theirs, "the real server"), (&ours, "ours")] {
                assert!(!reply.starts_with("closed"), "seed {seed}: {name}: {reply}\n{}", scripts.join("\n---\n"));
            }
            let is_random = (words[0].starts_with("EVAL") && words[1] != FILL) || words[0].starts_with("FCALL");
            run += usize::from(is_random);
            answered += usize::from(is_random && !ours.starts_with('-'));
            if ours != theirs && words[0] != "HELLO" && fault.is_none() {
                let words = words.join(" ");
                fault = Some(format!(
                    "seed {seed}: {words}\n{}\nours   {ours}\ntheirs {theirs}\n",
                    scripts.join("\n---\n")
                ));
            }
        }
        let logged = logs.each_mut().map(fresh);
        propagated += logged[0].matches("EXEC").count();
        if fault.is_none() && logged[0] != logged[1] {
            let [theirs, ours] = &logged;
            fault =
                Some(format!("seed {seed}: the log of {}\nours   {ours}\ntheirs {theirs}\n", scripts.join("\n---\n")));
        }
        if let Some(fault) = fault {
            println!("{fault}");
            differing.push(seed);
            if differing.len() >= MOST_SHOWN {
                break;
            }
        }
    }
    println!("{run} scripts ran, {answered} of them without an error; {propagated} transactions were propagated");
    assert!(differing.is_empty(), "these differ, play one with SCRIPT_SEED: {differing:?}");
}
