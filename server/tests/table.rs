//! The keyspace table against a model: lookups, growth, shrinking, SCAN's guarantee, snapshots under writes.

use std::collections::{BTreeMap, HashMap, HashSet};

use proptest::prelude::*;
use server::store::entry::{NewValue, OwnedEntry, ValueRef};
use server::store::keyspace::Keyspace;
use server::store::table::{CURSOR_END, Table, hash_key};

#[derive(Debug, Clone)]
enum Change {
    Set(u16, u64),
    Remove(u16),
    Expire(u16, i64),
    /// Adds many keys at once: growth.
    Fill(u16),
    /// Removes most keys: shrinking.
    Thin,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        8 => (any::<u16>(), any::<u64>()).prop_map(|(key, value)| Change::Set(key, value)),
        4 => any::<u16>().prop_map(Change::Remove),
        2 => (any::<u16>(), 1i64..i64::MAX).prop_map(|(key, at)| Change::Expire(key, at)),
        1 => any::<u16>().prop_map(Change::Fill),
        1 => Just(Change::Thin),
    ]
}

/// Keys of different lengths: some beyond one byte of length.
fn key(number: u16) -> Vec<u8> {
    let mut key = format!("key:{number}").into_bytes();
    if number.is_multiple_of(97) {
        key.resize(300, b'k');
        key.extend_from_slice(number.to_string().as_bytes());
    }
    key
}

fn value(seed: u64) -> Vec<u8> {
    let len = (seed % 700) as usize;
    (0..len).map(|index| (seed >> (index % 8)) as u8).collect()
}

type Model = HashMap<Vec<u8>, (Vec<u8>, Option<i64>)>;

fn apply(keyspace: &mut Keyspace, model: &mut Model, change: &Change) {
    let mut set = |keyspace: &mut Keyspace, number: u16, seed: u64| {
        let (key, value) = (key(number), value(seed));
        keyspace.set(0, &key, NewValue::Bytes(&value), None);
        model.insert(key, (value, None));
    };
    match *change {
        Change::Set(number, seed) => set(keyspace, number, seed),
        Change::Fill(first) => (0..400).for_each(|step| set(keyspace, first.wrapping_add(step), u64::from(step))),
        Change::Remove(number) => {
            let key = key(number);
            assert_eq!(keyspace.delete(0, &key, false), model.remove(&key).is_some());
        }
        Change::Expire(number, at) => {
            let key = key(number);
            keyspace.set_expire(0, &key, Some(at));
            if let Some(entry) = model.get_mut(&key) {
                entry.1 = Some(at);
            }
        }
        Change::Thin => {
            let doomed: Vec<Vec<u8>> = model.keys().filter(|key| !hash_key(key).is_multiple_of(8)).cloned().collect();
            for key in doomed {
                assert!(keyspace.delete(0, &key, false));
                model.remove(&key);
            }
        }
    }
}

