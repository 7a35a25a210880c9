//! The machine by itself: what it sends and wants, step by step.

use super::*;
use crate::base::clock::Millis;
use crate::base::machine::Machine;
use crate::base::offset::Offset;
use crate::base::random::Random;
use crate::config::Config;

/// A machine with its time, and its effects since they were last taken.
struct Bench {
    machine: Replication,
    now: Millis,
    facts: Facts,
    wanted: Vec<Effect>,
}

impl Bench {
    fn new(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config { repl_timeout: 10, port: 7001, repl_backlog_size: 1 << 20, ..Config::default() };
        change(&mut config);
        let machine = Replication::new(Settings::from_config(&config), Random::from_seed(1));
        Self { machine, now: 1_000_000, facts: Facts::default(), wanted: Vec::new() }
    }

    fn act<R>(&mut self, f: impl FnOnce(&mut Replication) -> R) -> R {
        self.machine.act(self.now, &self.facts, &mut self.wanted, f)
    }

    /// Passes time, calling the machine whenever it wants to be called.
    fn pass(&mut self, milliseconds: Millis) {
        let end = self.now + milliseconds;
        while let Some(due) = self.machine.next_wakeup().filter(|&due| due <= end) {
            self.now = self.now.max(due);
            self.act(|machine| machine.take(Input::Tick));
        }
        self.now = end;
    }

    fn link(&mut self, input: LinkInput) {
        let link = self.machine.follower().and_then(Follower::link).expect("a link");
        self.act(|machine| machine.take(Input::Link(link, input)));
    }

    fn line(&mut self, line: &str) {
        self.link(LinkInput::Line(line.into()));
        self.link(LinkInput::Sent);
    }

    /// What was sent to the primary.
    fn sent(&mut self) -> String {
        let sent = self.wanted.drain(..).filter_map(|effect| match effect {
            Effect::Network((_, LinkEffect::Send(bytes))) => Some(bytes),
            _ => None,
        });
        String::from_utf8(sent.flatten().collect()).expect("text").replace("\r\n", " ")
    }

    fn wants(&self, wanted: impl Fn(&Effect) -> bool) -> bool {
        self.wanted.iter().any(wanted)
    }

    fn wants_on_link(&self, wanted: &LinkEffect) -> bool {
        self.wants(|effect| matches!(effect, Effect::Network((_, effect)) if effect == wanted))
    }

    fn follow(&mut self) {
        self.act(|machine| machine.follow("host".into(), 7000));
        self.pass(0);
    }

    /// Up to the answer to PSYNC.
    fn shake_hands(&mut self) {
        self.link(LinkInput::Connected);
        ["+PONG", "+OK", "+OK"].iter().for_each(|line| self.line(line));
    }

    fn receive_through_file(&mut self, offset: i64) {
        self.line(&format!("+FULLRESYNC {} {offset}", "ab".repeat(20)));
        self.line("$100");
        self.link(LinkInput::Received(100));
        self.link(LinkInput::Stored);
        self.link(LinkInput::LoadingBegins);
    }

    fn attach(&mut self, id: u64) -> Result<Resync, SyncRefusal> {
        self.act(|machine| machine.introduce(PeerId(id), "10.0.0.9:5000", Said::CapaEof));
        self.act(|machine| machine.introduce(PeerId(id), "10.0.0.9:5000", Said::Port(7009)));
        self.act(|machine| machine.synchronize(PeerId(id), "10.0.0.9:5000", Some((b"?", Offset(-1)))))
    }

    fn peer(&mut self, id: u64, input: PeerInput) {
        self.act(|machine| machine.take(Input::Peer(PeerId(id), input)));
    }

    /// Snapshots that were begun, by whom they are for.
    fn snapshots(&mut self) -> Vec<Vec<u64>> {
        let plans = self.wanted.drain(..).filter_map(|effect| match effect {
            Effect::Data(DataEffect::BeginSnapshot(plan)) => Some(plan.peers.iter().map(|peer| peer.0).collect()),
            _ => None,
        });
        plans.collect()
    }
}

