//! Moving slots between masters that take writes meanwhile. Whole where all nodes can (`handover.rs`), else by the commands of
//! every Redis: the target imports, the source migrates, keys go over in batches with MIGRATE, and then all masters are told
//! the new owner, the target first. At any moment a client finds a key at one of the two: MOVED and ASK lead it there.

use super::handover;
use super::view::{View, named};
use crate::client::Reply;
use crate::failure::{Failure, Outcome};
use crate::plan::{NodePlan, Plan};
use crate::pool::Pool;
use crate::slots::{SlotRange, ranges};
use std::time::Duration;

/// How many slots are moved at once. A node writes and syncs its nodes.conf before it replies to SETSLOT, once for all
/// commands of a pipeline.
const AT_ONCE: usize = 256;
/// How many MIGRATE commands go in one pipeline. The source serves nobody else before it has executed all of them.
const MIGRATES_AT_ONCE: usize = 16;
/// How many keys one MIGRATE takes.
const BATCH: &str = "100";
/// For one MIGRATE, in milliseconds as the command has it.
const PATIENCE_MS: u64 = 60_000;

/// A slot and the masters that it moves between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    pub slot: u16,
    /// The master that has it, by name.
    pub from: String,
    /// The master that gets it.
    pub to: String,
}

/// How much was moved.
#[derive(Debug, Clone, Copy, Default)]
pub struct Moved {
    pub slots: usize,
    /// How many keys those slots held.
    pub keys: usize,
}

/// How slots are moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Way {
    /// Whole where all nodes can do it, else key by key.
    #[default]
    Best,
    /// Key by key, by the commands of every Redis.
    Stock,
}

/// Moves slots; `progress` hears how far it is.
pub async fn migrate(plan: &Plan, moves: &[Move], way: Way, mut progress: impl FnMut(&Moved)) -> Outcome<Moved> {
    let mut pool = Pool::new(Duration::from_millis(PATIENCE_MS + 5_000));
    let view = seen(&mut pool, plan).await?;
    let mut moved = Moved::default();
    if way == Way::Best && handover::is_known(&mut pool, plan).await {
        for given in moves.chunk_by(|one, next| one.from == next.from) {
            let before = moved;
            let add = |more: &Moved| Moved { slots: before.slots + more.slots, keys: before.keys + more.keys };
            let given = handover::hand_over(&mut pool, plan, &view, given, |more| progress(&add(more))).await;
            let more = given.map_err(|error| {
                Failure::failed(format!("the slots stay where they are: {error}")).hint(
                    "`redis-cli CLUSTER GETSLOTMIGRATIONS` at the source tells more; `--stock` moves them key by key",
                )
            })?;
            moved = add(&more);
            progress(&moved);
        }
        return Ok(moved);
    }
    for way in moves.chunk_by(|one, next| (&one.from, &one.to) == (&next.from, &next.to)) {
        for few in way.chunks(AT_ONCE) {
            moved.keys += carry(&mut pool, plan, &view, few).await.map_err(|error| {
                let (first, last) = (few[0].slot, few[few.len() - 1].slot);
                Failure::failed(format!(
                    "slots {first} to {last} did not get from {} to {}: {error}",
                    few[0].from, few[0].to
                ))
                .hint("`runner check` shows open slots; moving them again, or `redis-cli --cluster fix`, closes them")
            })?;
            moved.slots += few.len();
            progress(&moved);
        }
    }
    Ok(moved)
}

/// Moves a few slots that have the same way; how many keys there were.
async fn carry(pool: &mut Pool, plan: &Plan, view: &View, few: &[Move]) -> Result<usize, String> {
    let node = |name: &str| plan.node(name).ok_or_else(|| format!("there is no node {name}"));
    let (from, to) = (node(&few[0].from)?, node(&few[0].to)?);
    let id = |node: &NodePlan| view.of(node).map(|member| member.id.clone()).unwrap_or_default();
    let (from_id, to_id) = (id(from), id(to));
    let set = |state: &str, id: &str| -> Vec<Vec<Vec<u8>>> {
        let command = |one: &Move| words(&["CLUSTER", "SETSLOT", &one.slot.to_string(), state, id]);
        few.iter().map(command).collect()
    };
    pool.pipeline(to, &set("IMPORTING", &from_id)).await?;
    pool.pipeline(from, &set("MIGRATING", &to_id)).await?;
    let keys = keys(pool, from, to, few).await?;
    // The target first: if it died behind the others, nobody would own the slot.
    pool.pipeline(to, &takes(few, &to_id)).await?;
    match pool.pipeline(from, &set("NODE", &to_id)).await {
        // Its last slot is gone, and gossip was quicker: it follows the new owner already, or (Valkey, which has replicas
        // confirm each SETSLOT) its replicas do.
        Err(error) if error.contains("use SETSLOT only with masters") || error.starts_with("NOREPLICAS") => {}
        result => drop(result?),
    }
    for master in view.masters().into_iter().filter_map(|member| named(plan, member)) {
        if master.name != from.name && master.name != to.name {
            // A master that does not answer learns of it by gossip.
            let _ = pool.pipeline(master, &set("NODE", &to_id)).await;
        }
    }
    Ok(keys)
}

