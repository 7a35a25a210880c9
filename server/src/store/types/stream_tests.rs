//! Streams compared with a list of entries, and their nodes with DUMP payloads of the real server.

use super::*;
use crate::{base::random::Random, persistence::rdb, upstream::Upstream};

type Model = Vec<(StreamId, Vec<(Vec<u8>, Vec<u8>)>)>;

fn dumped(stream: &Stream) -> Vec<u8> {
    let mut out = vec![rdb::primitives::ValueType::StreamListpacks2.code()];
    rdb::stream::write_stream(&mut out, stream, true);
    rdb::dump::finish(&mut out);
    out
}

fn contents(stream: &Stream, reverse: bool) -> Model {
    let mut found = Vec::new();
    stream.visit(StreamId::MIN, StreamId::MAX, reverse, |entry| {
        let fields = entry.fields().map(|(field, value)| (field.to_vec(), value.to_vec())).collect::<Vec<_>>();
        assert_eq!(fields.len(), entry.len());
        found.push((entry.id, fields));
        true
    });
    found
}

fn random_fields(random: &mut Random) -> Vec<(Vec<u8>, Vec<u8>)> {
    let names: &[&str] = [&["a", "b"][..], &["a", "b"], &["temperature", "12"], &["x"]][random.below(4)];
    let value = |random: &mut Random| match random.below(3) {
        0 => random.below(100_000).to_string().into_bytes(),
        1 => vec![b'v'; random.below(100)],
        _ => format!("value {}", random.below(5)).into_bytes(),
    };
    names.iter().map(|name| (name.as_bytes().to_vec(), value(random))).collect()
}

#[test]
fn streams_dump_as_the_real_servers_after_the_same_commands() {
    for (bytes, entries) in [("4096", "100"), ("0", "10"), ("300", "0"), ("200", "7")] {
        let arguments = ["--stream-node-max-bytes", bytes, "--stream-node-max-entries", entries];
        let mut redis = Upstream::start(&arguments);
        let limits = StreamLimits { bytes: bytes.parse().unwrap(), entries: entries.parse().unwrap() };
        for seed in 0..4 {
            let mut call = |words: &[Vec<u8>]| redis.as_mut().map(|redis| redis.call(words));
            call(&[b"DEL".to_vec(), b"k".to_vec()]);
            let (mut stream, mut model, mut random) = (Stream::default(), Model::new(), Random::from_seed(seed));
            let mut id = StreamId { ms: 1_700_000_000_000, seq: 0 };
            for _ in 0..400 {
                let pick = model.get(random.below(model.len().max(1))).map_or(id, |(id, _)| *id);
                let text = |text: String| text.into_bytes();
                let words = match random.below(20) {
                    0..=15 => {
                        id = if random.below(3) == 0 {
                            id.next().unwrap()
                        } else {
                            StreamId { ms: id.ms + random.below(5000) as u64 + 1, seq: 3 }
                        };
                        let fields = random_fields(&mut random);
                        let pairs: Vec<(&[u8], &[u8])> =
                            fields.iter().map(|(field, value)| (field.as_slice(), value.as_slice())).collect();
                        stream.append(id, pairs.iter().copied(), limits).unwrap();
                        assert_eq!(stream.append(id, pairs.iter().copied(), limits), Err(IdTooSmall));
                        let mut words = vec![b"XADD".to_vec(), b"k".to_vec(), text(id.to_string())];
                        words.extend(fields.iter().flat_map(|(field, value)| [field.clone(), value.clone()]));
                        model.push((id, fields));
                        words
                    }
                    16 | 17 => {
                        assert_eq!(stream.delete(pick), !model.is_empty());
                        model.retain(|(id, _)| *id != pick);
                        vec![b"XDEL".to_vec(), b"k".to_vec(), text(pick.to_string())]
                    }
                    18 => {
                        let keep = model.len().saturating_sub(random.below(12));
                        let removed = model.len() - keep;
                        assert_eq!(stream.trim(Trim::MaxLength(keep as u64), false, 0), removed as u64);
                        model.drain(..removed);
                        vec![b"XTRIM".to_vec(), b"k".to_vec(), b"MAXLEN".to_vec(), text(keep.to_string())]
                    }
                    _ => {
                        let approximate = random.below(2) == 1;
                        stream.trim(Trim::MinId(pick), approximate, 0);
                        if approximate {
                            let kept = contents(&stream, false);
                            model.retain(|(id, _)| kept.iter().any(|(other, _)| other == id));
                        } else {
                            model.retain(|(id, _)| *id >= pick);
                        }
                        let how = if approximate { b"~".to_vec() } else { b"=".to_vec() };
                        vec![b"XTRIM".to_vec(), b"k".to_vec(), b"MINID".to_vec(), how, text(pick.to_string())]
                    }
                };
                call(&words);
                assert_eq!(stream.len(), model.len());
                assert_eq!(stream.edge(false), model.first().map(|(id, _)| *id));
            }
            assert_eq!(contents(&stream, false), model);
            model.reverse();
            assert_eq!(contents(&stream, true), model);
            if let Some(redis) = &mut redis {
                assert!(dumped(&stream) == redis.dump(b"k"), "bytes {bytes} entries {entries} seed {seed}");
            }
        }
    }
}

