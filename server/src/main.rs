//! The `server` binary: start-up only.

fn main() {
    std::process::exit(server::run(std::env::args_os().collect()));
}