#[test]
fn the_handshake_is_what_upstream_sends() {
    let mut bench = Bench::new(|config| {
        config.masterauth = "pw".into();
        config.masteruser = "me".into();
    });
    bench.follow();
    assert!(bench.wants_on_link(&LinkEffect::Connect { host: "host".into(), port: 7000 }));
    bench.link(LinkInput::Connected);
    assert_eq!(bench.sent(), "*1 $4 PING ");
    bench.line("");
    bench.line("-NOAUTH Authentication required.");
    assert_eq!(
        bench.sent(),
        "*3 $4 AUTH $2 me $2 pw *3 $8 REPLCONF $14 listening-port $4 7001 *5 $8 REPLCONF $4 capa $3 eof $4 capa $6 psync2 "
    );
    bench.line("+OK");
    bench.line("-ERR what is that?");
    assert_eq!(bench.sent(), "");
    bench.line("+OK");
    let own = bench.machine.history().replid();
    assert_eq!(bench.sent(), format!("*3 $5 PSYNC $40 {own} $1 1 "));
}

#[test]
fn a_link_that_cannot_be_made_is_tried_again_after_pauses_that_grow() {
    let mut bench = Bench::new(|_| {});
    bench.follow();
    let mut pauses = Vec::new();
    for _ in 0..7 {
        bench.link(LinkInput::Lost("Connection refused".into()));
        let due = bench.machine.next_wakeup().expect("it connects again");
        pauses.push(due - bench.now);
        bench.pass(due - bench.now);
    }
    assert_eq!(pauses, [50, 100, 200, 400, 800, 1000, 1000]);
}

#[test]
fn what_comes_late_from_a_link_that_was_given_up_means_nothing() {
    let mut bench = Bench::new(|_| {});
    bench.follow();
    let old = bench.machine.follower().and_then(Follower::link).expect("a link");
    bench.act(|machine| machine.follow("other".into(), 7000));
    assert!(bench.wants(|effect| *effect == Effect::Network((old, LinkEffect::Disconnect))));
    bench.pass(0);
    bench.wanted.clear();
    for input in [LinkInput::Connected, LinkInput::Line(b"+PONG".to_vec()), LinkInput::Lost("late".into())] {
        bench.act(|machine| machine.take(Input::Link(old, input)));
    }
    assert_eq!(bench.wanted, []);
    assert_eq!(bench.machine.follower().map(Follower::stage_name), Some("connecting"));
}

#[test]
fn a_step_that_takes_too_long_ends_the_link_and_keep_alives_count_as_signs_of_life() {
    let mut bench = Bench::new(|_| {});
    bench.follow();
    bench.link(LinkInput::Connected);
    bench.link(LinkInput::Sent);
    bench.pass(4_999);
    assert_eq!(bench.machine.follower().map(Follower::stage_name), Some("handshake"));
    bench.pass(1);
    assert_eq!(bench.machine.follower().map(Follower::stage_name), Some("connect"));
    bench.pass(50);
    bench.shake_hands();
    for _ in 0..5 {
        bench.pass(9_000);
        bench.line("");
        assert_eq!(bench.machine.follower().map(Follower::stage_name), Some("handshake"));
    }
    bench.pass(10_000);
    assert_ne!(bench.machine.follower().map(Follower::stage_name), Some("handshake"));
}

#[test]
fn whoever_lost_a_snapshot_half_way_has_nothing_to_go_on_from() {
    let mut bench = Bench::new(|_| {});
    bench.follow();
    bench.shake_hands();
    bench.line("+CONTINUE");
    bench.act(|machine| machine.applied(0, &[0; 500]));
    assert_eq!(bench.machine.offset_of_data(), Offset(500));
    bench.link(LinkInput::Lost("reset".into()));
    bench.pass(0);
    bench.shake_hands();
    bench.receive_through_file(900);
    bench.link(LinkInput::Lost("Failed trying to load".into()));
    assert_eq!(bench.machine.offset_of_data(), Offset(0), "the data were flushed");
    assert_eq!(bench.machine.place_of_data(), None);
    bench.pass(1_000);
    bench.wanted.clear();
    bench.shake_hands();
    assert!(bench.sent().ends_with("PSYNC $1 ? $2 -1 "));
}

