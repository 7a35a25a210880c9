//! What one run left: the happenings, the outage, the phases between; and the medians of many runs.

use super::script::Script;
use super::world::{Happening, Kind, World};
use super::writes::Stream;
use serde::Serialize;

/// A named moment of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Phase {
    /// What was reached, in words.
    pub name: String,
    /// When, in milliseconds since the script began.
    pub at_ms: f64,
}

/// A time in which a node showed the same state.
#[derive(Debug, Clone, Serialize)]
pub struct Span {
    /// When the state began, in milliseconds after the script.
    pub from_ms: f64,
    /// When it ended, in milliseconds after the script.
    pub to_ms: f64,
    /// `master`, `replica`, `sentinel`, `silent`; of writes: the node that took them.
    pub state: String,
}

/// A node's row of the picture.
#[derive(Debug, Clone, Serialize)]
pub struct Lane {
    /// The node, or the master whose data are written.
    pub name: String,
    /// The states of the node, one after the other.
    pub spans: Vec<Span>,
}

/// The longest time without an acknowledged write.
#[derive(Debug, Clone, Serialize)]
pub struct Outage {
    /// Whose data, by the master's name before.
    pub of: String,
    /// The last acknowledged write before.
    pub from_ms: f64,
    /// The first one after; the end of the run where none came.
    pub to_ms: f64,
    /// Whether the outage ended within the run.
    pub over: bool,
}

impl Outage {
    /// How long it was.
    pub fn length_ms(&self) -> f64 {
        self.to_ms - self.from_ms
    }
}

/// One run of a script.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Story {
    /// Which one, from 1.
    pub run: usize,
    /// The script as the user wrote it.
    pub script: String,
    /// How long it was watched.
    pub took_ms: f64,
    /// All that happened, in order.
    pub happenings: Vec<Happening>,
    /// The moments that every run has, such as the election.
    pub phases: Vec<Phase>,
    /// The longest outage of writes.
    pub outage: Option<Outage>,
    /// How many writes were acknowledged.
    pub acknowledged: usize,
    /// How many of them are gone; `None` where they could not be read back.
    pub lost: Option<usize>,
    /// What had not settled when the time was over.
    pub unsettled: Option<String>,
    /// Rows of the picture.
    pub lanes: Vec<Lane>,
    /// Rows of the picture: who took the writes.
    pub writes: Vec<Lane>,
}

/// A gap shorter than this, in which no node refused a write, is the pace of the probe on a busy machine and not an outage.
const GAP_MS: f64 = 50.0;

impl Story {
    /// Whether acknowledged writes are gone.
    pub(crate) fn lost_some(&self) -> bool {
        self.lost.is_some_and(|lost| lost > 0)
    }

    /// Who was what when the run began.
    pub(crate) fn roles(&self) -> Vec<(&str, &str)> {
        let lanes = self.lanes.iter();
        lanes.filter_map(|lane| Some((lane.name.as_str(), lane.spans.first()?.state.as_str()))).collect()
    }

    pub(super) fn of(
        world: &World,
        script: &Script,
        run: usize,
        lost: Option<usize>,
        unsettled: Option<String>,
    ) -> Self {
        let took_ms = world.ms(tokio::time::Instant::now());
        let mut happenings = world.happenings.clone();
        happenings.sort_by(|left, right| left.at_ms.total_cmp(&right.at_ms));
        let outages = world.streams.iter().filter_map(|stream| outage(world, stream, took_ms));
        let outage = outages.max_by(|left, right| left.length_ms().total_cmp(&right.length_ms()));
        let sentinels = world.plan.nodes.iter().filter(|node| !node.holds_data()).count();
        let silent = world.nodes.values().filter(|now| !now.answers && !now.names.is_empty()).count();
        let mut phases = phases(&happenings, sentinels - silent.min(sentinels));
        phases.extend(outage.iter().filter(|outage| outage.over).map(|outage| phase("writes again", outage.to_ms)));
        phases.sort_by(|left, right| left.at_ms.total_cmp(&right.at_ms));
        Self {
            run,
            script: script.to_string(),
            took_ms,
            phases,
            outage,
            acknowledged: world.streams.iter().map(|stream| stream.acknowledged.len()).sum(),
            lost,
            unsettled,
            lanes: lanes(world, took_ms),
            writes: world.streams.iter().map(|stream| write_lane(world, stream)).collect(),
            happenings,
        }
    }
}

