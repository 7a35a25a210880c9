//! The table `redis` that scripts see, and the random numbers of `math`.

use std::sync::atomic::{AtomicU64, Ordering};

use super::convert::{push_error, push_reply};
use super::engine::{Function, Host, Purpose, refuse_unknown, sha_of};
use super::format;
use super::lua::{GLOBALS, Kind, REGISTRY, Raise, Results, State, function};
use super::memory::shared;
use super::shebang::ScriptFlags;
use crate::resp::request::OwnedArgs;

/// `REDIS_VERSION`.
const VERSION: &str = "7.0.15";
const VERSION_NUMBER: f64 = 458_767.0;
/// The largest number that C's `lrand48` returns.
const RANDOM_MAX: i64 = 0x7fff_ffff;
/// `redis.REPL_ALL`: the append-only file and replicas.
const ALL_TARGETS: f64 = 3.0;

fn raise<T>(lua: State, text: &str) -> Result<T, Raise> {
    push_error(lua, text.as_bytes(), false);
    Err(Raise::Top)
}

/// The server that the running script talks to.
fn host(lua: State, function: &str) -> Result<*mut dyn Host, Raise> {
    match shared(&lua).host {
        Some(host) => Ok(host),
        None => raise(lua, &format!("{function} can only be called inside a script invocation")),
    }
}

/// The buffers that one call reuses from the previous one: the command's words and its reply.
#[derive(Default)]
pub(super) struct Scratch {
    words: OwnedArgs,
    reply: Vec<u8>,
}

/// Bytes of capacity that these buffers keep between calls; larger ones are released.
const SCRATCH: usize = 1 << 16;

/// Pops the arguments off the stack, as the words of a command.
fn words(lua: State) -> Result<OwnedArgs, &'static str> {
    let mut words = OwnedArgs::default();
    fill(&mut words, lua).map(|()| words)
}

fn fill(words: &mut OwnedArgs, lua: State) -> Result<(), &'static str> {
    let count = lua.top();
    if count == 0 {
        return Err("Please specify at least one argument for this redis lib call");
    }
    for index in 1..=count {
        match lua.kind(index) {
            Kind::Number => {
                let mut text = Vec::new();
                format::general(&mut text, lua.number(index).unwrap_or_default(), 17);
                words.push(&text);
            }
            Kind::Text => words.push(lua.text(index).unwrap_or_default()),
            _ => {
                lua.set_top(0);
                return Err("Lua redis lib command arguments must be strings or integers");
            }
        }
    }
    lua.set_top(0);
    Ok(())
}

fn command(lua: State, raises: bool) -> Results {
    let host = host(lua, "redis.call/pcall")?;
    let failed = |raises: bool| if raises { Err(Raise::Top) } else { Ok(1) };
    // If the call ends in a Lua error the buffers are lost, and the next call allocates its own.
    let Scratch { mut words, mut reply } = std::mem::take(&mut shared(&lua).scratch);
    if let Err(text) = fill(&mut words, lua) {
        push_error(lua, text.as_bytes(), false);
        return failed(raises);
    }
    // SAFETY: the host stays valid while the script runs, and is used by one function at a time.
    if let Err(text) = unsafe { (*host).call(&words, &mut reply) } {
        push_error(lua, &text, true);
        return failed(raises);
    }
    if push_reply(lua, &mut reply.as_slice()).is_err() {
        lua.set_top(0);
        return raise(lua, "reached lua stack limit");
    }
    let is_error = reply.first() == Some(&b'-');
    words.clear(SCRATCH);
    reply.clear();
    reply.shrink_to(SCRATCH);
    shared(&lua).scratch = Scratch { words, reply };
    failed(raises && is_error)
}

fn call(lua: State) -> Results {
    command(lua, true)
}

fn pcall(lua: State) -> Results {
    command(lua, false)
}

fn sha1hex(lua: State) -> Results {
    if lua.top() != 1 {
        return raise(lua, "wrong number of arguments");
    }
    let sha = sha_of(lua.text(1).unwrap_or_default());
    lua.push_text(&sha);
    Ok(1)
}

