//! What redis-server can do instead of serving: testing memory and the system, and acting as redis-check-rdb.

use std::ffi::OsString;
use std::sync::atomic::AtomicU64;

use crate::config::Config;
use crate::persistence::load::load;
use crate::server::state::Server;

/// `--test-memory`: writes and reads patterns over this many megabytes.
pub fn memory(megabytes: u64) -> i32 {
    let words = (megabytes.clamp(1, 1 << 20) << 20) / 8;
    let mut block: Vec<u64> = Vec::new();
    if block.try_reserve_exact(words as usize).is_err() {
        eprintln!("Unable to allocate {megabytes} megabytes");
        return 1;
    }
    for pattern in [0u64, u64::MAX, 0xaaaa_aaaa_aaaa_aaaa, 0x5555_5555_5555_5555] {
        block.clear();
        block.resize(words as usize, pattern);
        if std::hint::black_box(&block).iter().any(|&word| word != pattern) {
            println!("*** MEMORY ERROR DETECTED: pattern {pattern:#018x} ***");
            return 1;
        }
    }
    println!("Your memory passed this test.");
    0
}

/// `--check-system`: kernel settings that matter to a server.
pub fn system() -> i32 {
    let mut fine = true;
    let mut show = |name: &str, verdict: Option<bool>, advice: &str| {
        let word = match verdict {
            Some(true) => "OK",
            Some(false) => "WARNING",
            None => "skipped",
        };
        println!("[{name}]...{word}");
        if verdict == Some(false) {
            println!("{advice}\n");
            fine = false;
        }
    };
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let somaxconn = read("/proc/sys/net/core/somaxconn").and_then(|text| text.trim().parse::<u32>().ok());
    show(
        "somaxconn",
        somaxconn.map(|limit| limit >= 511),
        "net.core.somaxconn is below 511, the default tcp-backlog: raise it.",
    );
    let overcommit = read("/proc/sys/vm/overcommit_memory").map(|text| text.trim() != "2");
    show("overcommit", overcommit, "vm.overcommit_memory is 2: allocations may fail although memory is free.");
    let clock =
        read("/sys/devices/system/clocksource/clocksource0/current_clocksource").map(|text| text.trim() != "xen");
    show("slow-clocksource", clock, "The system's clock source is slow to read.");
    i32::from(!fine)
}

/// Acts as redis-check-rdb: reads a file to its end.
pub fn check_rdb(files: &[OsString]) -> i32 {
    let [file] = files else {
        eprintln!("Usage: redis-check-rdb <rdb-file-name>");
        return 1;
    };
    let path = file.to_string_lossy();
    println!("[offset 0] Checking RDB file {path}");
    let source = match std::fs::File::open(file) {
        Ok(source) => source,
        Err(error) => {
            eprintln!("Cannot open file: {path}: {error}");
            return 1;
        }
    };
    let options = Server::new(Config::default(), crate::commands::catalogue(), false).load_options(false);
    match load(std::io::BufReader::new(source), &options, &AtomicU64::new(0)) {
        Ok(loaded) => {
            println!("[offset {}] Checksum OK", loaded.bytes);
            println!("[offset {}] \\o/ RDB looks OK! \\o/", loaded.bytes);
            println!("[info] {} keys read", loaded.keys);
            0
        }
        Err(error) => {
            println!("--- RDB ERROR DETECTED ---\n{error}");
            1
        }
    }
}