fn phase(name: &str, at_ms: f64) -> Phase {
    Phase { name: name.to_owned(), at_ms }
}

/// The longest gap after the script began in which a write was refused; where none was, the longest that is worth naming.
fn outage(world: &World, stream: &Stream, took_ms: f64) -> Option<Outage> {
    let mut times: Vec<f64> = stream.acknowledged.iter().map(|ack| world.ms(ack.at)).collect();
    let last = times.last().copied()?;
    times.push(took_ms);
    let refusal = format!("takes no writes to {}'s data", stream.name);
    let refusals = || world.happenings.iter().filter(|one| one.kind == Kind::Write && one.what.starts_with(&refusal));
    let refused = |(from, to): &(f64, f64)| refusals().any(|one| (*from..*to).contains(&one.at_ms));
    let gaps = times.windows(2).map(|pair| (pair[0], pair[1])).filter(|(_, to)| *to > 0.0);
    let longest = |left: &(f64, f64), right: &(f64, f64)| (left.1 - left.0).total_cmp(&(right.1 - right.0));
    let with_refusal = gaps.clone().filter(refused).max_by(longest);
    let (from_ms, to_ms) = with_refusal.or_else(|| gaps.max_by(longest).filter(|(from, to)| to - from >= GAP_MS))?;
    Some(Outage { of: stream.name.clone(), from_ms, to_ms, over: from_ms < last })
}

