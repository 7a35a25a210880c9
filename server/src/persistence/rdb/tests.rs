//! The codec, tested with files and payloads of the real server and with damaged ones.

use std::{fs, path::Path, process::Command};

use proptest::prelude::*;

use crate::{
    base::crc64::Crc64,
    store::types::{listpack::Entry as Packed, ziplist},
    upstream::{Reply, Upstream},
};

use super::{primitives::ValueType, *};

/// Fills a server with every value type in small and large forms.
fn fill(redis: &mut Upstream) {
    let long = "compressible ".repeat(40);
    let mut run = |line: &str| {
        let reply = redis.call(&line.split(' ').collect::<Vec<_>>());
        assert!(!matches!(reply, Reply::Error(_)), "{line}: {reply:?}");
    };
    for value in ["", "a", "12", "-129", "32768", "-2147483648", "2147483648", "9223372036854775807", "007"] {
        run(&format!("SET s:{value} {value}"));
    }
    run(&format!("SET s:long {}", long.replace(' ', "_")));
    run("SET expiring v PXAT 4102444800123");
    run("HSET h:small f v n 12 m -70000");
    run(&format!("HSET h:large f {}", "x".repeat(100)));
    run("SADD set:int 1 2 70000");
    run("SADD set:text a b c 4");
    run("ZADD z:small 1 a 2.5 b -inf c 1e300 d");
    run(&format!("ZADD z:large 1.25 {} 7 b inf c", "m".repeat(100)));
    for n in 0..3000 {
        run(&format!("RPUSH l:long element:{n} {n}"));
        run(&format!("HSET h:many f{n} {n}"));
        run(&format!("XADD x {n}-1 field {n} other v{n}"));
    }
    run("RPUSH l:short a 1 b");
    run(&format!("RPUSH l:plain a {} b", "p".repeat(20000)));
    run("XADD x 5000-* odd fields here too");
    run("XDEL x 3-1 100-1 2999-1");
    run("XGROUP CREATE x g 0");
    run("XGROUP CREATE x h $ ENTRIESREAD 7");
    run("XGROUP CREATECONSUMER x g idle");
    run("XREADGROUP GROUP g c1 COUNT 5 STREAMS x >");
    run("XREADGROUP GROUP g c2 COUNT 5 STREAMS x >");
    run("XADD empty 1-1 a b");
    run("XDEL empty 1-1");
    run("SELECT 5");
    run("SET other db");
    run("SELECT 0");
}

fn items(bytes: &[u8]) -> Vec<Item> {
    let mut file = FileReader::open(bytes, true, true).unwrap();
    let mut items = Vec::new();
    loop {
        let item = file.next_item().unwrap();
        let end = matches!(item, Item::End);
        items.push(item);
        if end {
            return items;
        }
    }
}

fn rewrite(items: &[Item]) -> Vec<u8> {
    let mut out = Vec::new();
    primitives::write_header(&mut out);
    for item in items {
        match item {
            Item::Aux { name, value } => primitives::write_aux(&mut out, std::str::from_utf8(name).unwrap(), value),
            Item::SelectDb(db) => primitives::write_select_db(&mut out, *db),
            Item::ResizeDb { keys, expires } => primitives::write_resize_db(&mut out, *keys, *expires),
            Item::Function(code) => primitives::write_function(&mut out, code, true),
            Item::EmptyKey(_) => {}
            Item::Entry(entry) => {
                if let Some(at) = entry.expires_at {
                    primitives::write_expiry(&mut out, at);
                }
                if let Some(idle) = entry.idle {
                    primitives::write_idle(&mut out, idle);
                }
                if let Some(freq) = entry.freq {
                    primitives::write_freq(&mut out, freq);
                }
                primitives::write_entry_head(&mut out, entry.value.value_type(), &entry.key, true);
                encode::value(&mut out, &entry.value, true);
            }
            Item::End => {
                let mut checksum = Crc64::new();
                checksum.update(&out);
                primitives::write_end(&mut out, Some(checksum));
            }
        }
    }
    out
}

#[test]
fn a_file_of_the_real_server_is_rewritten_byte_for_byte() {
    for policy in ["noeviction", "allkeys-lru", "allkeys-lfu"] {
        let Some(mut redis) = Upstream::start(&["--maxmemory-policy", policy]) else {
            return;
        };
        fill(&mut redis);
        redis.call(&["FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('f', function() return 1 end)"]);
        let bytes = fs::read(redis.save()).unwrap();
        let items = items(&bytes);
        assert!(rewrite(&items) == bytes, "the rewritten file differs under {policy}");
        assert!(items.iter().any(|item| matches!(item, Item::Function(code) if code.starts_with(b"#!lua"))));
        let expiring = items.iter().find_map(|item| match item {
            Item::Entry(entry) if entry.key == b"expiring" => entry.expires_at,
            _ => None,
        });
        assert_eq!(expiring, Some(4102444800123));
    }
}

