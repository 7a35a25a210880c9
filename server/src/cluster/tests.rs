//! The machine by itself: one node, and packets that others might send.

use std::sync::Arc;

use super::effect::{DataEffect, Effect, Facts, Input, NetworkEffect};
use super::message::{Body, Header, Kind, Message, read, write};
use super::node::{ConnId, NodeFlags};
use super::operator::{Refusal, SetSlot};
use super::settings::Settings;
use super::slots::SlotSet;
use super::state::Cluster;
use crate::base::epoch::Epoch;
use crate::base::ids::{HandoverId, NodeId};
use crate::base::machine::Machine;
use crate::base::offset::Offset;
use crate::base::random::Random;
use crate::base::slot::Slot;
use crate::config::Config;

const NOW: i64 = 1_700_000_000_000;

fn id(byte: u8) -> NodeId {
    NodeId::from_random([byte; 20])
}

fn settings() -> Settings {
    Settings::from_config(&Config::default())
}

/// Three primaries, and a replica of the second.
const FILE: &str = "\
0101010101010101010101010101010101010101 10.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-5460 [5->-0202020202020202020202020202020202020202]
0202020202020202020202020202020202020202 10.0.0.2:7000@17000,two.example.org master - 0 1426238317239 2 connected 5461-10922
0303030303030303030303030303030303030303 10.0.0.3:7000@17000 master - 0 1426238317239 3 connected 10923-16383
0404040404040404040404040404040404040404 10.0.0.4:7000@17000 slave,nofailover 0202020202020202020202020202020202020202 0 1426238317239 2 connected
vars currentEpoch 9 lastVoteEpoch 4
";

fn loaded() -> Cluster {
    Cluster::from_file(FILE, settings(), Random::from_seed(1), NOW).unwrap().unwrap()
}

fn slot(number: u16) -> Slot {
    Slot::new(number).expect("a number of a slot")
}

fn act<R>(cluster: &mut Cluster, now: i64, f: impl FnOnce(&mut Cluster) -> R) -> (R, Vec<Effect>) {
    let mut effects = Vec::new();
    let result = cluster.act(now, &Facts::default(), &mut effects, f);
    (result, effects)
}

#[test]
fn a_file_is_read_and_written_as_it_was() {
    let cluster = loaded();
    let times = |text: &str| -> Vec<String> {
        // The times of pongs are not kept.
        let mut lines: Vec<String> = text
            .lines()
            .map(|line| {
                let mut words: Vec<&str> = line.split(' ').collect();
                if words[0] != "vars" {
                    (words[5], words[7]) = ("0", "");
                }
                words.join(" ")
            })
            .collect();
        lines.sort();
        lines
    };
    assert_eq!(
        times(&cluster.file_text()),
        times(&FILE.replace("10.0.0.1:7000@17000 myself", "10.0.0.1:6379@16379 myself"))
    );
    assert_eq!(cluster.current_epoch, Epoch(9));
    assert_eq!(cluster.last_vote_epoch, Epoch(4));
    assert_eq!(cluster.migrating_to(slot(5)).map(|node| node.id), Some(id(2)));
    assert_eq!(cluster.owner(slot(16383)).map(|node| node.id), Some(id(3)));
    assert_eq!(cluster.node(id(2)).map(|node| node.hostname.as_str()), Some("two.example.org"));
}

#[test]
fn a_file_that_says_something_else_is_refused() {
    let line = FILE.lines().next().unwrap();
    let bad = [
        "nonsense".to_owned(),
        line.replace("myself,", ""),
        line.replace("0-5460", "0-99999"),
        line.replace("[5->-", "[5>"),
        line.replace("7000@17000", "x@y"),
        line.replace("myself,master", "myself,king"),
        line.replace("0101", "zzzz"),
        format!("{line}\n0202 1.1.1.1:1@2 master - 0 0 1 connected"),
        format!("{line}\nvars currentEpoch x"),
        "\n".into(),
    ];
    for text in bad {
        assert!(Cluster::from_file(&text, settings(), Random::from_seed(1), NOW).is_err(), "{text}");
    }
    assert!(Cluster::from_file("", settings(), Random::from_seed(1), NOW).unwrap().is_none());
}

