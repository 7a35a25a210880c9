//! `runner init`: a topology file to begin with.

use super::say;
use crate::failure::{Doing, Failure, Outcome};
use crate::topology::Topology;
use clap::{Args, ValueEnum};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The schema that the files name, beside them.
const SCHEMA: &str = "topology.schema.json";

/// Writes a commented topology file to begin with, and the schema by which editors complete and check it.
#[derive(Debug, Args)]
pub struct Init {
    /// The kind of topology.
    #[arg(value_enum, default_value_t = Kind::Replication)]
    kind: Kind,
    /// The file to write, KIND.yaml by default. An existing file is not overwritten.
    file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    Replication,
    Sentinel,
    Cluster,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Replication => "replication",
            Self::Sentinel => "sentinel",
            Self::Cluster => "cluster",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Replication => include_str!("init/replication.yaml"),
            Self::Sentinel => include_str!("init/sentinel.yaml"),
            Self::Cluster => include_str!("init/cluster.yaml"),
        }
    }
}

impl Init {
    pub(super) fn run(self) -> Outcome<u8> {
        let file = self.file.unwrap_or_else(|| format!("{}.yaml", self.kind.name()).into());
        let text = format!("# yaml-language-server: $schema={SCHEMA}\n{}", self.kind.text());
        let mut new = std::fs::OpenOptions::new().write(true).create_new(true).open(&file).map_err(|error| {
            let failure = Failure::bad_input(format!("cannot write {}: {error}", file.display()));
            match error.kind() {
                std::io::ErrorKind::AlreadyExists => failure.hint("name another file: `runner init KIND FILE`"),
                _ => failure,
            }
        })?;
        new.write_all(text.as_bytes()).doing(|| format!("write {}", file.display()))?;
        let schema = file.parent().unwrap_or(Path::new("")).join(SCHEMA);
        let described = serde_json::to_string_pretty(&Topology::schema()).doing(|| "write JSON".into())?;
        std::fs::write(&schema, described + "\n").doing(|| format!("write {}", schema.display()))?;
        say(format!("{} and {} are written; next: runner up {}", file.display(), schema.display(), file.display()));
        Ok(0)
    }
}