#[test]
fn dump_payloads_decode_and_encode_to_the_same_bytes() {
    let Some(mut redis) = Upstream::start(&[]) else {
        return;
    };
    fill(&mut redis);
    for key in redis.call(&["KEYS", "*"]).array() {
        let key = key.bytes();
        let payload = redis.dump(&key);
        let body = dump::verify(&payload, false).unwrap();
        let value = dump::decode(body, true).unwrap();
        let mut again = vec![value.value_type().code()];
        encode::value(&mut again, &value, true);
        dump::finish(&mut again);
        assert!(again == payload, "{}", key.escape_ascii());
    }
}

#[test]
fn payload_footers_are_checked_as_the_real_server_checks_them() {
    let mut good = vec![0, 1, b'v'];
    dump::finish(&mut good);
    assert_eq!(dump::verify(&good, false).unwrap(), [0, 1, b'v']);
    let mut newer = vec![0, 1, b'v', 11, 0];
    let sum = crate::base::crc64::crc64(0, &newer);
    newer.extend_from_slice(&sum.to_le_bytes());
    let mut zero_sum = good.clone();
    zero_sum[5..].fill(0);
    let mut flipped = good.clone();
    flipped[2] ^= 1;
    let mut redis = Upstream::start(&[]);
    for (bad, text) in [(&newer, "version"), (&zero_sum, "zero"), (&flipped, "flipped"), (&good[..9].to_vec(), "short")]
    {
        assert!(matches!(dump::verify(bad, false), Err(DumpError::Footer)), "{text}");
        if let Some(redis) = &mut redis {
            let reply = redis.call(&[b"RESTORE", b"k".as_slice(), b"0", bad]);
            assert_eq!(reply, Reply::Error(format!("ERR {}", DumpError::Footer)), "{text}");
        }
    }
    assert!(dump::verify(&zero_sum, true).is_ok());
    assert_eq!(DumpError::Value(None).to_string(), "Bad data format");
}

use dump::DumpError;

fn old_string(out: &mut Vec<u8>, bytes: &[u8]) {
    primitives::write_string(out, bytes, false);
}

/// Values in the encodings that Redis 7.0 only reads, each with its type.
fn old_values() -> Vec<(&'static str, ValueType, Vec<u8>)> {
    let mut values = Vec::new();
    let pairs = [Packed::Str(b"field"), Packed::Str(b"value"), Packed::Str(b"n"), Packed::Int(12345)];
    let scores = [Packed::Str(b"a"), Packed::Int(1), Packed::Str(b"b"), Packed::Str(b"2.5")];
    let mut body = Vec::new();
    old_string(&mut body, &ziplist::encode(&pairs));
    values.push(("hash-ziplist", ValueType::HashZiplist, body));
    let mut body = Vec::new();
    old_string(&mut body, b"\x02\x05field\x05\x00value\x01n\x03\x02123XX\xff");
    values.push(("hash-zipmap", ValueType::HashZipmap, body));
    let mut body = Vec::new();
    old_string(&mut body, &ziplist::encode(&scores));
    values.push(("zset-ziplist", ValueType::ZsetZiplist, body));
    let mut body = Vec::new();
    old_string(&mut body, &ziplist::encode(&pairs));
    values.push(("list-ziplist", ValueType::ListZiplist, body));
    let mut body = vec![2];
    old_string(&mut body, &ziplist::encode(&pairs));
    old_string(&mut body, &ziplist::encode(&scores));
    values.push(("list-quicklist", ValueType::ListQuicklist, body));
    values.push(("list", ValueType::List, b"\x03\x01a\xc0\x07\x01b".to_vec()));
    values.push(("zset-text", ValueType::ZsetText, b"\x03\x01a\x031.5\x01b\xff\x01c\xfe".to_vec()));
    let mut body = vec![1];
    let mut node = crate::store::types::listpack::Listpack::new();
    for value in [2, 0, 1] {
        node.push_back_int(value);
    }
    node.push_back(b"f");
    for entry in [0, 2, 0, 0] {
        node.push_back_int(entry);
    }
    node.push_back(b"v1");
    for entry in [4, 2, 5, 0] {
        node.push_back_int(entry);
    }
    node.push_back(b"v2");
    node.push_back_int(4);
    let master = crate::store::types::stream_id::StreamId { ms: 1000, seq: 1 };
    old_string(&mut body, &master.to_bytes());
    old_string(&mut body, node.as_bytes());
    body.extend_from_slice(&[2, 0x43, 0xed, 1]);
    body.push(1);
    old_string(&mut body, b"group");
    body.extend_from_slice(&[0x43, 0xe8, 1, 1]);
    body.extend_from_slice(&master.to_bytes());
    body.extend_from_slice(&5i64.to_le_bytes());
    body.extend_from_slice(&[3, 1]);
    old_string(&mut body, b"consumer");
    body.extend_from_slice(&6i64.to_le_bytes());
    body.push(1);
    body.extend_from_slice(&master.to_bytes());
    values.push(("stream", ValueType::StreamListpacks, body));
    values
}

