//! Faults as people write them: `partition a,b -x- c --oneway`, `latency a 50ms`, `heal`.

use crate::duration::duration;
use crate::failure::{Failure, Outcome};
use crate::faults::{Ends, Fault, Order};
use crate::plan::Plan;
use crate::selectors::select;
use crate::yaml::suggest;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A fault that somebody asks for, with nodes by selectors: [`FaultCommand::resolve`] finds the nodes that they currently mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultCommand {
    text: String,
    verb: Verb,
    left: Vec<String>,
    right: Vec<String>,
    one_way: bool,
    lasts: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Add(Fault),
    Reset,
    Heal(Option<u64>),
    List,
}

/// What a fault command begins with.
pub(crate) const VERBS: [&str; 8] = ["partition", "stall", "latency", "loss", "bandwidth", "reset", "heal", "list"];

impl FromStr for FaultCommand {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let one_way = words.contains(&"--oneway");
        let mut words: Vec<&str> = words.into_iter().filter(|word| *word != "--oneway").collect();
        let lasts = option(&mut words, "--for", "5s")?;
        let jitter = option(&mut words, "--jitter", "20ms")?;
        if words.is_empty() {
            return Err(format!("which fault? Known: {}", VERBS.join(", ")));
        }
        let name = words.remove(0);
        let verb = match name {
            "partition" | "stall" => Verb::Add(Fault::Partition),
            "latency" => Verb::Add(Fault::Latency { delay: delay(words.pop())?, jitter: jitter.unwrap_or_default() }),
            "loss" => Verb::Add(Fault::Loss(share(words.pop())?)),
            "bandwidth" => Verb::Add(Fault::Bandwidth(rate(words.pop())?)),
            "reset" => Verb::Reset,
            "heal" => match words.as_slice() {
                [] => Verb::Heal(None),
                [id] => match id.parse() {
                    Ok(id) => Verb::Heal(Some(id)),
                    Err(_) => {
                        return Err(format!("`{id}` is not the number of a fault: `runner fault list` shows them"));
                    }
                },
                _ => return Err("`heal` takes the number of a fault, or nothing for all".into()),
            },
            "list" if words.is_empty() => Verb::List,
            "list" => return Err("`list` takes nothing".into()),
            other => return Err(format!("there is no fault `{other}`; {}", suggest(other, &VERBS))),
        };
        if lasts.is_some() && !matches!(verb, Verb::Add(_)) {
            return Err(format!("`{name}` takes no time: --for is for faults that last"));
        }
        if jitter.is_some() && name != "latency" {
            return Err(format!("`{name}` takes no --jitter: only `latency` does"));
        }
        let takes_ends = matches!(verb, Verb::Add(_) | Verb::Reset);
        let (left, right) = match words.iter().position(|word| *word == "-x-") {
            _ if !takes_ends => (Vec::new(), Vec::new()),
            Some(at) => (ends(&words[..at])?, ends(&words[at + 1..])?),
            None => (ends(&words)?, vec!["*".to_owned()]),
        };
        Ok(Self { text: text.to_owned(), verb, left, right, one_way, lasts })
    }
}

impl fmt::Display for FaultCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Takes an option with a time out of the words.
fn option(words: &mut Vec<&str>, name: &str, example: &str) -> Result<Option<Duration>, String> {
    let Some(at) = words.iter().position(|word| *word == name) else { return Ok(None) };
    words.remove(at);
    let word = (at < words.len()).then(|| words.remove(at));
    let word = word.ok_or_else(|| format!("{name} how long? For example `{name} {example}`"))?;
    duration(word).map(Some).map_err(|why| format!("{name} `{word}`: {why}"))
}

/// Names and selectors with commas between them.
fn ends(words: &[&str]) -> Result<Vec<String>, String> {
    let joined = words.join(" ");
    let names: Vec<String> =
        joined.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    match names.as_slice() {
        [] => Err("a side without nodes: say names, `client`, or `*` for everybody".into()),
        [one] if one.contains(' ') && !one.contains('"') => {
            Err(format!("`{one}`: put commas between nodes, or `LEFT -x- RIGHT` between sides"))
        }
        _ => Ok(names),
    }
}

fn delay(word: Option<&str>) -> Result<Duration, String> {
    word.ok_or("how late? For example `latency a -x- b 50ms`")
        .map_err(str::to_owned)
        .and_then(|word| duration(word).map_err(|why| format!("`{word}` is not a delay: {why}")))
}

/// A share of all packets, in millionths.
fn share(word: Option<&str>) -> Result<u32, String> {
    let word = word.ok_or("how much? For example `loss a -x- b 5%`")?;
    let percent = word.strip_suffix('%').and_then(|number| number.parse::<f64>().ok());
    match percent.filter(|percent| (0.0..=100.0).contains(percent)) {
        // Within the bounds of the type by the line above.
        Some(percent) => Ok((percent * 10_000.0).round() as u32),
        None => Err(format!("`{word}` is not a percentage: write it, for example `5%` or `0.1%`")),
    }
}

