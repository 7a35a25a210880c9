//! The runner as its users have it: commands, their output, their exit codes, and what is left behind.

mod cluster;
mod deletion;
mod faults;
mod reshape;
mod timeline;
mod up_and_down;
mod user;