#[test]
fn old_encodings_convert_as_the_real_server_converts_them() {
    let mut redis = Upstream::start(&[]);
    for (name, value_type, body) in old_values() {
        let mut payload = vec![value_type.code()];
        payload.extend_from_slice(&body);
        let value = dump::decode(&payload, true).unwrap();
        dump::finish(&mut payload);
        let Some(redis) = &mut redis else { continue };
        let reply = redis.call(&[b"RESTORE", name.as_bytes(), b"0", &payload]);
        assert_eq!(reply, Reply::Status("OK".to_owned()), "{name}");
        let real = redis.dump(name.as_bytes());
        let converted = dump::decode(dump::verify(&real, false).unwrap(), true).unwrap();
        match (value, converted) {
            // These three are decoded to elements, which the store packs as its thresholds say.
            (RdbValue::List(items), RdbValue::ListNodes(nodes)) => {
                let ListNode::Packed(pack) = &nodes[0] else { panic!("a plain node") };
                assert_eq!(pack.iter().map(Packed::to_vec).collect::<Vec<_>>(), items);
            }
            (RdbValue::Zset(pairs), RdbValue::ZsetListpack(pack)) => {
                assert_eq!(pack.len(), pairs.len() * 2)
            }
            (RdbValue::Hash(pairs), RdbValue::HashListpack(pack)) => {
                let words: Vec<Vec<u8>> = pairs.into_iter().flat_map(|(field, value)| [field, value]).collect();
                assert_eq!(pack.iter().map(Packed::to_vec).collect::<Vec<_>>(), words);
            }
            (ours, theirs) => assert_eq!(ours, theirs, "{name}"),
        }
    }
}

fn old_file() -> Vec<u8> {
    let mut file = b"REDIS0006\xfe\x00".to_vec();
    for (name, value_type, body) in old_values() {
        if name == "hash-zipmap" {
            file.push(primitives::OP_EXPIRE_SECONDS);
            file.extend_from_slice(&2_000_000_000i32.to_le_bytes());
        }
        primitives::write_entry_head(&mut file, value_type, name.as_bytes(), false);
        file.extend_from_slice(&body);
    }
    let mut checksum = Crc64::new();
    checksum.update(&file);
    primitives::write_end(&mut file, Some(checksum));
    file
}

