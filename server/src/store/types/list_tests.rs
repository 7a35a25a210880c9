//! Lists compared with a vector, and their nodes with DUMP payloads of the real server.

use super::*;
use crate::{
    base::random::Random,
    persistence::rdb::{dump, encode},
    upstream::{Reply, Upstream},
};

/// The payload of DUMP. With compression it does not matter whether a node is kept compressed; the bytes are the same.
fn dumped(list: &List) -> Vec<u8> {
    let mut out = vec![encode::ValueType::ListQuicklist2.code()];
    let nodes = list.nodes().map(|node| match node {
        Node::Packed(pack) => encode::NodeRef::Packed(pack.as_bytes()),
        Node::Plain(bytes) => encode::NodeRef::Plain(bytes),
        Node::Compressed { packed, plain_length, .. } => {
            encode::NodeRef::Compressed { packed, plain_length: *plain_length as usize, plain: false }
        }
    });
    encode::list(&mut out, list.nodes().len(), nodes, true);
    dump::finish(&mut out);
    out
}

fn contents(list: &List) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    list.visit(0, false, |index, element| {
        assert_eq!(index, found.len());
        found.push(element.to_vec());
        true
    });
    found
}

/// Sends one random command to the list, the model and, if present, the real server.
fn step(
    random: &mut Random,
    list: &mut List,
    model: &mut Vec<Vec<u8>>,
    redis: Option<&mut Upstream>,
    limits: ListLimits,
) {
    let element = match random.below(4) {
        0 => random.below(100).to_string().into_bytes(),
        1 => vec![b'x'; random.below(60)],
        2 => format!("element {}", random.below(10)).repeat(random.below(20)).into_bytes(),
        _ => vec![b'a' + random.below(3) as u8; 1],
    };
    let index = random.below(model.len().max(1));
    let text = |number: usize| number.to_string().into_bytes();
    let command: Vec<Vec<u8>> = match random.below(12) {
        0..=2 => {
            list.push(End::Tail, &element, limits);
            model.push(element.clone());
            vec![b"RPUSH".to_vec(), b"k".to_vec(), element]
        }
        3..=5 => {
            list.push(End::Head, &element, limits);
            model.insert(0, element.clone());
            vec![b"LPUSH".to_vec(), b"k".to_vec(), element]
        }
        6 if !model.is_empty() => {
            assert!(list.set(index as i64, &element, limits));
            model[index].clone_from(&element);
            vec![b"LSET".to_vec(), b"k".to_vec(), text(index), element]
        }
        7..=9 if !model.is_empty() => {
            let pivot = model[index].clone();
            let index = model.iter().position(|it| *it == pivot).unwrap();
            let after = random.below(2) == 1;
            assert!(list.insert(index as i64, if after { Place::After } else { Place::Before }, &element, limits));
            model.insert(index + usize::from(after), element.clone());
            let side = if after { b"AFTER".to_vec() } else { b"BEFORE".to_vec() };
            vec![b"LINSERT".to_vec(), b"k".to_vec(), side, pivot, element]
        }
        10 if model.len() > 3 => {
            let (count, from_tail) = (1 + random.below(3), random.below(2) == 1);
            let mut left = count;
            let mut keep = |it: &Vec<u8>| {
                let goes = *it == element && left > 0;
                left -= usize::from(goes);
                !goes
            };
            if from_tail {
                model.reverse();
                model.retain(&mut keep);
                model.reverse();
            } else {
                model.retain(&mut keep);
            }
            let removed = count - left;
            assert_eq!(list.remove_equal(&element, count, from_tail, limits), removed);
            let count = if from_tail { format!("-{count}") } else { count.to_string() };
            vec![b"LREM".to_vec(), b"k".to_vec(), count.into_bytes(), element]
        }
        _ if model.len() > 3 => {
            let (head, tail) = (random.below(3), random.below(3));
            assert_eq!(list.remove_range(0, head, limits), head);
            assert_eq!(list.remove_range(-(tail as i64), tail, limits), tail);
            model.drain(..head);
            model.truncate(model.len() - tail);
            vec![b"LTRIM".to_vec(), b"k".to_vec(), text(head), format!("-{}", tail + 1).into_bytes()]
        }
        _ => return,
    };
    if let Some(redis) = redis {
        let reply = redis.call(&command);
        assert!(!matches!(reply, Reply::Error(_)), "{reply:?}");
    }
}

#[test]
fn nodes_are_those_of_the_real_server_after_the_same_commands() {
    for (fill, depth) in [("-2", "0"), ("-1", "1"), ("4", "0"), ("1", "2"), ("128", "0"), ("6", "1")] {
        let arguments = ["--list-max-listpack-size", fill, "--list-compress-depth", depth];
        let Some(mut redis) = Upstream::start(&arguments) else { return };
        let limits = ListLimits::new(fill.parse().unwrap(), depth.parse().unwrap());
        for seed in 0..5 {
            redis.call(&["DEL", "k"]);
            let (mut list, mut model, mut random) = (List::default(), Vec::new(), Random::from_seed(seed));
            for count in 0..600 {
                step(&mut random, &mut list, &mut model, Some(&mut redis), limits);
                if count % 5 == 4 && !model.is_empty() {
                    assert!(contents(&list) == model, "fill {fill} depth {depth} seed {seed} step {count}");
                    assert!(dumped(&list) == redis.dump(b"k"), "fill {fill} depth {depth} seed {seed} step {count}");
                }
            }
        }
    }
}

#[test]
fn elements_are_those_of_a_vector_whatever_the_limits() {
    for seed in 0..60 {
        let mut random = Random::from_seed(seed);
        let fill = [-5, -2, -1, 0, 1, 3, 100][random.below(7)];
        let limits = ListLimits { large: [LARGE, 100][random.below(2)], ..ListLimits::new(fill, random.below(4)) };
        let (mut list, mut model) = (List::default(), Vec::new());
        for _ in 0..300 {
            step(&mut random, &mut list, &mut model, None, limits);
            assert_eq!(list.len(), model.len());
        }
        assert_eq!(contents(&list), model);
        for (index, element) in model.iter().enumerate() {
            assert_eq!(list.get(index as i64, <[u8]>::to_vec).as_ref(), Some(element));
            assert_eq!(list.get(index as i64 - model.len() as i64, <[u8]>::to_vec).as_ref(), Some(element));
        }
        let mut reversed = Vec::new();
        list.visit(model.len().saturating_sub(1), true, |_, element| {
            reversed.push(element.to_vec());
            true
        });
        reversed.reverse();
        assert_eq!(reversed, model);
        while !model.is_empty() {
            let (end, at) = if random.below(2) == 0 { (End::Head, 0) } else { (End::Tail, model.len() - 1) };
            assert_eq!(list.pop(end, limits), Some(model.remove(at)));
        }
        assert!(model.is_empty() && list.is_empty());
    }
}
