//! Compiles the Lua of scripts: the sources that the crate `lua-src` brings, changed as `lua/changes.patch` says, and our
//! `lua/shim.c`. The table in `lua/README.md` tells why each change is needed.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Of Lua's libraries those that open files or load code, and Lua's programs, are not needed.
const LEFT_OUT: [&str; 7] = ["lua.c", "luac.c", "print.c", "linit.c", "liolib.c", "loadlib.c", "loslib.c"];

/// See the module's comment.
pub fn compile() {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it")).join("lua");
    std::fs::create_dir_all(&out).expect("the output directory can be written");
    let patch = std::fs::read_to_string("lua/changes.patch").expect("the changes are part of the crate");
    let mut build = cc::Build::new();
    build.include(&out).define("LUA_USE_POSIX", None).warnings(false).opt_level(2).file("lua/shim.c");
    for entry in std::fs::read_dir(sources()).expect("the sources can be read") {
        let path = entry.expect("the sources can be read").path();
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        let is_source = name.ends_with(".c") && !LEFT_OUT.contains(&name.as_str());
        if !is_source && !name.ends_with(".h") {
            continue;
        }
        let text = String::from_utf8_lossy(&std::fs::read(&path).expect("a source can be read")).into_owned();
        std::fs::write(out.join(&name), changed(&name, &text, &patch)).expect("the output directory can be written");
        if is_source {
            build.file(out.join(&name));
        }
    }
    build.compile("lua_of_scripts");
    println!("cargo:rerun-if-changed=lua");
    println!("cargo:rerun-if-changed=build");
}

/// Where cargo has put the sources of Lua 5.1.5: beside the crate that brings them. What the compiler noted down when it built
/// that crate says where; where cargo keeps such notes elsewhere, cargo itself is asked, who may have to download for that.
fn sources() -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).expect("cargo sets it");
    let out = PathBuf::from(variable("OUT_DIR"));
    // target/PROFILE/build/server-HASH/out, or target/TRIPLE/PROFILE/... where the compiler is not for this machine.
    let profile = out.ancestors().nth(3).unwrap_or(&out).to_path_buf();
    let host = profile.ancestors().nth(2).map(|target| target.join(profile.file_name().unwrap_or_default()));
    let notes =
        [Some(profile), host].into_iter().flatten().filter_map(|folder| std::fs::read_dir(folder.join("deps")).ok());
    let notes = notes.flatten().flatten().map(|entry| entry.path());
    let notes = notes.filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("lua_src-") && name.ends_with(".d")
    });
    let noted = notes.filter_map(|path| std::fs::read_to_string(path).ok()).find_map(|text| {
        text.split_whitespace()
            .find_map(|word| Some(PathBuf::from(word.strip_suffix("/src/lib.rs")?).join("lua-5.1.5")))
    });
    if let Some(folder) = noted.filter(|folder| folder.join("lua.h").exists()) {
        return folder;
    }
    let mut command = Command::new(variable("CARGO"));
    command.args(["metadata", "--format-version", "1", "--locked", "--filter-platform"]).arg(variable("TARGET"));
    let output = command.output().expect("cargo runs");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let paths = text.split('"').filter(|part| part.ends_with("Cargo.toml"));
    let manifest = paths.map(Path::new).find(|path| {
        let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
        folder.to_string_lossy().starts_with("lua-src-")
    });
    manifest.expect("lua-src is a dependency").with_file_name("lua-5.1.5")
}

/// Applies the hunks of a unified diff that are of this file. Each must fit exactly where it says, but for what hunks before
/// it have added or removed.
fn changed(name: &str, text: &str, patch: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut moved = 0_isize;
    let Some(begin) = patch.find(&format!("+++ {name}\n")) else { return text.to_owned() };
    let rest = &patch[begin..];
    let rest = &rest[rest.find('\n').map_or(0, |end| end + 1)..];
    let hunks = rest.split("\n--- ").next().unwrap_or(rest);
    for hunk in hunks.split("@@ -").skip(1) {
        let (head, body) = hunk.split_once('\n').expect("a hunk has lines");
        let first: isize = head.split([',', ' ']).next().and_then(|it| it.parse().ok()).expect("a hunk has a place");
        let (mut old, mut new) = (Vec::new(), Vec::new());
        for line in body.lines() {
            match line.split_at(line.len().min(1)) {
                (" ", same) => {
                    old.push(same);
                    new.push(same.to_owned());
                }
                ("-", gone) => old.push(gone),
                ("+", added) => new.push(added.to_owned()),
                _ => {}
            }
        }
        let at = usize::try_from(first - 1 + moved).expect("a hunk begins in the file");
        let found = lines.get(at..at + old.len()).expect("a hunk ends in the file");
        assert!(found == old, "{name}: the change at line {first} does not fit: {found:?} is not {old:?}");
        moved += new.len() as isize - old.len() as isize;
        lines.splice(at..at + old.len(), new);
    }
    lines.join("\n") + "\n"
}