#[test]
fn the_fixture_of_old_encodings_is_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/rdb/old-encodings.rdb");
    if std::env::var_os("BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, old_file()).unwrap();
    }
    let fixture = fs::read(&path).unwrap();
    assert!(fixture == old_file(), "the fixture and its writer differ");
    let items = items(&fixture);
    let entries: Vec<_> = items.iter().filter(|item| matches!(item, Item::Entry(_))).collect();
    assert_eq!(entries.len(), old_values().len());
    let Item::Entry(zipmap) = entries[1] else { panic!("not an entry") };
    assert_eq!((zipmap.key.as_slice(), zipmap.expires_at), (b"hash-zipmap".as_slice(), Some(2_000_000_000_000)));
    if let Ok(output) = Command::new("redis-check-rdb").arg(&path).output() {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn checksum_and_truncation_are_noticed_with_their_texts() {
    let file = old_file();
    let mut flipped = file.clone();
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    let error = read_all(&flipped).unwrap_err();
    assert!(error.to_string().starts_with("RDB CRC error. Wrong RDB checksum expected: ("), "{error}");
    let mut unchecked = file.clone();
    unchecked[last - 7..].fill(0);
    assert!(read_all(&unchecked).is_ok());
    for cut in 0..file.len() {
        let error = read_all(&file[..cut]).unwrap_err();
        assert!(error.is_unexpected_end(), "cut at {cut}: {error}");
    }
    assert_eq!(read_all(b"REDIS0011").unwrap_err().to_string(), "Can't handle RDB format version 11");
    assert_eq!(read_all(b"REDIX0010").unwrap_err().to_string(), "Wrong signature trying to load DB from file");
}

fn read_all(bytes: &[u8]) -> Result<usize, RdbError> {
    let mut file = FileReader::open(bytes, true, true)?;
    let mut count = 0;
    loop {
        match file.next_item()? {
            Item::End => return Ok(count),
            _ => count += 1,
        }
    }
}

#[test]
fn an_empty_collection_is_skipped_and_reading_goes_on() {
    let mut file = b"REDIS0003".to_vec();
    file.extend_from_slice(b"\x02\x05empty\x00\x00\x01k\x01v\xff");
    let items = items(&file);
    assert!(matches!(&items[0], Item::EmptyKey(key) if key == b"empty"));
    assert!(matches!(&items[1], Item::Entry(_)));
}

#[test]
fn announced_sizes_reserve_nothing_that_does_not_come() {
    for bad in [
        &b"\x81\x7f\xff\xff\xff\xff\xff\xff\xffabc"[..],
        b"\x80\xff\xff\xff\xffabc",
        b"\xc3\x03\x81\x7f\xff\xff\xff\xff\xff\xff\xffabc",
    ] {
        assert!(Reader::over(bad).string().is_err());
    }
    let huge_set = b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\x01a";
    assert!(Reader::over(&huge_set[..]).value(ValueType::Set, true).is_err());
}

#[test]
fn what_was_read_ahead_is_given_back() {
    let mut bytes = old_file();
    let length = bytes.len();
    bytes.extend_from_slice(b"*1\r\n$4\r\nPING\r\n");
    let mut file = FileReader::open(bytes.as_slice(), true, false).unwrap();
    while !matches!(file.next_item().unwrap(), Item::End) {}
    assert_eq!(file.offset(), length as u64);
    let (rest, ahead) = file.into_reader().into_rest();
    assert_eq!([&ahead, rest].concat(), b"*1\r\n$4\r\nPING\r\n");
}

/// A source that hands out few bytes at a time.
struct Trickle<'a>(&'a [u8], usize);

impl std::io::Read for Trickle<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = self.1.min(out.len()).min(self.0.len());
        out[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

#[test]
fn the_size_of_reads_does_not_matter() {
    let big = vec![b'b'; 300_000];
    let mut file = Vec::new();
    primitives::write_header(&mut file);
    for key in [&b"a"[..], b"b"] {
        primitives::write_entry_head(&mut file, ValueType::String, key, false);
        primitives::write_string(&mut file, &big, false);
    }
    let mut checksum = Crc64::new();
    checksum.update(&file);
    primitives::write_end(&mut file, Some(checksum));
    for step in [1, 7, 4096, 1 << 20] {
        let mut reader = FileReader::open(Trickle(&file, step), true, false).unwrap();
        let mut entries = 0;
        loop {
            match reader.next_item().unwrap() {
                Item::Entry(entry) => {
                    assert_eq!(entry.value, RdbValue::String(RdbString::Bytes(big.clone())));
                    entries += 1;
                }
                Item::End => break,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((entries, reader.offset()), (2, file.len() as u64));
    }
}

proptest! {
    #[test]
    fn damaged_files_fail_without_panic(at: prop::sample::Index, value: u8, cut: prop::sample::Index) {
        let mut file = old_file();
        let at = at.index(file.len());
        file[at] = value;
        file.truncate(cut.index(file.len()) + 1);
        let _ = read_all(&file);
    }

    #[test]
    fn any_payload_is_decoded_without_panic(code in 0u8..20, mut body: Vec<u8>) {
        body.insert(0, code);
        let _ = dump::decode(&body, true);
    }

    #[test]
    fn strings_round_trip(text: Vec<u8>, repeat in 1usize..50, compress: bool) {
        let text = text.repeat(repeat);
        let mut out = Vec::new();
        primitives::write_string(&mut out, &text, compress);
        prop_assert_eq!(Reader::over(&out).text().unwrap(), text.clone());
        let mut appended = b"x".to_vec();
        Reader::over(&out).text_into(&mut appended).unwrap();
        prop_assert_eq!(&appended[1..], &text);
    }

    #[test]
    fn lengths_round_trip(length: u64, shift in 0u32..64) {
        let mut out = Vec::new();
        primitives::write_length(&mut out, length >> shift);
        prop_assert_eq!(Reader::over(&out).length().unwrap(), length >> shift);
    }
}