fn contents(entries: impl Iterator<Item = OwnedEntry>) -> BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)> {
    entries
        .map(|entry| {
            let entry = entry.as_ref();
            let ValueRef::Bytes(bytes) = entry.value() else { panic!("only short strings were stored") };
            (entry.key().to_vec(), (bytes.to_vec(), entry.expire()))
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_table_holds_what_a_map_holds(changes in proptest::collection::vec(change(), 1..120)) {
        let mut keyspace = Keyspace::new(1);
        let mut model = Model::new();
        for change in &changes {
            apply(&mut keyspace, &mut model, change);
            prop_assert_eq!(keyspace.db(0).len(), model.len());
        }
        prop_assert_eq!(keyspace.db(0).expires(), model.values().filter(|value| value.1.is_some()).count());
        let stored = contents(keyspace.db(0).table().iter().map(|entry| entry.to_owned_entry()));
        prop_assert_eq!(stored, model.into_iter().collect());
    }

    #[test]
    fn scan_returns_each_key_that_stays_exactly_once(
        stay in proptest::collection::hash_set(0u16..2000, 1..800),
        counts in proptest::collection::vec(1usize..50, 1..20),
        changes in proptest::collection::vec(change(), 1..60),
    ) {
        let mut keyspace = Keyspace::new(1);
        let stayer = |number: &u16| format!("stay:{number}").into_bytes();
        for number in &stay {
            keyspace.set(0, &stayer(number), NewValue::Bytes(b"x"), None);
        }
        let mut seen: HashMap<Vec<u8>, usize> = HashMap::new();
        let (mut cursor, mut model, mut step) = (0, Model::new(), 0);
        while cursor < CURSOR_END {
            let count = counts[step % counts.len()];
            let mut batch = 0;
            cursor = keyspace.db(0).table().walk(cursor, count, |entry| {
                batch += 1;
                *seen.entry(entry.key().to_vec()).or_default() += 1;
            });
            prop_assert!(batch <= count + 1, "COUNT {} gave {}", count, batch);
            // Growth and shrinking between the calls, for as long as there are changes.
            if let Some(change) = changes.get(step) {
                apply(&mut keyspace, &mut model, change);
            }
            step += 1;
        }
        for number in &stay {
            prop_assert_eq!(seen.get(&stayer(number)).copied(), Some(1), "key stay:{}", number);
        }
    }

    #[test]
    fn a_snapshot_is_the_state_at_its_start(
        before in proptest::collection::vec(change(), 1..60),
        during in proptest::collection::vec((change(), 1usize..200), 1..60),
        flush_at in proptest::option::of(0usize..60),
    ) {
        let mut keyspace = Keyspace::new(2);
        let mut model = Model::new();
        before.iter().for_each(|change| apply(&mut keyspace, &mut model, change));
        let at_start: BTreeMap<_, _> = model.clone().into_iter().collect();
        prop_assert!(keyspace.begin_snapshot());
        let mut taken = Vec::new();
        let mut last = false;
        for (index, (change, count)) in during.iter().enumerate() {
            if !last {
                let batch = keyspace.snapshot_step(*count);
                last = batch.last;
                taken.extend(batch.entries);
            }
            if flush_at == Some(index) {
                keyspace.flush(None, false);
                model.clear();
            }
            if index % 13 == 5 {
                keyspace.swap(0, 1);
                keyspace.swap(0, 1);
            }
            apply(&mut keyspace, &mut model, change);
        }
        while !last {
            let batch = keyspace.snapshot_step(100);
            last = batch.last;
            taken.extend(batch.entries);
        }
        let keys: HashSet<Vec<u8>> = taken.iter().map(|(_, entry)| entry.as_ref().key().to_vec()).collect();
        prop_assert_eq!(keys.len(), taken.len(), "each key once");
        prop_assert_eq!(contents(taken.into_iter().map(|(_, entry)| entry)), at_start);
        // All marks are gone: a second snapshot sees everything.
        prop_assert!(keyspace.begin_snapshot());
        let batch = keyspace.snapshot_step(usize::MAX);
        prop_assert!(batch.last);
        prop_assert_eq!(contents(batch.entries.into_iter().map(|(_, entry)| entry)), model.into_iter().collect());
    }
}

#[test]
fn memory_follows_the_data_down() {
    let mut table = Table::new();
    for number in 0..100_000u32 {
        let key = number.to_le_bytes();
        table.insert_new(hash_key(&key), OwnedEntry::new(&key, NewValue::Unit, None));
    }
    let full = table.overhead();
    assert!(table.slots() < 100_000 * 2, "at least half of the slots are used: {table:?}");
    for number in 0..99_900u32 {
        let key = number.to_le_bytes();
        assert!(table.remove(hash_key(&key), &key).is_some());
    }
    assert!(table.overhead() < full / 50, "{} of {full} bytes are left for 100 entries", table.overhead());
}