fn one_text(lua: State) -> bool {
    let right = lua.top() == 1 && lua.kind(1) == Kind::Text;
    if !right {
        push_error(lua, b"wrong number or type of arguments", false);
    }
    right
}

fn error_reply(lua: State) -> Results {
    if one_text(lua) {
        let text = lua.text(1).unwrap_or_default();
        let dash: &[u8] = if text.first() == Some(&b'-') { b"" } else { b"-" };
        push_error(lua, &[dash, text].concat(), false);
    }
    Ok(1)
}

fn status_reply(lua: State) -> Results {
    if one_text(lua) {
        lua.push_table(0, 1);
        lua.push_value(1);
        lua.set_field(-2, "ok");
    }
    Ok(1)
}

fn set_repl(lua: State) -> Results {
    let host = host(lua, "redis.set_repl")?;
    if lua.top() != 1 {
        return raise(lua, "redis.set_repl() requires two arguments.");
    }
    let targets = to_int(lua.number(1).unwrap_or_default());
    if targets & !3 != 0 {
        return raise(lua, "Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.");
    }
    // SAFETY: as in `command`.
    unsafe { (*host).set_repl(targets as u8) };
    Ok(0)
}

fn set_resp(lua: State) -> Results {
    let host = host(lua, "redis.setresp")?;
    if lua.top() != 1 {
        return raise(lua, "redis.setresp() requires one argument.");
    }
    match to_int(lua.number(1).unwrap_or_default()) {
        // SAFETY: as in `command`.
        version @ (2 | 3) => unsafe { (*host).set_resp3(version == 3) },
        _ => return raise(lua, "RESP version must be 2 or 3."),
    }
    Ok(0)
}

fn acl_check_cmd(lua: State) -> Results {
    let host = host(lua, "redis.acl_check_cmd")?;
    let words = match words(lua) {
        Ok(words) => words,
        Err(text) => return raise(lua, text),
    };
    // SAFETY: as in `command`.
    match unsafe { (*host).may_call(&words) } {
        Some(may) => lua.push_truth(may),
        None => return raise(lua, "Invalid command passed to redis.acl_check_cmd()"),
    }
    Ok(1)
}

fn log(lua: State) -> Results {
    let count = lua.top();
    if count < 2 {
        return raise(lua, "redis.log() requires two arguments or more.");
    }
    let Some(level) = lua.number(1) else { return raise(lua, "First argument must be a number (log level).") };
    let level = to_int(level);
    if !(0..=3).contains(&level) {
        return raise(lua, "Invalid debug level.");
    }
    let mut line = Vec::new();
    for index in 2..=count {
        if let Some(text) = lua.text(index) {
            if index > 2 {
                line.push(b' ');
            }
            line.extend_from_slice(text);
        }
    }
    (shared(&lua).log)(level as u8, &line);
    Ok(0)
}

/// `redis.breakpoint`: there is no debugger to stop in.
fn breakpoint(lua: State) -> Results {
    lua.push_truth(false);
    Ok(1)
}

/// `redis.debug`: there is no debugger to write to.
fn debug(_lua: State) -> Results {
    Ok(0)
}

fn replicate_commands(lua: State) -> Results {
    lua.push_truth(true);
    Ok(1)
}

fn set_functions(lua: State, functions: &[(&str, super::lua::RawFunction)]) {
    for &(name, raw) in functions {
        lua.push_function(raw);
        lua.set_field(-2, name);
    }
}

fn set_numbers(lua: State, numbers: &[(&str, f64)]) {
    for &(name, number) in numbers {
        lua.push_number(number);
        lua.set_field(-2, name);
    }
}

fn set_log_and_version(lua: State) {
    set_functions(lua, &[("log", function!(log))]);
    set_numbers(
        lua,
        &[
            ("LOG_DEBUG", 0.0),
            ("LOG_VERBOSE", 1.0),
            ("LOG_NOTICE", 2.0),
            ("LOG_WARNING", 3.0),
            ("REDIS_VERSION_NUM", VERSION_NUMBER),
        ],
    );
    lua.push_text(VERSION.as_bytes());
    lua.set_field(-2, "REDIS_VERSION");
}

