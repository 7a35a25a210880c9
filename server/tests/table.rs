//! The keyspace table compared with a model: lookups, growth, shrinking, SCAN's guarantee, snapshots under writes.

use std::collections::{BTreeMap, HashMap, HashSet};

use proptest::prelude::*;
use server::base::slot::key_slot;
use server::store::entry::{NewValue, OwnedEntry, ValueRef};
use server::store::keyspace::Keyspace;
use server::store::table::{CURSOR_END, KeyOrder, Table, hash_key};

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

fn order() -> impl Strategy<Value = KeyOrder> {
    prop_oneof![Just(KeyOrder::Hash), Just(KeyOrder::Slot)]
}

/// Keys of different lengths, some beyond one byte of length; a part of them share two slots.
fn key(number: u16) -> Vec<u8> {
    let tag = if number.is_multiple_of(3) { format!("{{{}}}", number % 2) } else { String::new() };
    let mut key = format!("{tag}key:{number}").into_bytes();
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
    // Miri is a thousand times slower, and finds problems in the first few cases.
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 3 } else { 48 }))]

    #[test]
    fn the_table_holds_what_a_map_holds(order in order(), changes in proptest::collection::vec(change(), 1..120)) {
        let mut keyspace = Keyspace::new(1, order);
        let mut model = Model::new();
        for change in &changes {
            apply(&mut keyspace, &mut model, change);
            prop_assert_eq!(keyspace.db(0).len(), model.len());
        }
        prop_assert_eq!(keyspace.db(0).expires(), model.values().filter(|value| value.1.is_some()).count());
        if order == KeyOrder::Slot {
            for slot in [key_slot(b"0"), key_slot(b"1"), key_slot(b"key:1")] {
                let wanted: HashSet<&Vec<u8>> = model.keys().filter(|key| key_slot(key) == slot).collect();
                let keys = keyspace.keys_of_slot(slot, usize::MAX);
                prop_assert_eq!(keyspace.keys_in_slot(slot), wanted.len());
                prop_assert_eq!(keys.len(), wanted.len());
                prop_assert_eq!(keys.iter().collect::<HashSet<_>>(), wanted);
                prop_assert_eq!(keyspace.keys_of_slot(slot, 3).len(), keys.len().min(3));
            }
        }
        let stored = contents(keyspace.db(0).table().iter().map(|entry| entry.to_owned_entry()));
        prop_assert_eq!(stored, model.into_iter().collect());
    }

    #[test]
    fn scan_returns_each_key_that_stays_exactly_once(
        order in order(),
        stay in proptest::collection::hash_set(0u16..2000, 1..800),
        counts in proptest::collection::vec(1usize..50, 1..20),
        changes in proptest::collection::vec(change(), 1..60),
    ) {
        let mut keyspace = Keyspace::new(1, order);
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
        order in order(),
        before in proptest::collection::vec(change(), 1..60),
        during in proptest::collection::vec((change(), 1usize..200), 1..60),
        flush_at in proptest::option::of(0usize..60),
    ) {
        let mut keyspace = Keyspace::new(2, order);
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
#[cfg_attr(miri, ignore = "too many entries for an interpreter")]
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

#[test]
#[cfg_attr(miri, ignore = "too many entries for an interpreter")]
fn many_keys_in_one_slot_do_not_blow_up_the_directory() {
    let mut table = Table::ordered_by(KeyOrder::Slot);
    for number in 0..100_000u32 {
        let key = format!("{{tag}}{number}").into_bytes();
        table.insert_new(table.hash(&key), OwnedEntry::new(&key, NewValue::Unit, None));
    }
    assert!(table.overhead() < 100_000 * 25, "{} bytes beside 100,000 entries", table.overhead());
    let mut seen = HashSet::new();
    let slot = key_slot(b"tag");
    let (mut cursor, range) = (0, server::store::table::positions_of_slot(slot));
    while cursor < CURSOR_END {
        cursor = table.walk(cursor, 10, |entry| assert!(seen.insert(entry.key().to_vec())));
    }
    assert_eq!(seen.len(), 100_000);
    let mut counted = 0;
    table.walk_range(range, usize::MAX, |_| counted += 1);
    assert_eq!(counted, 100_000);
    for key in &seen {
        assert!(table.remove(table.hash(key), key).is_some());
    }
    assert!(table.is_empty());
    assert!(table.overhead() < 1_000_000, "{} bytes for nothing", table.overhead());
}

#[test]
#[cfg_attr(miri, ignore = "too many entries for an interpreter")]
fn keys_of_few_slots_do_not_blow_up_a_segment() {
    let mut table = Table::ordered_by(KeyOrder::Slot);
    let key = |slot: u32, number: u32| format!("{{tag{slot}}}{number}").into_bytes();
    let mut most = 0;
    for (slot, number) in (0..60).flat_map(|slot| (0..100).map(move |number| (slot, number))) {
        let key = key(slot, number);
        table.insert_new(table.hash(&key), OwnedEntry::new(&key, NewValue::Unit, None));
        most = most.max(table.slots());
    }
    // Slot by slot they go: the last ones, alone in the table, share the beginning of their hashes.
    for (slot, number) in (0..60).flat_map(|slot| (0..100).map(move |number| (slot, number))) {
        let key = key(slot, number);
        assert!(table.remove(table.hash(&key), &key).is_some());
        most = most.max(table.slots());
    }
    assert!(most < 60_000, "{most} places for 6000 entries");
}
