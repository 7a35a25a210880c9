//! `runner plan`: what `up` would do.

use super::say;
use super::up::Bring;
use crate::failure::{Doing, Outcome};
use crate::plan::Plan;
use crate::ports::Lease;
use crate::slots::describe;
use crate::state::Session;
use crate::topology::Topology;
use clap::Args;

/// Shows what `up` would start: ports, files, command lines. Nothing is started; leased ports may differ next time.
#[derive(Debug, Args)]
pub struct ShowPlan {
    #[command(flatten)]
    bring: Bring,
    /// Print JSON, for programs.
    #[arg(long)]
    json: bool,
}

impl ShowPlan {
    pub(super) fn run(self) -> Outcome<u8> {
        let topology = Topology::load(&self.bring.file, self.bring.engine.as_ref())?;
        let mut choices = self.bring.choices();
        let session = Session::named(&choices.name.clone().unwrap_or_else(|| topology.name()));
        choices.keep_ports_of(&session.dir);
        let mut lease = Lease::new();
        let plan = Plan::new(&topology, &choices, &session.dir, || lease.take())?;
        if self.json {
            say(serde_json::to_string_pretty(&plan).doing(|| "write JSON".into())?);
            return Ok(0);
        }
        say(format!("topology {} in {}", plan.name, session.dir.display()));
        for node in &plan.nodes {
            let upstream = node.upstream().map_or_else(String::new, |of| format!(" of {of}"));
            let bus = node.bus_port.map_or_else(String::new, |port| format!(", cluster bus on {port}"));
            let shard = plan.shards.iter().find(|shard| shard.master == node.name);
            let slots = shard.map_or_else(String::new, |shard| format!(", slots {}", describe(&shard.slots)));
            say(format!("\n{}: {}{upstream} on {}{bus}{slots}", node.name, node.role.word(), node.announced()));
            if node.is_external() {
                say("  external: only watched");
                continue;
            }
            let (program, leading) = node.engine.command().doing(|| "find its program".into())?;
            let leading = leading.iter().map(|word| word.to_string_lossy().into_owned());
            let words: Vec<String> = leading.chain(node.command_line()).collect();
            let words = words.iter().map(|word| shlex::try_quote(word).map_or_else(|_| word.clone(), Into::into));
            say(format!("  {} {}", program.display(), words.collect::<Vec<_>>().join(" ")));
            say(format!("  {}:", node.config_file));
            for line in node.config.lines() {
                say(format!("    {line}"));
            }
        }
        Ok(0)
    }
}
