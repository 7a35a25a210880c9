//! The scenarios on disk, and the engines that play each of them.

use anyhow::{Context, Result};
use runner::engine::Engine;
use runner::scenario::{Cast, Scenario};
use std::path::{Path, PathBuf};

/// A scenario of this suite.
#[derive(Debug, Clone)]
pub struct Case {
    /// `chapter/name`, from its path.
    pub name: String,
    /// The scenario, parsed and checked.
    pub scenario: Scenario,
}

/// One play of a case.
#[derive(Debug, Clone)]
pub struct Part {
    /// The scenario that is played.
    pub case: Case,
    /// The engine of each node.
    pub cast: Cast,
}

impl Part {
    /// The name in reports and on the command line: `chapter/name [cast]`.
    pub fn name(&self) -> String {
        format!("{} [{}]", self.case.name, self.cast)
    }

    /// Whether upstream plays all nodes: that transcript is the reference.
    pub fn blesses(&self) -> bool {
        let all = self.cast.nodes.iter().map(|(_, engine)| engine).chain([&self.cast.engine]);
        all.into_iter().all(|engine| *engine == Engine::Redis)
    }

    /// Whether upstream plays at least one of its nodes.
    pub fn needs_upstream(&self) -> bool {
        let mut all = self.cast.nodes.iter().map(|(_, engine)| engine).chain([&self.cast.engine]);
        all.any(|engine| *engine == Engine::Redis)
    }
}

/// The folder of this package.
pub fn home() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All cases, in the order of their names.
pub fn all() -> Result<Vec<Case>> {
    let root = home().join("scenarios");
    let mut files = Vec::new();
    collect(&root, &mut files)?;
    files.sort();
    files.iter().map(|file| load(&root, file)).collect()
}

fn load(root: &Path, file: &Path) -> Result<Case> {
    let scenario = Scenario::load(file)?;
    let name = file.strip_prefix(root).unwrap_or(file).with_extension("");
    Ok(Case { name: name.display().to_string(), scenario })
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            files.push(path);
        }
    }
    Ok(())
}

/// The plays of a case: upstream alone, ours alone, and the mixtures that it names.
pub fn parts(case: &Case) -> Vec<Part> {
    let part = |cast| Part { case: case.clone(), cast };
    let pure = [Engine::Redis, Engine::Server].map(Cast::of).map(part);
    let mixes = case.scenario.mixes.iter().map(|mix| {
        let nodes = mix.iter().map(|(node, engine)| (node.to_owned(), engine.clone())).collect();
        part(Cast { engine: Engine::Server, nodes })
    });
    pure.into_iter().chain(mixes).collect()
}
