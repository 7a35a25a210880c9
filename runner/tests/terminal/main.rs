//! The runner as its users have it: commands, their output, their exit codes, and what is left behind.

mod cluster;
mod deletion;
mod engine_paths;
mod faults;
mod kept;
mod reshape;
mod run;
mod secure;
mod timeline;
mod up_and_down;
mod user;
mod values;