#[test]
fn a_node_whose_last_entries_are_trimmed_in_front_of_deleted_ones_stays_empty() {
    let mut stream = Stream::default();
    let id = |ms| StreamId { ms, seq: 0 };
    for ms in 1..=3 {
        let pairs = [(&b"f"[..], &b"v"[..])].into_iter();
        stream.append(id(ms), pairs, StreamLimits { bytes: 4096, entries: 100 }).unwrap();
    }
    assert!(stream.delete(id(3)));
    assert_eq!(stream.trim(Trim::MinId(id(3)), false, 0), 2);
    assert!(stream.is_empty() && stream.edge(false).is_none() && contents(&stream, true).is_empty());
    assert_eq!(stream.oldest_stored(), Some(id(1)));
}

#[test]
fn groups_go_through_rdb_and_back() {
    let mut stream = Stream::default();
    let limits = StreamLimits { bytes: 4096, entries: 100 };
    for seq in 1..=5 {
        stream.append(StreamId { ms: 1, seq }, [(&b"f"[..], &b"v"[..])].into_iter(), limits).unwrap();
    }
    stream.groups.insert(b"g".to_vec(), Group::new(StreamId::MIN, Some(0)));
    assert_eq!(stream.lag(&stream.groups[b"g".as_slice()]), Some(5));
    for seq in 1..=3 {
        stream.advance(b"g", StreamId { ms: 1, seq });
    }
    let group = stream.groups.get_mut(b"g".as_slice()).unwrap();
    let (name, _) = group.consumer(b"c", 10);
    group.assign(StreamId { ms: 1, seq: 2 }, &name, 11, 1);
    assert_eq!((group.last_id.seq, group.entries_read), (3, Some(3)));
    stream.delete(StreamId { ms: 1, seq: 4 });
    assert_eq!(stream.lag(&stream.groups[b"g".as_slice()]), None);
    let payload = dumped(&stream);
    let rdb::RdbValue::Stream(value) = rdb::dump::decode(rdb::dump::verify(&payload, false).unwrap(), true).unwrap()
    else {
        panic!("not a stream")
    };
    let back = *value;
    assert_eq!(contents(&back, false), contents(&stream, false));
    assert_eq!(back.counters, stream.counters);
    assert_eq!(dumped(&back), payload);
    assert_eq!(back.groups[b"g".as_slice()].pending.len(), 1);
}

#[test]
fn ids_follow_the_clock_and_the_last_one() {
    let mut stream = Stream::default();
    assert_eq!(stream.next_id(5), Some(StreamId { ms: 5, seq: 0 }));
    stream.counters.last_id = StreamId { ms: 9, seq: u64::MAX };
    assert_eq!(stream.next_id(5), Some(StreamId { ms: 10, seq: 0 }));
    stream.counters.last_id = StreamId::MAX;
    assert_eq!(stream.next_id(5), None);
}
