//! `runner fault partition A -x- B`: network faults without root.

use super::{Which, complete, say};
use crate::control::{Answer, Request, ask};
use crate::failure::{Doing, Failure, Outcome};
use crate::fault_command::FaultCommand;
use clap::Args;

/// Makes and heals network faults between nodes, without root; for topologies that are brought up with `--faults`.
#[derive(Debug, Args)]
#[command(after_help = FAULTS)]
pub struct Fault {
    #[command(flatten)]
    which: Which,
    /// Print JSON, for programs. Also accepted after the words of the fault.
    #[arg(long)]
    json: bool,
    /// The fault, in the words that are described below.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true, add = complete::fault())]
    words: Vec<String>,
}

const FAULTS: &str = "\
Faults:
  partition A -x- B [--oneway]       nothing comes through; with --oneway
                                     only nothing from A to B
  latency A -x- B 50ms [--oneway]    everything comes so much later, each
                                     way; with --jitter 20ms by chance up to
                                     so much later still
  loss A -x- B 5% [--oneway]         so many packets are lost; TCP sends them
                                     again after 200 ms, 400 ms and so on,
                                     and what is behind them waits
  bandwidth A -x- B 100k [--oneway]  so many bytes a second, each way and
                                     connection
  stall A                            A is cut off from everybody, clients
                                     included
  reset A -x- B                      connections between them are reset, once
  heal [NUMBER]                      all faults, or one
  list

A and B are nodes with commas between them: names, selectors, `client`
(connections that come from no node), or `*` for all of them. Without `-x- B` everybody is
meant. With --for 5s behind it a fault heals itself after that time. What is
held up is not lost, but flows on when the fault is healed. The runner's own
commands go past all faults; clients come through at the addresses
of `runner env`.";

impl Fault {
    pub(super) async fn run(self) -> Outcome<u8> {
        // Whatever follows the first word is one of the words.
        let json = self.json || self.words.iter().any(|word| word == "--json");
        let words: Vec<&str> = self.words.iter().map(String::as_str).filter(|word| *word != "--json").collect();
        let command: FaultCommand = words
            .join(" ")
            .parse()
            .map_err(|why: String| Failure::bad_input(why).hint("`runner fault --help` lists the faults"))?;
        let session = self.which.session()?;
        let order = command.resolve(&session.read()?.plan).await?;
        if let Answer::Faults { rules } = ask(&session, &Request::Fault { order }).await? {
            match rules.as_slice() {
                rules if json => say(serde_json::to_string_pretty(rules).doing(|| "write JSON".into())?),
                [] => say("no faults"),
                rules => rules.iter().for_each(|rule| say(format!("{:>3}  {rule}", rule.id))),
            }
        }
        Ok(0)
    }
}
