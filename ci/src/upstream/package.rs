//! Debian's source package of Redis, whose tests are run. It stays in a cache outside the repository.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// An unpacked source package.
pub struct Package {
    /// The version with Debian's revision.
    pub version: String,
    /// The root of its sources.
    pub root: PathBuf,
}

/// Fetches the package, unless the cache has it, and unpacks it.
pub fn fetch() -> Result<Package> {
    let home = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let cache = home.context("neither XDG_CACHE_HOME nor HOME is set")?.join("redis-upstream-suite");
    std::fs::create_dir_all(&cache)?;
    let description = match find(&cache, ".dsc")? {
        Some(found) => found,
        None => {
            download(&cache)?;
            find(&cache, ".dsc")?.context("apt-get source brought no description of the package")?
        }
    };
    let name = description.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let version = name.split_once('_').map_or(name.clone(), |(_, version)| version.to_owned());
    let root = cache.join(format!("sources-{version}"));
    if !root.join("tests/test_helper.tcl").exists() {
        let archive = find(&cache, ".orig.tar.gz")?.context("the package has no archive of sources")?;
        let unpacked = cache.join(format!("unpacking-{}", std::process::id()));
        std::fs::create_dir_all(&unpacked)?;
        run(Command::new("tar").arg("xzf").arg(&archive).arg("-C").arg(&unpacked).args(["--strip-components", "1"]))?;
        std::fs::rename(&unpacked, &root)?;
    }
    Ok(Package { version, root })
}

fn find(folder: &Path, end: &str) -> Result<Option<PathBuf>> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
    found.retain(|path| path.to_string_lossy().ends_with(end));
    found.sort();
    Ok(found.pop())
}

/// Asks apt for the sources, with lists of its own: the machine's lists often name no sources.
fn download(cache: &Path) -> Result<()> {
    let (sources, lists) = (cache.join("apt/sources"), cache.join("apt/lists"));
    std::fs::create_dir_all(&sources)?;
    std::fs::create_dir_all(lists.join("partial"))?;
    let mut all = String::new();
    if let Ok(text) = std::fs::read_to_string("/etc/apt/sources.list") {
        let lines = text.lines().filter_map(|line| line.strip_prefix("deb "));
        lines.for_each(|line| all.push_str(&format!("deb-src {line}\n")));
    }
    std::fs::write(sources.join("main.list"), all)?;
    for entry in std::fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten() {
        if entry.path().extension().is_some_and(|end| end == "sources") {
            let text = std::fs::read_to_string(entry.path())?;
            let asks = |line: &str| if line.starts_with("Types:") { "Types: deb-src".into() } else { line.to_owned() };
            let text: Vec<String> = text.lines().map(asks).collect();
            std::fs::write(sources.join(entry.file_name()), text.join("\n"))?;
        }
    }
    let apt = |words: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(["-qq", "-o", "Dir::Etc::sourcelist=/dev/null", "-o", "APT::Sandbox::User=root", "-o"]);
        command.arg(format!("Dir::Etc::sourceparts={}", sources.display())).arg("-o");
        command.arg(format!("Dir::State::lists={}", lists.display())).args(words).current_dir(cache);
        command
    };
    run(&mut apt(&["update"]))?;
    run(&mut apt(&["source", "--download-only", "redis"]))
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {command:?}"))?;
    if !status.success() {
        bail!("{command:?} failed: {status}");
    }
    Ok(())
}
