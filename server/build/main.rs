//! What has to be made before the server is compiled: Lua, and the table of commands.

mod commands;
mod lua;

fn main() {
    lua::compile();
    commands::generate();
}
