//! The `runner` binary: start-up only.

use std::process::ExitCode;

fn main() -> ExitCode {
    // `runner server ARGS...` is how the runner starts nodes: by running itself.
    let argv: Vec<_> = std::env::args_os().collect();
    if argv.get(1).is_some_and(|word| word == "server") {
        std::process::exit(server::run(argv[1..].to_vec()));
    }
    runner::commands::main()
}
