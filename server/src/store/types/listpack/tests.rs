//! Listpacks compared with a model and with DUMP payloads of the real server.

use proptest::prelude::*;

use super::*;

fn texts(pack: &Listpack) -> Vec<Vec<u8>> {
    pack.iter().map(Entry::to_vec).collect()
}

fn pack_of(items: &[Vec<u8>]) -> Listpack {
    let mut pack = Listpack::new();
    items.iter().for_each(|item| pack.push_back(item));
    pack
}

const BOUNDARIES: [i64; 19] = [
    0,
    127,
    128,
    -1,
    4095,
    4096,
    -4096,
    -4097,
    32767,
    32768,
    -32768,
    -32769,
    8388607,
    8388608,
    -8388609,
    2147483647,
    2147483648,
    i64::MIN,
    i64::MAX,
];

#[test]
fn integers_at_every_boundary_come_back() {
    let mut pack = Listpack::new();
    BOUNDARIES.iter().for_each(|value| pack.push_back_int(*value));
    let back: Vec<Entry<'_>> = pack.iter().collect();
    assert_eq!(back, BOUNDARIES.map(Entry::Int));
    assert!(validate(pack.as_bytes(), true));
    let same = pack_of(&BOUNDARIES.map(|value| value.to_string().into_bytes()));
    assert_eq!(pack, same);
}

#[test]
fn strings_at_every_boundary_come_back_both_ways() {
    let sizes =
        [0, 1, 63, 64, 125, 126, 127, 4095, 4096, 16377, 16378, 16379, 16380, 70000, 2_097_145, 2_097_146, 2_097_147];
    let items: Vec<Vec<u8>> = sizes.iter().map(|size| vec![b'x'; *size]).collect();
    let pack = pack_of(&items);
    assert!(validate(pack.as_bytes(), true));
    assert_eq!(texts(&pack), items);
    let mut backwards: Vec<Vec<u8>> = pack.iter_rev().map(Entry::to_vec).collect();
    backwards.reverse();
    assert_eq!(backwards, items);
}

#[test]
fn find_honours_the_stride_and_compares_integers_by_text() {
    let pack = pack_of(&[b"a".to_vec(), b"7".to_vec(), b"7".to_vec(), b"b".to_vec(), b"x".repeat(70), b"c".to_vec()]);
    let first = pack.first().unwrap();
    assert_eq!(pack.find(first, b"7", 2), pack.seek(2));
    assert_eq!(pack.find(first, b"7", 1), pack.seek(1));
    assert_eq!(pack.find(first, b"b", 2), None);
    assert_eq!(pack.find(first, b"07", 1), None);
    assert_eq!(pack.find(first, &b"x".repeat(70), 2), pack.seek(4));
}

#[test]
fn more_entries_than_the_header_counts_are_still_counted() {
    let mut pack = Listpack::new();
    for value in 0..70_000 {
        pack.push_back_int(value % 100);
    }
    assert_eq!(pack.len(), 70_000);
    assert_eq!(pack.get(pack.seek(-1).unwrap()), Entry::Int(99));
    assert_eq!(pack.delete_range(0, 10_000), 10_000);
    assert_eq!(pack.len(), 60_000);
    assert!(validate(pack.as_bytes(), true));
}

#[test]
fn splitting_and_appending_are_inverse() {
    let whole = pack_of(&(0..50).map(|n| format!("item{n}").into_bytes()).collect::<Vec<_>>());
    let mut head = whole.clone();
    let tail = head.split_off(head.seek(20).unwrap());
    assert_eq!((head.len(), tail.len()), (20, 30));
    head.append(&tail);
    assert_eq!(head, whole);
}

#[test]
fn bytes_equal_those_in_a_dump_of_the_real_server() {
    let Some(mut redis) = crate::upstream::Upstream::start(&["--rdbcompression", "no"]) else {
        return;
    };
    let items: Vec<Vec<u8>> = BOUNDARIES
        .iter()
        .map(|value| value.to_string().into_bytes())
        .chain([0, 1, 63, 64, 127, 128, 4095, 4096, 6000].map(|size| vec![b'v'; size]))
        .collect();
    redis.call(&["CONFIG", "SET", "list-max-listpack-size", "-5"]);
    for item in &items {
        redis.call(&[b"RPUSH", b"k".as_slice(), item]);
    }
    let payload = redis.dump(b"k");
    let pack = pack_of(&items);
    let body = &payload[..payload.len() - 10];
    assert!(body.ends_with(pack.as_bytes()));
}

#[derive(Debug, Clone)]
enum Change {
    Push(Vec<u8>),
    PushFront(Vec<u8>),
    Insert(usize, bool, Vec<u8>),
    Replace(usize, Vec<u8>),
    Delete(usize, usize),
}

fn item() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<i64>().prop_map(|value| value.to_string().into_bytes()),
        (-5000i64..5000).prop_map(|value| value.to_string().into_bytes()),
        proptest::collection::vec(any::<u8>(), 0..80),
        (0usize..20000).prop_map(|size| vec![b'z'; size]),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        item().prop_map(Change::Push),
        item().prop_map(Change::PushFront),
        (any::<usize>(), any::<bool>(), item()).prop_map(|(at, after, item)| Change::Insert(at, after, item)),
        (any::<usize>(), item()).prop_map(|(at, item)| Change::Replace(at, item)),
        (any::<usize>(), 0usize..4).prop_map(|(at, count)| Change::Delete(at, count)),
    ]
}

fn apply(pack: &mut Listpack, model: &mut Vec<Vec<u8>>, change: Change) {
    match change {
        Change::Push(item) => {
            pack.push_back(&item);
            model.push(item);
        }
        Change::PushFront(item) => {
            pack.push_front(&item);
            model.insert(0, item);
        }
        _ if model.is_empty() => {}
        Change::Insert(at, after, item) => {
            let at = at % model.len();
            let pos = pack.seek(at as i64).unwrap();
            let place = if after { Place::After } else { Place::Before };
            let new = pack.insert(pos, place, &item);
            assert!(pack.get(new).is(&item));
            model.insert(at + usize::from(after), item);
        }
        Change::Replace(at, item) => {
            let at = at % model.len();
            pack.replace(pack.seek(at as i64 - model.len() as i64).unwrap(), &item);
            model[at] = item;
        }
        Change::Delete(at, count) => {
            let at = at % model.len();
            let end = (at + count).min(model.len());
            assert_eq!(pack.delete_range(at as i64, count), end - at);
            model.drain(at..end);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn changes_agree_with_a_vector_of_strings(changes in proptest::collection::vec(change(), 0..60)) {
        let (mut pack, mut model) = (Listpack::new(), Vec::new());
        for change in changes {
            apply(&mut pack, &mut model, change);
            prop_assert!(validate(pack.as_bytes(), true));
            prop_assert_eq!(pack.len(), model.len());
        }
        prop_assert_eq!(texts(&pack), model.clone());
        prop_assert_eq!(Listpack::from_bytes(pack.as_bytes().to_vec()).unwrap(), pack_of(&model));
    }

    #[test]
    fn damaged_bytes_are_refused_or_walk_safely(
        items in proptest::collection::vec(item(), 0..6), at: prop::sample::Index, value: u8,
    ) {
        let mut bytes = pack_of(&items).as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = value;
        if let Ok(pack) = Listpack::from_bytes(bytes) {
            prop_assert_eq!(pack.iter().count(), pack.iter_rev().count());
        }
    }
}
