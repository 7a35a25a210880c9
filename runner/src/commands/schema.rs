//! `runner schema`: the JSON Schemas of the files that the runner reads.

use super::say;
use crate::failure::{Doing, Outcome};
use crate::scenario::Scenario;
use crate::topology::Topology;
use clap::{Args, ValueEnum};

/// Prints the JSON Schema of topology files (or of scenarios), for editors.
#[derive(Debug, Args)]
pub struct ShowSchema {
    /// The kind of files that the schema describes.
    #[arg(value_enum, default_value_t = Files::Topology)]
    files: Files,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Files {
    Topology,
    Scenario,
}

impl ShowSchema {
    pub(super) fn run(self) -> Outcome<u8> {
        let schema = match self.files {
            Files::Topology => Topology::schema(),
            Files::Scenario => Scenario::schema(),
        };
        say(serde_json::to_string_pretty(&schema).doing(|| "write JSON".into())?);
        Ok(0)
    }
}
