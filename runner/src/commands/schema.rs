//! `runner schema`: the JSON Schema of topology files.

use super::say;
use crate::failure::{Doing, Outcome};
use crate::topology::Topology;
use clap::Args;

/// Prints the JSON Schema of topology files, for editors.
#[derive(Debug, Args)]
pub struct ShowSchema {}

impl ShowSchema {
    pub(super) fn run(self) -> Outcome<u8> {
        say(serde_json::to_string_pretty(&Topology::schema()).doing(|| "write JSON".into())?);
        Ok(0)
    }
}