#[test]
fn slots_are_given_and_taken_all_or_none() {
    let mut cluster = Cluster::new(id(1), settings(), Random::from_seed(1), NOW);
    let refusal = |text: &str| Err(Refusal(text.into()));
    let mut on = |f: &mut dyn FnMut(&mut Cluster) -> Result<(), Refusal>| act(&mut cluster, NOW, f).0;
    assert_eq!(on(&mut |core| core.add_slots(&[1, 2, 1].map(slot))), refusal("Slot 1 specified multiple times"));
    assert_eq!(on(&mut |core| core.add_slots(&[1, 2].map(slot))), Ok(()));
    assert_eq!(on(&mut |core| core.add_slots(&[3, 2].map(slot))), refusal("Slot 2 is already busy"));
    assert_eq!(on(&mut |core| core.del_slots(&[3].map(slot))), refusal("Slot 3 is already unassigned"));
    assert_eq!(on(&mut |core| core.del_slots(&[2, 2].map(slot))), refusal("Slot 2 specified multiple times"));
    assert_eq!(on(&mut |core| core.del_slots(&[2].map(slot))), Ok(()));
    assert_eq!(cluster.myself().slots, [1].into_iter().collect::<SlotSet>());
}

#[test]
fn who_gets_a_slot_has_the_highest_epoch_and_who_gives_its_last_one_follows() {
    let mut cluster = loaded();
    let from = id(2).to_string();
    let step = |core: &mut Cluster, how: SetSlot<'_>| core.set_slot(slot(6000), how, 0);
    assert_eq!(act(&mut cluster, NOW, |core| step(core, SetSlot::Importing(from.as_bytes()))).0, Ok(()));
    let own = id(1).to_string();
    let (result, effects) = act(&mut cluster, NOW, |core| step(core, SetSlot::Node(own.as_bytes())));
    assert_eq!(result, Ok(()));
    assert!(cluster.is_mine(slot(6000)) && cluster.importing_from(slot(6000)).is_none());
    assert_eq!(cluster.myself().config_epoch, Epoch(10));
    assert_eq!(
        effects.first(),
        Some(&Effect::Network(NetworkEffect::Save { sync: true })),
        "on disk before anybody hears of it"
    );
    let to = id(3).to_string();
    for slot in cluster.myself().slots.clone().iter() {
        let (result, _) = act(&mut cluster, NOW, |core| core.set_slot(slot, SetSlot::Node(to.as_bytes()), 0));
        assert_eq!(result, Ok(()));
    }
    assert_eq!(cluster.my_primary().map(|primary| primary.id), Some(id(3)));
}

fn header(of: u8) -> Header {
    let slots = match of {
        2 => (5461..10923).collect(),
        3 => (10923..16384).collect(),
        _ => SlotSet::new(),
    };
    Header {
        port: 7000,
        current_epoch: Epoch(9),
        config_epoch: Epoch(of.into()),
        offset: Offset::ZERO,
        sender: id(of),
        slots,
        primary: (of == 4).then(|| id(2)),
        ip: String::new(),
        plain_port: 0,
        bus_port: 17000,
        flags: if of == 4 { NodeFlags::REPLICA } else { NodeFlags::PRIMARY },
        ok: true,
        message_flags: 0,
    }
}

fn packet(of: u8, kind: Kind, body: Body) -> Vec<u8> {
    write(&Message { kind, header: header(of), body })
}

/// Has a node connect to us, and tells us what it sends.
fn hear(cluster: &mut Cluster, now: i64, of: u8, bytes: Vec<u8>) -> Vec<Effect> {
    let conn = ConnId(1 << 63 | u64::from(of));
    let (_, mut effects) = act(cluster, now, |core| {
        core.take(Input::Accepted { conn, peer: format!("10.0.0.{of}"), local: "10.0.0.1".to_owned() });
    });
    effects.extend(act(cluster, now, |core| core.take(Input::Packet { conn, bytes: Arc::new(bytes) })).1);
    effects
}