/// A primary that reads nothing while its replica loads: one newline waits in the socket, and what was loaded counts at once.
#[test]
fn a_primary_whose_socket_takes_nothing_does_not_hold_up_what_was_loaded() {
    let mut bench = Bench::new(|_| {});
    bench.follow();
    bench.shake_hands();
    bench.receive_through_file(900);
    bench.wanted.clear();
    bench.pass(60_000);
    assert_eq!(bench.sent(), "\n", "the second would wait behind the first");
    bench.link(LinkInput::LoadingEnded { db: 3 });
    assert!(bench.machine.follower().is_some_and(Follower::is_up));
    assert!(bench.wants_on_link(&LinkEffect::Apply));
    bench.pass(9_999);
    assert!(bench.machine.follower().is_some_and(Follower::is_up), "it has `repl-timeout` to take it");
    bench.link(LinkInput::Sent);
    bench.wanted.clear();
    bench.pass(0);
    assert_eq!(bench.sent(), "*3 $8 REPLCONF $3 ACK $3 900 ");
    bench.pass(10_000);
    assert!(!bench.machine.follower().is_some_and(Follower::is_up), "and no longer");
}

#[test]
fn news_are_acknowledged_soon_and_silence_once_a_second() {
    let mut bench = Bench::new(|_| {});
    bench.follow();
    bench.shake_hands();
    bench.line("+CONTINUE");
    bench.wanted.clear();
    let mut times = Vec::new();
    for step in 0..400 {
        if step == 200 {
            let now = bench.now;
            bench.act(|machine| {
                machine.applied(0, b"news");
                assert!(machine.heard(now, 0));
                assert!(!machine.heard(now, 0), "whoever waits for the time knows it by now");
            });
        }
        bench.pass(10);
        if !bench.sent().is_empty() {
            bench.link(LinkInput::Sent);
            // The step within which it was sent.
            times.push(step * 10);
        }
    }
    // The first may come before the primary listens, so it is repeated.
    assert_eq!(times, [0, 40, 1040, 2000, 2990, 3990]);
}

#[test]
fn all_who_wait_share_a_snapshot_and_the_delay_is_that_of_who_waits_longest() {
    let mut bench = Bench::new(|_| {});
    for id in [1, 2] {
        assert_eq!(bench.attach(id), Ok(Resync::Full { refused: false }));
        bench.pass(2_000);
    }
    assert_eq!(bench.snapshots(), [[0; 0]; 0]);
    bench.pass(1_000);
    assert_eq!(bench.snapshots(), [[1, 2]]);
    bench.facts.snapshot_runs = true;
    bench.attach(3).expect("it waits for the next one");
    bench.pass(7_000);
    assert_eq!(bench.snapshots(), [[0; 0]; 0]);
    bench.facts.snapshot_runs = false;
    bench.pass(100);
    assert_eq!(bench.snapshots(), [[3]]);
}

#[test]
fn a_primary_that_asks_and_reads_nothing_gets_one_answer() {
    let mut bench = Bench::new(|_| {});
    bench.follow();
    bench.shake_hands();
    bench.line("+CONTINUE");
    bench.pass(0);
    bench.link(LinkInput::Sent);
    bench.wanted.clear();
    for _ in 0..100 {
        bench.act(Replication::acknowledge);
        bench.act(|machine| machine.applied(0, &[0; 37]));
    }
    assert_eq!(bench.sent(), "*3 $8 REPLCONF $3 ACK $1 0 ");
    bench.link(LinkInput::Sent);
    assert_eq!(bench.sent(), "*3 $8 REPLCONF $3 ACK $4 3700 ");
}

#[test]
fn a_delay_that_is_taken_back_is_not_waited_for() {
    let mut bench = Bench::new(|_| {});
    bench.attach(1).expect("it waits");
    bench.pass(1_000);
    let config = Config { repl_diskless_sync_delay: 0, ..Config::default() };
    bench.act(|machine| machine.configure(Settings::from_config(&config)));
    bench.pass(0);
    assert_eq!(bench.snapshots(), [[1]]);
}

#[test]
fn enough_replicas_do_not_wait_for_the_delay_and_without_sockets_nobody_does() {
    let mut bench = Bench::new(|config| config.repl_diskless_sync_max_replicas = 2);
    bench.attach(1).and(bench.attach(2)).expect("they wait");
    bench.pass(0);
    assert_eq!(bench.snapshots(), [[1, 2]]);
    let mut bench = Bench::new(|config| config.repl_diskless_sync = false);
    bench.attach(1).expect("it waits");
    bench.pass(0);
    assert_eq!(bench.snapshots(), [[1]]);
    bench.peer(1, PeerInput::SnapshotStored(77));
    assert!(bench.wants(|effect| *effect == Effect::Data(DataEffect::Peer(PeerId(1), PeerEffect::Send(b"$77\r\n".to_vec())))));
    bench.peer(1, PeerInput::SnapshotSent);
    assert!(bench.machine.replicas().all(Peer::is_online));
}