/// Pushes the table `redis`.
pub(super) fn push_redis(lua: State, purpose: Purpose) {
    lua.push_table(0, 0);
    set_functions(lua, &[("call", function!(call)), ("pcall", function!(pcall))]);
    set_log_and_version(lua);
    set_functions(
        lua,
        &[
            ("setresp", function!(set_resp)),
            ("sha1hex", function!(sha1hex)),
            ("error_reply", function!(error_reply)),
            ("status_reply", function!(status_reply)),
            ("set_repl", function!(set_repl)),
        ],
    );
    set_numbers(
        lua,
        &[("REPL_NONE", 0.0), ("REPL_AOF", 1.0), ("REPL_SLAVE", 2.0), ("REPL_REPLICA", 2.0), ("REPL_ALL", ALL_TARGETS)],
    );
    set_functions(lua, &[("acl_check_cmd", function!(acl_check_cmd))]);
    if purpose == Purpose::Scripts {
        set_functions(
            lua,
            &[
                ("breakpoint", function!(breakpoint)),
                ("debug", function!(debug)),
                ("replicate_commands", function!(replicate_commands)),
            ],
        );
    }
}

/// Pushes the globals that a library sees while it is loaded: `redis.register_function` and little else.
pub(super) fn push_library_globals(lua: State) {
    lua.push_table(0, 1);
    lua.push_table(0, 0);
    set_functions(lua, &[("register_function", function!(register_function))]);
    set_log_and_version(lua);
    refuse_unknown(lua);
    lua.set_field(-2, "redis");
    refuse_unknown(lua);
}

/// The arguments of `redis.register_function`.
#[derive(Default)]
struct Registration {
    name: Option<Vec<u8>>,
    description: Option<Vec<u8>>,
    flags: ScriptFlags,
    /// Whether the callback is on top of the stack.
    has_callback: bool,
}

/// Reads a list of names of flags on top of the stack.
fn flags(lua: State) -> Option<ScriptFlags> {
    let mut flags = ScriptFlags::default();
    for item in 1.. {
        lua.item(-1, item);
        if lua.kind(-1) == Kind::Nil {
            lua.pop(1);
            break;
        }
        let known = lua.text(-1).is_some_and(|name| flags.add(&name.to_ascii_lowercase()));
        lua.pop(1);
        if !known {
            return None;
        }
    }
    Some(flags)
}

/// The named form: one table. The callback is left on top.
fn named(lua: State) -> Result<Registration, &'static str> {
    if lua.kind(1) != Kind::Table {
        return Err(
            "calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments).",
        );
    }
    let mut told = Registration::default();
    // The callback is kept below the keys that are walked.
    lua.push_nil();
    lua.push_nil();
    while lua.next(1) {
        if lua.kind(-2) != Kind::Text {
            return Err("named argument key given to redis.register_function is not a string");
        }
        let text = |wrong| lua.text(-1).map(<[u8]>::to_vec).ok_or(wrong);
        match lua.text(-2).unwrap_or_default().to_ascii_lowercase().as_slice() {
            b"function_name" => {
                told.name = Some(text("function_name argument given to redis.register_function must be a string")?);
            }
            b"description" => {
                told.description =
                    Some(text("description argument given to redis.register_function must be a string")?);
            }
            b"callback" => {
                if lua.kind(-1) != Kind::Function {
                    return Err("callback argument given to redis.register_function must be a function");
                }
                lua.push_value(-1);
                lua.replace(2);
                told.has_callback = true;
            }
            b"flags" => {
                if lua.kind(-1) != Kind::Table {
                    return Err(
                        "flags argument to redis.register_function must be a table representing function flags",
                    );
                }
                told.flags = flags(lua).ok_or("unknown flag given")?;
            }
            _ => return Err("unknown argument given to redis.register_function"),
        }
        lua.pop(1);
    }
    Ok(told)
}