fn connect(cluster: &mut Cluster, now: i64) {
    let (_, effects) = act(cluster, now, |core| core.take(Input::Tick));
    for effect in effects {
        if let Effect::Network(NetworkEffect::Connect { conn, .. }) = effect {
            act(cluster, now, |core| core.take(Input::Connected(conn)));
        }
    }
}

fn votes(effects: &[Effect]) -> usize {
    let vote = |effect: &&Effect| match effect {
        Effect::Network(NetworkEffect::Send { packet, .. }) => {
            read(packet).is_ok_and(|message| message.kind == Kind::AuthAck)
        }
        _ => false,
    };
    effects.iter().filter(vote).count()
}

#[test]
fn a_vote_is_given_once_an_epoch_and_is_saved_first() {
    let mut cluster = loaded();
    connect(&mut cluster, NOW);
    let ask = || {
        let mut header = header(4);
        header.current_epoch = Epoch(10);
        (header.config_epoch, header.slots) = (Epoch(2), self::header(2).slots);
        write(&Message { kind: Kind::AuthRequest, header, body: Body::Bare })
    };
    assert_eq!(votes(&hear(&mut cluster, NOW, 4, ask())), 0, "its master is up");
    hear(&mut cluster, NOW, 3, packet(3, Kind::Fail, Body::Fail(id(2))));
    let effects = hear(&mut cluster, NOW, 4, ask());
    assert_eq!(votes(&effects), 1);
    let saved = effects.iter().position(|effect| *effect == Effect::Network(NetworkEffect::Save { sync: true }));
    let sent = effects.iter().position(|effect| votes(std::slice::from_ref(effect)) == 1);
    assert!(saved.is_some() && saved < sent, "{saved:?} {sent:?}");
    assert_eq!(cluster.last_vote_epoch, Epoch(10));
    assert_eq!(votes(&hear(&mut cluster, NOW + 60_000, 4, ask())), 0, "once an epoch");
}

#[test]
fn of_two_primaries_with_one_epoch_the_smaller_id_takes_another() {
    let mut cluster = loaded();
    let mut header = header(2);
    header.config_epoch = Epoch(1);
    let body = Body::Gossip { entries: Vec::new(), hostname: None };
    let ping = write(&Message { kind: Kind::Ping, header, body });
    // The other node's epoch is known to be higher, so it has to be forgotten first.
    let text = FILE.replace("1426238317239 2 connected", "1426238317239 1 connected");
    let mut collides = Cluster::from_file(&text, settings(), Random::from_seed(1), NOW).unwrap().unwrap();
    hear(&mut collides, NOW, 2, ping.clone());
    assert_eq!(collides.myself().config_epoch, Epoch(10));
    hear(&mut cluster, NOW, 2, ping);
    assert_eq!(cluster.myself().config_epoch, Epoch(1));
}

#[test]
fn a_stale_claim_is_answered_with_an_update() {
    let mut cluster = loaded();
    connect(&mut cluster, NOW);
    let mut stale = header(3);
    (stale.config_epoch, stale.slots) = (Epoch::ZERO, (0..10).collect());
    let body = Body::Gossip { entries: Vec::new(), hostname: None };
    let effects = hear(&mut cluster, NOW, 3, write(&Message { kind: Kind::Ping, header: stale, body }));
    let update = effects.iter().find_map(|effect| match effect {
        Effect::Network(NetworkEffect::Send { packet, .. }) => {
            read(packet).ok().filter(|message| message.kind == Kind::Update)
        }
        _ => None,
    });
    match update.map(|message| message.body) {
        Some(Body::Update { id: about, config_epoch: Epoch(1), slots }) => {
            assert_eq!(about, id(1));
            assert_eq!(slots.len(), 5461);
        }
        other => panic!("{other:?}"),
    }
    assert!(cluster.is_mine(slot(5)));
}