/// Bytes a second, with `k` or `m` behind the number.
fn rate(word: Option<&str>) -> Result<u64, String> {
    let word = word.ok_or("how many bytes a second? For example `bandwidth a -x- b 100k`")?;
    let digits = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
    let factor = match word[digits..].to_ascii_lowercase().as_str() {
        "" => 1,
        "k" => 1_000,
        "m" => 1_000_000,
        _ => 0,
    };
    match word[..digits].parse::<u64>().ok().and_then(|number| number.checked_mul(factor)) {
        Some(rate) if rate > 0 => Ok(rate),
        _ => Err(format!("`{word}` is not a bandwidth: say bytes a second, for example `100k` or `2m`")),
    }
}

impl FaultCommand {
    /// Replaces selectors by the nodes that they currently mean.
    pub async fn resolve(&self, plan: &Plan) -> Outcome<Order> {
        Ok(match self.verb {
            Verb::Add(fault) => Order::Add {
                fault,
                left: resolve(plan, &self.left).await?,
                right: resolve(plan, &self.right).await?,
                one_way: self.one_way,
                lasts: self.lasts,
            },
            Verb::Reset => {
                Order::Reset { left: resolve(plan, &self.left).await?, right: resolve(plan, &self.right).await? }
            }
            Verb::Heal(id) => Order::Heal { id },
            Verb::List => Order::List,
        })
    }
}

async fn resolve(plan: &Plan, ends: &[String]) -> Outcome<Ends> {
    if ends.iter().any(|end| end == "*") {
        return Ok(Ends::All);
    }
    let mut names = Vec::new();
    for end in ends {
        names.push(match end.as_str() {
            "client" => "client".to_owned(),
            selector => match select(plan, selector).await? {
                node if node.is_external() => {
                    return Err(Failure::bad_input(format!("`{}` is external", node.name))
                        .hint("connections to external nodes do not lead through the runner"));
                }
                node => node.name.clone(),
            },
        });
    }
    Ok(Ends::Named(names))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_commands_are_parsed_with_their_sides_and_options() {
        let command: FaultCommand = "partition a,b -x- c --oneway".parse().unwrap();
        assert_eq!(
            (command.left, command.right, command.one_way),
            (vec!["a".into(), "b".into()], vec!["c".into()], true)
        );
        let command: FaultCommand = "latency a 50ms".parse().unwrap();
        let late = |delay, jitter| {
            let (delay, jitter) = (Duration::from_millis(delay), Duration::from_millis(jitter));
            Verb::Add(Fault::Latency { delay, jitter })
        };
        assert_eq!(command.verb, late(50, 0));
        let command: FaultCommand = "latency a -x- b 50ms --jitter 20ms --for 5s".parse().unwrap();
        assert_eq!((command.verb, command.lasts), (late(50, 20), Some(Duration::from_secs(5))));
        assert_eq!("loss a -x- b 2.5%".parse::<FaultCommand>().unwrap().verb, Verb::Add(Fault::Loss(25_000)));
        let command: FaultCommand = "latency a 50ms".parse().unwrap();
        assert_eq!(command.right, ["*"]);
        assert_eq!(
            "bandwidth a -x- b 100k".parse::<FaultCommand>().unwrap().verb,
            Verb::Add(Fault::Bandwidth(100_000))
        );
        let command: FaultCommand = "partition a".parse().unwrap();
        assert_eq!((command.left, command.right), (vec!["a".to_owned()], vec!["*".to_owned()]));
        let command: FaultCommand = "stall a --for 5s".parse().unwrap();
        assert_eq!((command.left, command.lasts), (vec!["a".to_owned()], Some(Duration::from_secs(5))));
        assert_eq!("heal 3".parse::<FaultCommand>().unwrap().verb, Verb::Heal(Some(3)));
    }

    #[test]
    fn a_fault_with_a_mistake_is_refused_with_what_was_expected() {
        let wrong = |text: &str| text.parse::<FaultCommand>().unwrap_err();
        assert!(wrong("partition a b").contains("LEFT -x- RIGHT"));
        assert!(wrong("partition a b -x- c").contains("commas"));
        assert!(wrong("latency a -x- b").contains("not a delay"));
        assert!(wrong("bandwidth a 5q").contains("bytes a second"));
        assert!(wrong("loss a 5").contains("percent") && wrong("loss a 101%").contains("percent"));
        assert!(wrong("partition a --jitter 5ms").contains("no --jitter"));
        assert!(wrong("partion a -x- b").contains("did you mean `partition`?"));
        assert!(wrong("partition a --for").contains("how long?"));
        assert!(wrong("heal --for 5s").contains("takes no time"));
        assert!(wrong("heal all").contains("not the number of a fault"));
    }
}
