//! The `runner` binary: start-up only.

use std::process::ExitCode;

fn main() -> ExitCode {
    runner::be_a_node_if_asked();
    runner::main()
}