#[test]
fn a_replica_that_asks_while_the_file_is_written_shares_the_snapshot_and_has_the_stream_from_its_beginning() {
    let mut bench = Bench::new(|config| config.repl_diskless_sync = false);
    bench.attach(1).expect("it waits");
    bench.pass(0);
    assert_eq!(bench.snapshots(), [[1]]);
    bench.facts.snapshot_runs = true;
    bench.act(|machine| machine.append(0, b"written meanwhile"));
    bench.wanted.clear();
    bench.attach(2).expect("it shares");
    let replid = bench.machine.history().replid();
    let head = format!("+FULLRESYNC {replid} 0\r\n").into_bytes();
    assert!(bench.wants(|effect| *effect == Effect::Data(DataEffect::Peer(PeerId(2), PeerEffect::Send(head.clone())))));
    assert!(bench.machine.replicas().all(Peer::waits_for_file));
    // Whoever wants something else waits for a snapshot of its own.
    let said = Said::Filtered { functions: true };
    bench.act(|machine| machine.introduce(PeerId(3), "10.0.0.9:5000", Said::CapaEof));
    bench.act(|machine| machine.introduce(PeerId(3), "10.0.0.9:5000", said));
    bench.attach(3).expect("it waits");
    bench.pass(0);
    assert_eq!(bench.machine.replicas().filter(|peer| peer.waits_for_file()).count(), 2);
    for id in [1, 2] {
        bench.peer(id, PeerInput::SnapshotStored(77));
        bench.peer(id, PeerInput::SnapshotSent);
        let mut got = Vec::new();
        bench.act(|machine| {
            machine.feed(PeerId(id), |part| {
                got.extend_from_slice(part);
                true
            })
        });
        assert!(got.ends_with(b"written meanwhile"), "{id}: {}", got.escape_ascii());
    }
}

#[test]
fn a_replica_that_takes_nothing_of_its_snapshot_is_dropped() {
    let mut bench = Bench::new(|config| config.repl_diskless_sync_delay = 0);
    bench.attach(1).expect("it waits");
    bench.pass(0);
    let close = Effect::Data(DataEffect::Peer(PeerId(1), PeerEffect::Close));
    for second in 0..30 {
        bench.peer(1, PeerInput::Progress { sent: second.min(15), waits: true });
        bench.pass(1_000);
        assert_eq!(bench.wants(|effect| *effect == close), second >= 25, "after {second} seconds");
    }
}

#[test]
fn a_hand_over_waits_for_the_last_byte_and_is_taken_back_where_it_is_refused() {
    let mut bench = Bench::new(|config| config.repl_diskless_sync_delay = 0);
    bench.attach(1).expect("it waits");
    bench.pass(0);
    bench.peer(1, PeerInput::SnapshotSent);
    bench.peer(1, PeerInput::Acknowledged(Offset(0)));
    bench.act(|machine| machine.append(0, b"write"));
    let target = Some(("10.0.0.9".to_owned(), 7009));
    assert_eq!(bench.act(|machine| machine.fail_over(target, None, false)), Ok(()));
    assert!(bench.wants(|effect| *effect == Effect::Data(DataEffect::PauseWrites)));
    assert_eq!(bench.machine.failover_state(), "waiting-for-sync");
    assert_eq!(bench.attach(2), Err(SyncRefusal::FailingOver));
    let (own, end) = (bench.machine.history().replid(), bench.machine.history().offset());
    bench.peer(1, PeerInput::Acknowledged(end));
    assert_eq!(bench.machine.failover_state(), "failover-in-progress");
    bench.pass(0);
    bench.shake_hands();
    assert!(bench.sent().ends_with(&format!("PSYNC $40 {own} $2 {} $8 FAILOVER ", end + 1)));
    bench.link(LinkInput::Line(b"-ERR no".to_vec()));
    assert!(!bench.machine.is_replica() && !bench.machine.is_failing_over());
    assert!(bench.wants(|effect| *effect == Effect::Data(DataEffect::ResumeWrites)));
    assert_eq!(bench.machine.history().replid2(), own);
}