fn registration(lua: State) -> Result<(Vec<u8>, Registration), &'static str> {
    let mut told = match lua.top() {
        1 => named(lua)?,
        2 => {
            let name = lua.text(1).ok_or("first argument to redis.register_function must be a string")?;
            if lua.kind(2) != Kind::Function {
                return Err("second argument to redis.register_function must be a function");
            }
            Registration { name: Some(name.to_vec()), has_callback: true, ..Registration::default() }
        }
        _ => return Err("wrong number of arguments to redis.register_function"),
    };
    let name = told.name.take().ok_or("redis.register_function must get a function name argument")?;
    if !told.has_callback {
        return Err("redis.register_function must get a callback argument");
    }
    if !is_name(&name) {
        return Err(
            "Library names can only contain letters, numbers, or underscores(_) and must be at least one character long",
        );
    }
    Ok((name, told))
}

/// Whether this is a valid name for a function or a library.
pub fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|&byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn register_function(lua: State) -> Results {
    if shared(&lua).registering.is_none() {
        return raise(lua, "redis.register_function can only be called on FUNCTION LOAD command");
    }
    let (name, told) = match registration(lua) {
        Ok(told) => told,
        Err(text) => return raise(lua, text),
    };
    lua.set_top(2);
    let Some(registering) = &mut shared(&lua).registering else { return Ok(0) };
    if registering.functions.contains_key(&name) {
        return raise(lua, "Function already exists in the library");
    }
    registering.last += 1;
    let place = registering.last;
    let function = Function { place, description: told.description, flags: told.flags };
    registering.functions.insert(name, function);
    lua.set_item(REGISTRY, place);
    Ok(0)
}

/// The state of `lrand48`. Scripts and functions share one sequence, which SCRIPT FLUSH does not restart.
static RANDOM: AtomicU64 = AtomicU64::new(0x1234_abcd_330e);

/// The next number of C's `lrand48`.
fn next_random() -> i64 {
    let state = RANDOM.load(Ordering::Relaxed).wrapping_mul(0x5_deec_e66d).wrapping_add(0xb) & 0xffff_ffff_ffff;
    RANDOM.store(state, Ordering::Relaxed);
    (state >> 17) as i64
}

/// A C cast to a 32-bit integer, as on x86: a value that does not fit becomes the smallest integer.
fn to_int(number: f64) -> i32 {
    if number > f64::from(i32::MIN) - 1.0 && number < f64::from(i32::MAX) + 1.0 { number as i32 } else { i32::MIN }
}

fn random(lua: State) -> Results {
    if shared(&lua).host.is_none() {
        return Err(Raise::here("math.random can only be called inside a script invocation"));
    }
    let r = (next_random() % RANDOM_MAX) as f64 / RANDOM_MAX as f64;
    let number = match lua.top() {
        0 => r,
        1 => {
            let upper = lua.want_int(1)?;
            if upper < 1 {
                return Err(Raise::Argument(1, "interval is empty".into()));
            }
            (r * f64::from(upper)).floor() + 1.0
        }
        2 => {
            let (lower, upper) = (lua.want_int(1)?, lua.want_int(2)?);
            if lower > upper {
                return Err(Raise::Argument(2, "interval is empty".into()));
            }
            (r * f64::from(upper.wrapping_sub(lower).wrapping_add(1))).floor() + f64::from(lower)
        }
        _ => return Err(Raise::here("wrong number of arguments")),
    };
    lua.push_number(number);
    Ok(1)
}

fn randomseed(lua: State) -> Results {
    if shared(&lua).host.is_none() {
        return Err(Raise::here("math.randomseed can only be called inside a script invocation"));
    }
    let seed = lua.want_int(1)?;
    RANDOM.store(u64::from(seed as u32) << 16 | 0x330e, Ordering::Relaxed);
    Ok(0)
}

/// Replaces the random numbers of `math` by ones that are the same on every machine.
pub(super) fn replace_random(lua: State) {
    lua.field(GLOBALS, "math");
    set_functions(lua, &[("random", function!(random)), ("randomseed", function!(randomseed))]);
    lua.pop(1);
}