#[test]
fn whatever_comes_in_nothing_breaks() {
    let mut random = Random::from_seed(5);
    for round in 0..40 {
        let mut cluster = loaded();
        let mut now = NOW;
        connect(&mut cluster, now);
        for _ in 0..300 {
            now += random.below(400) as i64;
            let of = 2 + random.below(3) as u8;
            let bytes = match random.below(6) {
                0 => packet(of, Kind::Fail, Body::Fail(id(1 + random.below(5) as u8))),
                1 => packet(of, Kind::AuthRequest, Body::Bare),
                2 => packet(of, Kind::MfStart, Body::Bare),
                3 => {
                    let slots = (0..random.below(500) as u16).collect();
                    let config_epoch = Epoch(random.below(20) as u64);
                    packet(of, Kind::Update, Body::Update { id: id(1 + random.below(5) as u8), config_epoch, slots })
                }
                _ => packet(of, Kind::Ping, Body::Gossip { entries: Vec::new(), hostname: None }),
            };
            let mut bytes = bytes;
            for _ in 0..random.below(3) {
                let at = if random.below(2) == 0 { random.below(80) } else { random.below(bytes.len()) };
                bytes[at] ^= 1 << random.below(8);
            }
            for effect in hear(&mut cluster, now, of, bytes) {
                if let Effect::Network(NetworkEffect::Connect { conn, .. }) = effect {
                    let input = if random.below(2) == 0 { Input::Connected(conn) } else { Input::Lost(conn) };
                    act(&mut cluster, now, |core| core.take(input));
                }
            }
        }
        let text = cluster.file_text();
        let again = Cluster::from_file(&text, settings(), Random::from_seed(1), now);
        assert!(again.is_ok_and(|cluster| cluster.is_some()), "round {round}:\n{text}");
    }
}

#[test]
fn slots_on_their_way_are_written_down_and_their_keys_removed_after_a_restart() {
    let mut cluster = loaded();
    let slots: SlotSet = [6000, 6001, 7000].into_iter().collect();
    let name = HandoverId::from_random([9; 20]);
    let (result, effects) = act(&mut cluster, NOW, |core| core.expect_slots(name, id(2), slots.clone()));
    assert_eq!(result, Ok(()));
    assert!(effects.contains(&Effect::Network(NetworkEffect::Save { sync: true })), "before anything comes");
    let text = cluster.file_text();
    assert!(text.ends_with("vars currentEpoch 9 lastVoteEpoch 4 incoming 6000-6001,7000-7000\n"), "{text}");
    let mut again = Cluster::from_file(&text, settings(), Random::from_seed(1), NOW).unwrap().unwrap();
    assert_eq!(again.file_text().lines().last(), text.lines().last(), "until they are removed");
    let ((), effects) = act(&mut again, NOW, Cluster::start);
    assert!(effects.contains(&Effect::Data(DataEffect::Discard(slots))));
    assert!(again.file_text().ends_with("lastVoteEpoch 4\n"));
    for bad in ["incoming x", "incoming 5", "incoming 5-99999", "incoming"] {
        let text = FILE.replace("lastVoteEpoch 4", &format!("lastVoteEpoch 4 {bad}"));
        assert!(Cluster::from_file(&text, settings(), Random::from_seed(1), NOW).is_err(), "{bad}");
    }
}

#[test]
fn what_arrived_is_taken_over_under_an_epoch_above_all_others_and_saved_before_anybody_hears_of_it() {
    let mut cluster = loaded();
    cluster.health.down = None;
    let slots: SlotSet = (6000..=6010).collect();
    let name = HandoverId::from_random([9; 20]);
    let take = |core: &mut Cluster| core.take_over(name, Epoch(20));
    assert!(act(&mut cluster, NOW, take).0.is_err(), "nothing is expected");
    let expect = |core: &mut Cluster| core.expect_slots(name, id(3), slots.clone());
    assert!(act(&mut cluster, NOW, expect).0.is_err(), "they are another node's");
    let expect = |core: &mut Cluster| core.expect_slots(name, id(2), slots.clone());
    assert_eq!(act(&mut cluster, NOW, expect).0, Ok(()));
    assert!(cluster.is_incoming(slot(6000)) && !cluster.is_mine(slot(6000)));
    let (epoch, effects) = act(&mut cluster, NOW, take);
    assert_eq!(epoch, Ok(Epoch(21)), "the source has seen 20");
    let saved =
        effects.iter().position(|effect| *effect == Effect::Network(NetworkEffect::Save { sync: true })).unwrap();
    let sent = effects.iter().position(|effect| matches!(effect, Effect::Network(NetworkEffect::Send { .. })));
    assert!(sent.is_none_or(|sent| saved < sent));
    assert!(cluster.is_mine(slot(6010)) && !cluster.is_incoming(slot(6010)));
    assert_eq!((cluster.myself().config_epoch, cluster.last_vote_epoch), (Epoch(21), Epoch(21)));
}

