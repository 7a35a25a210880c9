//! Lua for scripts and functions: the interpreter, its sandbox, and the libraries that scripts can use. A script accesses
//! the server through [`Host`], which `dispatch/` implements; nothing here knows about commands or clients.
//!
//! Background. The interpreter is Lua 5.1.5 with a few changes (`server/lua/README.md`): above all, tables can be read-only.
//! Lua raises errors with longjmp, which must not cross a frame of Rust. So Rust functions return the error that they want
//! raised to the C function that called them (`lua::function`), and the allocator never fails while one of them runs:
//! exceeding the limit becomes an error when they return. A panic in one of them ends the process, as everywhere in the
//! server.

pub mod api;
mod bit;
mod cjson;
mod cmsgpack;
pub mod convert;
pub mod engine;
mod format;
pub mod lua;
mod memory;
pub mod shebang;
pub mod stack;
mod structs;

pub use engine::{Engine, Failure, Host};
