//! Whether upstream is installed, in the version that our server claims to be.

use runner::engine::on_path;
use std::process::Command;

/// The version whose behaviour is the reference.
pub const VERSION: &str = "7.0";

/// Why the upstream half cannot be played; `None` where it can.
pub fn missing() -> Option<String> {
    let Some(program) = on_path("redis-server") else {
        return Some("there is no redis-server on PATH".into());
    };
    let output = Command::new(&program).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.split_whitespace().find_map(|word| word.strip_prefix("v="));
    match version {
        Some(version) if version.starts_with(&format!("{VERSION}.")) => None,
        found => Some(format!("{} is {}, not {VERSION}", program.display(), found.unwrap_or("of no known version"))),
    }
}