/// How the target takes slots that it imports. When a node of Redis 7 or later takes a slot that it imports, it sends its view to
/// all nodes, and each of them writes and syncs its nodes.conf: one such message a slot makes moving four times slower. So only
/// two slots are taken like this: the first, which gives the target the highest epoch and so the right to claim the others, and
/// the last, whose message tells all nodes of all slots. Those between stop being imported before the target claims them.
fn takes(few: &[Move], to: &str) -> Vec<Vec<Vec<u8>>> {
    let mut commands = Vec::new();
    for (index, one) in few.iter().enumerate() {
        let slot = one.slot.to_string();
        if index > 0 && index + 1 < few.len() {
            commands.push(words(&["CLUSTER", "SETSLOT", &slot, "STABLE"]));
        }
        commands.push(words(&["CLUSTER", "SETSLOT", &slot, "NODE", to]));
    }
    commands
}

fn words(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

/// Moves all keys of some slots; how many there were.
async fn keys(pool: &mut Pool, from: &NodePlan, to: &NodePlan, few: &[Move]) -> Result<usize, String> {
    let questions: Vec<_> =
        few.iter().map(|one| words(&["CLUSTER", "GETKEYSINSLOT", &one.slot.to_string(), BATCH])).collect();
    let address = to.announced();
    let (port, patience) = (address.port.to_string(), PATIENCE_MS.to_string());
    let mut head = words(&["MIGRATE", &address.host, &port, "", "0", &patience]);
    match (&to.user, &to.password) {
        (Some(user), Some(password)) => head.extend(words(&["AUTH2", user, password])),
        (_, Some(password)) => head.extend(words(&["AUTH", password])),
        (_, None) => {}
    }
    // A key of an earlier attempt that broke off may be there already.
    head.extend(words(&["REPLACE", "KEYS"]));
    let mut count = 0;
    loop {
        let mut commands = Vec::new();
        for reply in pool.pipeline(from, &questions).await? {
            let keys = reply.elements().iter().filter_map(|key| match key {
                Reply::Bulk(key) => Some(key.clone()),
                _ => None,
            });
            let command: Vec<Vec<u8>> = head.iter().cloned().chain(keys).collect();
            if command.len() > head.len() {
                count += command.len() - head.len();
                commands.push(command);
            }
        }
        if commands.is_empty() {
            return Ok(count);
        }
        for few in commands.chunks(MIGRATES_AT_ONCE) {
            pool.pipeline(from, few).await?;
        }
    }
}

/// The view of the first node that answers.
pub async fn seen(pool: &mut Pool, plan: &Plan) -> Outcome<View> {
    let mut last = "it has no nodes".to_owned();
    for node in plan.cluster_nodes() {
        match super::health::view(pool, node).await {
            Ok(view) => return Ok(view),
            Err(error) => last = error,
        }
    }
    Err(Failure::failed(format!("no node of the cluster answers: {last}"))
        .hint("`runner status` shows which nodes run"))
}

/// The masters that answer and the slots that they own, by name, in the order of their slots.
pub fn holdings(plan: &Plan, view: &View) -> Vec<(String, Vec<u16>)> {
    let sound = view.masters().into_iter().filter(|member| member.trouble().is_none());
    let masters = sound.filter_map(|member| {
        let slots = member.slots.iter().flat_map(|range| range.slots()).collect();
        Some((named(plan, member)?.name.clone(), slots))
    });
    masters.collect()
}

/// Chosen slots, from the masters that own them, to one master.
pub fn moves_to(holdings: &[(String, Vec<u16>)], slots: &[SlotRange], to: &str) -> Vec<Move> {
    let wanted = |slot: &u16| slots.iter().any(|range| range.contains(*slot));
    let others = holdings.iter().filter(|(name, _)| name != to);
    others
        .flat_map(|(name, owned)| {
            let owned = owned.iter().copied().filter(wanted);
            owned.map(|slot| Move { slot, from: name.clone(), to: to.to_owned() })
        })
        .collect()
}

/// So many slots, from some masters in proportion to what they have, to one master.
pub fn moves_of(holdings: &[(String, Vec<u16>)], count: usize, from: &[String], to: &str) -> Vec<Move> {
    let sources: Vec<&(String, Vec<u16>)> =
        holdings.iter().filter(|(name, _)| name != to && (from.is_empty() || from.contains(name))).collect();
    let all: usize = sources.iter().map(|(_, slots)| slots.len()).sum();
    let mut left = count.min(all);
    let mut moves = Vec::new();
    let mut rest = all;
    for (name, slots) in sources {
        let share = (left * slots.len()).checked_div(rest).unwrap_or(0);
        // What rounding leaves falls to the later ones; the last takes all that is left.
        let share = if rest == slots.len() { left } else { share };
        rest -= slots.len();
        left -= share;
        moves.extend(slots.iter().take(share).map(|&slot| Move { slot, from: name.clone(), to: to.to_owned() }));
    }
    moves
}

/// The fewest moves after which every master has its share by weight. A master without a weight counts as one of 1.
pub fn balance(holdings: &[(String, Vec<u16>)], weights: &[(String, f64)]) -> Vec<Move> {
    let weight = |name: &str| weights.iter().find(|(known, _)| known == name).map_or(1.0, |(_, weight)| *weight);
    let total: f64 = holdings.iter().map(|(name, _)| weight(name)).sum();
    let slots: usize = holdings.iter().map(|(_, slots)| slots.len()).sum();
    if total <= 0.0 {
        return Vec::new();
    }
    // Shares are cut from one line, so that they add up.
    let (mut sum, mut before) = (0.0, 0);
    let mut surplus: Vec<(&str, &[u16])> = Vec::new();
    let mut deficit: Vec<(&str, usize)> = Vec::new();
    for (name, owned) in holdings {
        sum += weight(name);
        let until = (slots as f64 * sum / total).round() as usize;
        let share = until - before;
        before = until;
        match owned.len().checked_sub(share) {
            Some(extra) if extra > 0 => surplus.push((name, &owned[owned.len() - extra..])),
            Some(_) => {}
            None => deficit.push((name, share - owned.len())),
        }
    }
    let mut takers = deficit.into_iter().flat_map(|(name, count)| std::iter::repeat_n(name, count));
    let givers = surplus.into_iter().flat_map(|(name, slots)| slots.iter().map(move |&slot| (name, slot)));
    let pairs = givers.map_while(|(from, slot)| Some((from, slot, takers.next()?)));
    pairs.map(|(from, slot, to)| Move { slot, from: from.to_owned(), to: to.to_owned() }).collect()
}

/// Moves as a person reads them: `node-1 -> node-2: 100 slots (0-99)`.
pub fn summary(moves: &[Move]) -> Vec<String> {
    let mut ways: Vec<(&str, &str)> = moves.iter().map(|one| (one.from.as_str(), one.to.as_str())).collect();
    ways.sort_unstable();
    ways.dedup();
    let line = |(from, to): &(&str, &str)| {
        let slots: Vec<u16> =
            moves.iter().filter(|one| one.from == *from && one.to == *to).map(|one| one.slot).collect();
        let shown = crate::slots::describe(&ranges(slots.iter().copied()));
        format!("{from} -> {to}: {} slots ({shown})", slots.len())
    };
    ways.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holdings(of: &[(&str, u16, u16)]) -> Vec<(String, Vec<u16>)> {
        of.iter().map(|(name, first, end)| ((*name).to_owned(), (*first..*end).collect())).collect()
    }

    fn counts(holdings: &[(String, Vec<u16>)], moves: &[Move]) -> Vec<usize> {
        let count = |(name, slots): &(String, Vec<u16>)| {
            let gone = moves.iter().filter(|one| one.from == *name).count();
            let come = moves.iter().filter(|one| one.to == *name).count();
            slots.len() - gone + come
        };
        holdings.iter().map(count).collect()
    }

    #[test]
    fn a_target_takes_many_slots_with_two_messages_to_everybody() {
        let few: Vec<Move> = (0..4).map(|slot| Move { slot, from: "a".into(), to: "b".into() }).collect();
        let said: Vec<String> =
            takes(&few, "ID").iter().map(|command| String::from_utf8_lossy(&command[2..].join(&b' ')).into()).collect();
        assert_eq!(said, ["0 NODE ID", "1 STABLE", "1 NODE ID", "2 STABLE", "2 NODE ID", "3 NODE ID"]);
        assert_eq!(takes(&few[..1], "ID").len(), 1);
    }

    #[test]
    fn an_empty_master_gets_its_share_by_the_fewest_moves() {
        let three = holdings(&[("a", 0, 5461), ("b", 5461, 10923), ("c", 10923, 16384), ("d", 0, 0)]);
        let moves = balance(&three, &[]);
        assert_eq!(moves.len(), 4096);
        assert_eq!(counts(&three, &moves), [4096, 4096, 4096, 4096]);
        assert!(moves.iter().all(|one| one.to == "d"));
        assert!(balance(&holdings(&[("a", 0, 8192), ("b", 8192, 16384)]), &[]).is_empty());
    }

    #[test]
    fn a_weight_of_nothing_empties_a_master() {
        let two = holdings(&[("a", 0, 10), ("b", 10, 20), ("c", 20, 30)]);
        let moves = balance(&two, &[("b".into(), 0.0), ("a".into(), 2.0)]);
        assert_eq!(counts(&two, &moves), [20, 0, 10]);
    }

    #[test]
    fn a_number_of_slots_comes_from_all_sources_in_proportion() {
        let three = holdings(&[("a", 0, 10), ("b", 10, 40), ("c", 40, 50)]);
        let moves = moves_of(&three, 20, &[], "c");
        assert_eq!(counts(&three, &moves), [5, 15, 30]);
        assert_eq!(moves_of(&three, 99, &["a".into()], "c").len(), 10);
        assert_eq!(summary(&moves_of(&three, 3, &["a".into()], "c")), ["a -> c: 3 slots (0-2)"]);
    }
}
