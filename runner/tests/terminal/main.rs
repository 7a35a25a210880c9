//! The runner as its users have it: commands, their output, their exit codes, and what is left behind.

mod check;
mod cli;
mod cluster;
mod conform;
mod deletion;
mod documents;
mod engine_paths;
mod external;
mod faults;
mod kept;
mod masters;
mod play_and_diff;
mod reshape;
mod run;
mod secure;
mod start_fails;
mod timeline;
mod up_and_down;
mod user;
mod values;