fn phases(happenings: &[Happening], sentinels: usize) -> Vec<Phase> {
    let of =
        |kind, what: &'static str| happenings.iter().filter(move |one| one.kind == kind && one.what.starts_with(what));
    let first = |name: &str, kind, what| of(kind, what).next().map(|one| phase(name, one.at_ms));
    let last = |name: &str, kind, what| of(kind, what).next_back().map(|one| phase(name, one.at_ms));
    let suspicion = |name: &str, flag: &str| {
        let seen = happenings.iter().find(|one| one.kind == Kind::Suspicion && one.what.ends_with(flag));
        seen.map(|one| phase(name, one.at_ms))
    };
    let mut switched: Vec<&str> = Vec::new();
    let all_switched = of(Kind::Sentinel, "+switch-master").find(|one| {
        if !switched.contains(&one.node.as_str()) {
            switched.push(&one.node);
        }
        switched.len() == sentinels
    });
    [
        first("a node is silent", Kind::Reach, "does not"),
        first("first sentinel: subjectively down", Kind::Sentinel, "+sdown master"),
        first("objectively down", Kind::Sentinel, "+odown master"),
        first("a leader is elected", Kind::Sentinel, "+elected-leader"),
        first("a replica is selected", Kind::Sentinel, "+selected-slave"),
        first("the replica is promoted", Kind::Sentinel, "+promoted-slave"),
        first("first sentinel names the new master", Kind::Sentinel, "+switch-master"),
        all_switched.map(|one| phase("all sentinels name the new master", one.at_ms)),
        suspicion("first suspicion", "`fail?`"),
        suspicion("marked as failed", "`fail`"),
        first("a replica is a master", Kind::Role, "is a master"),
        first("slots move in the first view", Kind::Slots, ""),
        last("slots moved in every view", Kind::Slots, ""),
        last("every node says that the cluster is ok", Kind::State, "cluster_state:ok"),
        happenings
            .iter()
            .rfind(|one| one.kind == Kind::Link && one.what.contains("link up"))
            .map(|one| phase("replicas are linked", one.at_ms)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn lanes(world: &World, took_ms: f64) -> Vec<Lane> {
    let lane = |name: &str| {
        let mut spans: Vec<Span> = Vec::new();
        for (at, _, state) in world.states.iter().filter(|(_, node, _)| node == name) {
            if let Some(last) = spans.last_mut() {
                last.to_ms = *at;
            }
            spans.push(Span { from_ms: *at, to_ms: took_ms, state: state.clone() });
        }
        Lane { name: name.to_owned(), spans }
    };
    world.plan.nodes.iter().map(|node| lane(&node.name)).collect()
}

/// Writes without a gap, by the node that took them.
fn write_lane(world: &World, stream: &Stream) -> Lane {
    let mut spans: Vec<Span> = Vec::new();
    for ack in &stream.acknowledged {
        let at = world.ms(ack.at);
        let state = &stream.nodes[ack.node].name;
        match spans.last_mut() {
            Some(last) if last.state == *state && at - last.to_ms < GAP_MS / 2.0 => last.to_ms = at,
            _ => spans.push(Span { from_ms: at, to_ms: at, state: state.clone() }),
        }
    }
    Lane { name: format!("writes ({})", stream.name), spans }
}

/// A figure of many runs.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    pub name: String,
    /// In how many runs it occurred.
    pub runs: usize,
    /// The median, in milliseconds.
    pub median_ms: f64,
    pub least_ms: f64,
    pub most_ms: f64,
}

/// Many runs of one script.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    pub runs: usize,
    /// Phases, and the outage last.
    pub figures: Vec<Figure>,
    /// Acknowledged writes of all runs.
    pub acknowledged: usize,
    /// Lost writes of all runs; `None` where one could not be read back.
    pub lost: Option<usize>,
}

impl Summary {
    /// Summarises several runs of one script.
    pub fn of(stories: &[&Story]) -> Self {
        let mut names: Vec<&str> = Vec::new();
        for phase in stories.iter().flat_map(|story| &story.phases) {
            if !names.contains(&phase.name.as_str()) {
                names.push(&phase.name);
            }
        }
        let values = |name: &str| -> Vec<f64> {
            let phases = stories.iter().filter_map(|story| story.phases.iter().find(|phase| phase.name == name));
            phases.map(|phase| phase.at_ms).collect()
        };
        let mut figures: Vec<Figure> = names.iter().filter_map(|name| figure(name, values(name))).collect();
        figures.sort_by(|left, right| left.median_ms.total_cmp(&right.median_ms));
        let outages = stories.iter().filter_map(|story| story.outage.as_ref()).map(Outage::length_ms).collect();
        figures.extend(figure("outage of writes", outages));
        Self {
            runs: stories.len(),
            figures,
            acknowledged: stories.iter().map(|story| story.acknowledged).sum(),
            lost: stories.iter().map(|story| story.lost).sum(),
        }
    }
}

fn figure(name: &str, mut values: Vec<f64>) -> Option<Figure> {
    values.sort_by(f64::total_cmp);
    let (least, most) = (*values.first()?, *values.last()?);
    let middle = values.len() / 2;
    let median = if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 };
    Some(Figure { name: name.to_owned(), runs: values.len(), median_ms: median, least_ms: least, most_ms: most })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_phases_of_a_failover_are_derived_from_the_events() {
        let one = |at_ms, node: &str, kind, what: &str| Happening { at_ms, node: node.into(), kind, what: what.into() };
        let happenings = [
            one(1.0, "m", Kind::Reach, "does not answer"),
            one(5.0, "s-1", Kind::Sentinel, "+sdown slave b"),
            one(6.0, "s-1", Kind::Sentinel, "+sdown master mymaster m"),
            one(7.0, "s-1", Kind::Sentinel, "+switch-master mymaster m b"),
            one(8.0, "s-2", Kind::Sentinel, "+switch-master mymaster m b"),
            one(9.0, "n", Kind::Suspicion, "sees m as `fail?`"),
        ];
        let found: Vec<(String, f64)> = phases(&happenings, 2).into_iter().map(|p| (p.name, p.at_ms)).collect();
        let at = |name: &str| found.iter().find(|(found, _)| found == name).map(|(_, at)| *at);
        assert_eq!(at("first sentinel: subjectively down"), Some(6.0));
        assert_eq!(at("all sentinels name the new master"), Some(8.0));
        assert_eq!(at("first suspicion"), Some(9.0));
        assert_eq!(at("marked as failed"), None);
    }
}
