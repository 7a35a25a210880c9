//! Puts the scenarios and their recorded transcripts into the runner, so that `runner conform` needs nothing beside it.

use std::path::{Path, PathBuf};

fn main() {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../conformance");
    let (scenarios, snapshots) = (root.join("scenarios"), root.join("snapshots"));
    let mut files = Vec::new();
    collect(&scenarios, &mut files);
    files.sort();
    let mut table = String::from("[\n");
    for file in &files {
        let name = file.strip_prefix(&scenarios).expect("it is inside").with_extension("");
        let name = name.to_str().expect("names are UTF-8");
        let snapshot = snapshots.join(format!("{}.snap", name.replace('/', "__")));
        let recorded =
            if snapshot.exists() { format!("Some(include_str!({snapshot:?}))") } else { String::from("None") };
        table.push_str(&format!("Case {{ name: {name:?}, text: include_str!({file:?}), recorded: {recorded} }},\n"));
    }
    table.push_str("]\n");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    std::fs::write(out.join("cases.rs"), table).expect("the output directory can be written");
    let known = root.join("known");
    let mut files = Vec::new();
    collect(&known, &mut files);
    files.sort();
    let rows = files.iter().map(|file| {
        let engine = file.strip_prefix(&known).expect("it is inside").with_extension("");
        let engine = engine.to_str().expect("names are UTF-8");
        format!("({engine:?}, include_str!({file:?})),\n")
    });
    std::fs::write(out.join("known.rs"), format!("[\n{}]\n", rows.collect::<String>()))
        .expect("the output directory can be written");
    for folder in [scenarios, snapshots, known] {
        println!("cargo:rerun-if-changed={}", folder.display());
    }
    println!("cargo:rerun-if-changed=build");
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the scenarios are part of the repository") {
        let path = entry.expect("a folder can be read").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            files.push(path);
        }
    }
}