#[test]
fn a_source_gives_slots_up_when_the_target_has_them_and_not_before() {
    let mut cluster = loaded();
    let slots: SlotSet = (0..=4).collect();
    assert_eq!(cluster.may_hand_over(&slots, id(2).as_bytes()), Ok(id(2)));
    assert!(cluster.may_hand_over(&(0..=5).collect(), id(2).as_bytes()).is_err(), "5 is being moved by SETSLOT");
    assert!(cluster.may_hand_over(&slots, id(4).as_bytes()).is_err(), "a replica");
    assert!(cluster.may_hand_over(&[6000].into_iter().collect(), id(3).as_bytes()).is_err(), "not ours");
    let ((), effects) = act(&mut cluster, NOW, |core| core.handed_over(&slots, id(2), Epoch(12)));
    assert!(effects.contains(&Effect::Data(DataEffect::DeleteSlots(slots))));
    assert_eq!(cluster.owner(slot(0)).map(|node| (node.id, node.config_epoch)), Some((id(2), Epoch(12))));
    assert!(cluster.is_mine(slot(5)) && cluster.owner(slot(6000)).is_some_and(|node| node.id == id(2)));
    assert_eq!(cluster.current_epoch, Epoch(12));
}

#[test]
fn a_replica_that_takes_over_removes_what_was_on_its_way_to_its_primary() {
    let file = FILE.replace("myself,master", "master").replace("slave,nofailover", "myself,slave");
    let mut replica = Cluster::from_file(
        &file.replace(" [5->-0202020202020202020202020202020202020202]", ""),
        settings(),
        Random::from_seed(1),
        NOW,
    )
    .unwrap()
    .unwrap();
    let slots: SlotSet = (100..200).collect();
    act(&mut replica, NOW, |core| core.primary_expects(slots.clone()));
    let (result, effects) = act(&mut replica, NOW, |core| core.fail_over(super::operator::FailoverVariant::Takeover));
    assert_eq!(result, Ok(()));
    let place = |wanted: &DataEffect| effects.iter().position(|effect| *effect == Effect::Data(wanted.clone()));
    assert!(place(&DataEffect::Promote) < place(&DataEffect::Discard(slots)), "{effects:?}");
}

#[test]
fn who_has_just_started_declares_nobody_failed_alone() {
    let file = FILE.replace("17000 master -", "17000 master,fail? -").replace("slave,nofailover", "slave,fail?");
    let mut cluster = Cluster::from_file(&file, settings(), Random::from_seed(1), NOW).unwrap().unwrap();
    act(&mut cluster, NOW + 1, Cluster::start);
    act(&mut cluster, NOW + 2_100, |_| ());
    let doubted: Vec<_> = cluster.nodes().map(|node| (node.has(NodeFlags::PFAIL), node.is_failed())).collect();
    assert_eq!(doubted, [(false, false), (false, false), (true, false), (true, false)]);
}

#[test]
fn a_slot_that_stands_twice_in_the_file_is_the_first_nodes() {
    let file = FILE.replace("10923-16383", "0-10 10923-16383");
    let cluster = Cluster::from_file(&file, settings(), Random::from_seed(1), NOW).unwrap().unwrap();
    assert_eq!(cluster.owner(slot(7)).map(|node| node.id), Some(id(1)));
    assert_eq!(cluster.owner(slot(16383)).map(|node| node.id), Some(id(3)));
}
