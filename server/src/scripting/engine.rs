//! An interpreter for scripts or for functions: its globals, what it keeps, how something is run in it.

use std::collections::{BTreeMap, HashMap};

use super::convert::{ReplyWriter, error_text};
use super::lua::{GLOBALS, Kind, REGISTRY, State};
use super::memory::{Shared, allocate, shared};
use super::shebang::{self, ScriptFlags};
use super::{api, bit, cjson, cmsgpack, structs};
use crate::resp::Reply;
use crate::resp::request::OwnedArgs;

/// Instructions between two looks at the clock.
const HOOK_INSTRUCTIONS: i32 = 100_000;
/// Runs between two steps of the collector, and the size of a step.
const COLLECT_EVERY: u32 = 50;
/// Below this many bytes the collector's own pace suffices: it begins anew when the memory has doubled.
const SMALL: usize = 1 << 20;

/// Places in the registry, where a value is found by number faster than by name; scripts and functions have those behind.
const ERROR_HANDLER_PLACE: i32 = 1;
const KEYS_PLACE: i32 = 2;
const ARGV_PLACE: i32 = 3;

/// What a running script may ask of the server.
pub trait Host {
    /// Runs a command and appends its reply.
    ///
    /// # Errors
    /// Why it was refused; a text that begins with `-` has a code of its own. It was counted.
    fn call(&mut self, words: &OwnedArgs, reply: &mut Vec<u8>) -> Result<(), Vec<u8>>;
    /// `redis.setresp`.
    fn set_resp3(&mut self, on: bool);
    /// What `redis.setresp` asked for last.
    fn is_resp3(&self) -> bool;
    /// `redis.set_repl`: whether changes go to the append-only file (1) and to replicas (2).
    fn set_repl(&mut self, targets: u8);
    /// `redis.acl_check_cmd`; `None`: no such command.
    fn may_call(&mut self, words: &OwnedArgs) -> Option<bool>;
    /// Called from time to time; a text ends the script with this error.
    fn interrupt(&mut self) -> Option<&'static str>;
}

/// How a script ended without a reply of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The error, its code first.
    pub text: Vec<u8>,
    /// It was counted when the command failed that it comes from.
    pub counted: bool,
}

/// What a library registers while it is loaded.
#[derive(Debug, Default)]
pub struct Registering {
    /// Functions so far.
    pub functions: BTreeMap<Vec<u8>, Function>,
    /// The last number of the registry that is in use.
    pub last: i32,
}

/// A function of a library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its place in the registry.
    pub place: i32,
    /// What it says about itself.
    pub description: Option<Vec<u8>>,
    /// What it declares.
    pub flags: ScriptFlags,
}

/// What an interpreter is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// EVAL.
    Scripts,
    /// Functions.
    Functions,
}

/// A cached script.
#[derive(Debug, Clone, Copy)]
pub struct Script {
    /// What it declares.
    pub flags: ScriptFlags,
    /// Length of its text.
    pub len: usize,
    /// Its place in the registry.
    place: i32,
}

/// SHA1 in lower-case hexadecimal digits.
pub type Sha = [u8; 40];

/// An interpreter. See the module's comment.
pub struct Engine {
    lua: State,
    /// Where the interpreter finds what its functions share; it never moves.
    shared: Box<Shared>,
    scripts: HashMap<Sha, Script, ahash::RandomState>,
    scripts_len: usize,
    runs: u32,
    last_place: i32,
}

// SAFETY: everything that it points to is its own, and it is used by whoever holds the server's lock.
unsafe impl Send for Engine {}

impl Drop for Engine {
    fn drop(&mut self) {
        self.lua.close();
    }
}

/// The SHA1 of a script.
pub fn sha_of(text: &[u8]) -> Sha {
    use sha1::{Digest, Sha1};
    let mut sha = [0; 40];
    for (pair, byte) in sha.chunks_exact_mut(2).zip(Sha1::digest(text)) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    sha
}

/// Globals of the libraries that scripts do not get.
const WITHHELD: [&str; 6] = ["dofile", "loadfile", "print", "newproxy", "getfenv", "setfenv"];

/// The error handler: it adds where the error happened; for errors of C functions that is their caller.
const ERROR_HANDLER: &[u8] = b"local getinfo = debug.getinfo
return function(err)
  local at = getinfo(2, 'nSl')
  if at and at.what == 'C' then at = getinfo(3, 'nSl') end
  if type(err) ~= 'table' then err = {err = 'ERR ' .. tostring(err)} end
  if at then
    err['source'] = at.source
    err['line'] = at.currentline
  end
  return err
end";

impl Engine {
    /// A new interpreter. `log` writes what scripts log, with its level.
    pub fn new(purpose: Purpose, log: fn(u8, &[u8])) -> Self {
        let mut shared = Box::new(Shared {
            used: 0,
            unlimited: 0,
            host: None,
            registering: None,
            deadline: None,
            scratch: Default::default(),
            log,
        });
        let data = std::ptr::from_mut::<Shared>(&mut shared).cast();
        let lua = State::open(allocate, data).expect("the limit is larger than an empty interpreter");
        let engine = Self { lua, shared, scripts: HashMap::default(), scripts_len: 0, runs: 0, last_place: ARGV_PLACE };
        assert!(lua.open_libraries(), "the limit is larger than the libraries");
        engine.install_globals(purpose);
        engine
    }

    fn install_globals(&self, purpose: Purpose) {
        let lua = self.lua;
        assert!(lua.load(ERROR_HANDLER, c"@err_handler_def") && lua.pcall(0, 1, 0), "the handler is correct");
        lua.push_value(-1);
        lua.set_item(REGISTRY, ERROR_HANDLER_PLACE);
        for (name, place) in [("KEYS", KEYS_PLACE), ("ARGV", ARGV_PLACE)] {
            lua.push_text(name.as_bytes());
            lua.set_item(REGISTRY, place);
        }
        match purpose {
            Purpose::Scripts => lua.set_field(GLOBALS, "__redis__err__handler"),
            Purpose::Functions => lua.pop(1),
        }
        for name in WITHHELD.into_iter().chain(["debug"]) {
            lua.push_nil();
            lua.set_field(GLOBALS, name);
        }
        lua.push_pcall();
        lua.set_field(GLOBALS, "pcall");
        for (name, push) in [
            ("cjson", cjson::push as fn(State)),
            ("struct", structs::push),
            ("cmsgpack", cmsgpack::push),
            ("bit", bit::push),
        ] {
            push(lua);
            lua.set_field(GLOBALS, name);
        }
        api::push_redis(lua, purpose);
        lua.set_field(GLOBALS, "redis");
        api::replace_random(lua);
        if purpose == Purpose::Functions {
            api::push_library_globals(lua);
            protect(lua);
            lua.set_field(REGISTRY, "library globals");
        }
        lua.push_value(GLOBALS);
        refuse_unknown(lua);
        protect(lua);
        lua.pop(1);
        // Texts are the only basic type with a metatable.
        lua.push_text(b"");
        if lua.metatable(-1) {
            protect(lua);
            lua.pop(1);
        }
        lua.pop(1);
        if purpose == Purpose::Functions {
            self.hide_globals();
        }
    }

    /// Puts an empty table in front of the globals: what its metatable leads to is changed while a library is loaded.
    fn hide_globals(&self) {
        let lua = self.lua;
        lua.push_value(GLOBALS);
        lua.set_field(REGISTRY, "globals");
        lua.push_table(0, 0);
        lua.push_table(0, 1);
        lua.push_value(GLOBALS);
        lua.set_field(-2, "__index");
        lua.set_read_only(-1, true);
        lua.set_metatable(-2);
        lua.set_read_only(-1, true);
        lua.replace(GLOBALS);
    }

    /// Bytes that the interpreter holds.
    pub fn memory(&self) -> usize {
        self.shared.used
    }

    /// Number of cached scripts.
    pub fn script_count(&self) -> usize {
        self.scripts.len()
    }

    /// Bytes that the cache of scripts takes.
    pub fn scripts_memory(&self) -> usize {
        self.scripts_len + self.scripts.len() * (size_of::<Script>() + size_of::<Sha>() + 64)
    }

    /// A cached script.
    pub fn script(&self, sha: &Sha) -> Option<Script> {
        self.scripts.get(sha).copied()
    }

    /// Compiles a script and keeps it.
    ///
    /// # Errors
    /// The text behind `ERR `.
    pub fn load(&mut self, text: &[u8]) -> Result<(Sha, Script), Vec<u8>> {
        let sha = sha_of(text);
        if let Some(&script) = self.scripts.get(&sha) {
            return Ok((sha, script));
        }
        // The line end stays, so that lines keep their numbers.
        let (flags, head) = shebang::of_script(text)?;
        let lua = self.lua;
        if !lua.load(&text[head..], c"@user_script") {
            let text = [b"Error compiling script (new function): ", lua.text(-1).unwrap_or_default()].concat();
            lua.pop(1);
            return Err(text);
        }
        self.last_place += 1;
        lua.set_item(REGISTRY, self.last_place);
        let script = Script { flags, len: text.len(), place: self.last_place };
        self.scripts.insert(sha, script);
        self.scripts_len += text.len();
        Ok((sha, script))
    }

    fn push_words<'a>(&self, words: impl ExactSizeIterator<Item = &'a [u8]>) {
        self.lua.push_table(words.len(), 0);
        for (index, word) in words.enumerate() {
            self.lua.push_text(word);
            self.lua.set_item(-2, index as i32 + 1);
        }
    }

    /// Runs a cached script, whose SHA1 is `sha`, and writes its reply. Returns the errors within the reply that are to be counted.
    ///
    /// # Errors
    /// How it failed.
    ///
    /// # Safety
    /// `host` must stay valid and be used by nobody else until this returns.
    #[expect(clippy::too_many_arguments, reason = "what a script gets, and who asks")]
    pub unsafe fn run_script<'a>(
        &mut self,
        sha: &Sha,
        script: Script,
        keys: impl ExactSizeIterator<Item = &'a [u8]>,
        arguments: impl ExactSizeIterator<Item = &'a [u8]>,
        host: *mut dyn Host,
        reply: &mut Reply<'_>,
        hooked: bool,
    ) -> Result<Vec<Vec<u8>>, Failure> {
        let lua = self.lua;
        lua.item(REGISTRY, ERROR_HANDLER_PLACE);
        lua.item(REGISTRY, script.place);
        self.shared.unlimited += 1;
        lua.set_read_only(GLOBALS, false);
        lua.item(REGISTRY, KEYS_PLACE);
        self.push_words(keys);
        lua.set(GLOBALS);
        lua.item(REGISTRY, ARGV_PLACE);
        self.push_words(arguments);
        lua.set(GLOBALS);
        lua.set_read_only(GLOBALS, true);
        self.shared.unlimited -= 1;
        // SAFETY: as the caller promises.
        unsafe { self.run(0, sha, host, reply, hooked) }
    }

    /// Runs a function of a library.
    ///
    /// # Errors
    /// How it failed.
    ///
    /// # Safety
    /// As for [`Self::run_script`].
    #[expect(clippy::too_many_arguments, reason = "what a function gets, and who asks")]
    pub unsafe fn run_function<'a>(
        &mut self,
        name: &[u8],
        place: i32,
        keys: impl ExactSizeIterator<Item = &'a [u8]>,
        arguments: impl ExactSizeIterator<Item = &'a [u8]>,
        host: *mut dyn Host,
        reply: &mut Reply<'_>,
        hooked: bool,
    ) -> Result<Vec<Vec<u8>>, Failure> {
        let lua = self.lua;
        lua.item(REGISTRY, ERROR_HANDLER_PLACE);
        lua.item(REGISTRY, place);
        self.shared.unlimited += 1;
        self.push_words(keys);
        self.push_words(arguments);
        self.shared.unlimited -= 1;
        // SAFETY: as the caller promises.
        unsafe { self.run(2, name, host, reply, hooked) }
    }

    /// Calls the function below its arguments; below it is the error handler.
    ///
    /// # Safety
    /// As for [`Self::run_script`].
    unsafe fn run(
        &mut self,
        arguments: i32,
        name: &[u8],
        host: *mut dyn Host,
        reply: &mut Reply<'_>,
        hooked: bool,
    ) -> Result<Vec<Vec<u8>>, Failure> {
        let lua = self.lua;
        self.shared.host = Some(host);
        if hooked {
            lua.set_hook(Some(interrupt), HOOK_INSTRUCTIONS);
        }
        let worked = lua.pcall(arguments, 1, -2 - arguments);
        lua.set_hook(None, 0);
        self.shared.host = None;
        self.runs += 1;
        if self.runs.is_multiple_of(COLLECT_EVERY) && self.shared.used > SMALL {
            lua.collect_some(COLLECT_EVERY as i32);
        }
        self.shared.unlimited += 1;
        let result = if worked {
            // SAFETY: the caller promises that the host is still valid, and nobody uses it now.
            let resp3 = unsafe { (*host).is_resp3() };
            let mut writer = ReplyWriter { reply, resp3, errors: Vec::new() };
            writer.write(lua);
            Ok(writer.errors)
        } else {
            let failure = failure(lua, name);
            lua.pop(1);
            Err(failure)
        };
        lua.pop(1);
        self.shared.unlimited -= 1;
        result
    }

    /// Runs a library's text, which registers functions.
    ///
    /// # Errors
    /// The text behind `ERR `.
    pub fn load_library(&mut self, text: &[u8], limited: bool) -> Result<BTreeMap<Vec<u8>, Function>, Vec<u8>> {
        let lua = self.lua;
        self.lead_globals_to("library globals");
        self.shared.registering = Some(Registering { functions: BTreeMap::new(), last: self.last_place });
        let result = if lua.load(text, c"@user_function") {
            let deadline = crate::base::clock::monotonic_ns() + LOADING_NANOS;
            self.shared.deadline = limited.then_some(deadline);
            lua.set_hook(Some(loading_interrupt), HOOK_INSTRUCTIONS);
            if lua.pcall(0, 0, 0) {
                Ok(())
            } else {
                let text = if lua.kind(-1) == Kind::Table {
                    error_text(lua).0
                } else {
                    [b"ERR ", lua.text(-1).unwrap_or_default()].concat()
                };
                lua.pop(1);
                Err([b"Error registering functions: ", text.as_slice()].concat())
            }
        } else {
            let text = [b"Error compiling function: ", lua.text(-1).unwrap_or_default()].concat();
            lua.pop(1);
            Err(text)
        };
        lua.set_hook(None, 0);
        self.lead_globals_to("globals");
        let Registering { functions, last } = self.shared.registering.take().unwrap_or_default();
        self.last_place = last;
        match result {
            Ok(()) => Ok(functions),
            Err(text) => {
                functions.values().for_each(|function| self.forget(function));
                Err(text)
            }
        }
    }

    fn lead_globals_to(&self, name: &str) {
        let lua = self.lua;
        if lua.metatable(GLOBALS) {
            lua.set_read_only(-1, false);
            lua.field(REGISTRY, name);
            lua.set_field(-2, "__index");
            lua.set_read_only(-1, true);
            lua.pop(1);
        }
    }

    /// Frees the memory of everything that is no longer in use.
    pub fn collect(&self) {
        self.lua.collect();
    }

    /// Lets go of a function.
    pub fn forget(&self, function: &Function) {
        self.lua.push_nil();
        self.lua.set_item(REGISTRY, function.place);
    }
}

/// How long a library may take to load, in nanoseconds.
const LOADING_NANOS: u64 = 500_000_000;

/// The error on top, with the place where it happened.
fn failure(lua: State, name: &[u8]) -> Failure {
    if lua.kind(-1) != Kind::Table {
        let text = lua.text(-1).unwrap_or(b"execution failure");
        let text = &text[..text.len().min(100)];
        return Failure { text: [b"ERR Error running script ", name, b", ", text].concat(), counted: false };
    }
    let (mut text, counted) = error_text(lua);
    lua.field(-1, "source");
    lua.field(-2, "line");
    if let (Some(source), Some(line)) = (lua.text(-2), lua.text(-1)) {
        text.extend_from_slice(&[b" script: ", name, b", on ", source, b":", line, b"."].concat());
    }
    lua.pop(2);
    Failure { text, counted }
}

/// Reading what the table on top does not have raises an error.
pub(super) fn refuse_unknown(lua: State) {
    lua.push_table(0, 1);
    lua.push_unknown_global();
    lua.set_field(-2, "__index");
    lua.set_metatable(-2);
}

/// Makes the table on top read-only, and all tables and metatables that can be reached from it.
fn protect(lua: State) {
    if lua.is_read_only(-1) || !lua.reserve(4) {
        return;
    }
    lua.set_read_only(-1, true);
    lua.push_nil();
    while lua.next(-2) {
        if lua.kind(-1) == Kind::Table {
            protect(lua);
        }
        lua.pop(1);
    }
    if lua.metatable(-1) {
        protect(lua);
        lua.pop(1);
    }
}

extern "C" fn interrupt(raw: *mut super::lua::Raw) -> std::ffi::c_int {
    let lua = State::from_raw(raw);
    let Some(host) = shared(&lua).host else { return 0 };
    // SAFETY: the host stays valid while the script runs, and its other methods do not run now.
    let Some(text) = (unsafe { (*host).interrupt() }) else { return 0 };
    super::convert::push_error(lua, text.as_bytes(), false);
    1
}

extern "C" fn loading_interrupt(raw: *mut super::lua::Raw) -> std::ffi::c_int {
    let lua = State::from_raw(raw);
    let over = shared(&lua).deadline.is_some_and(|deadline| crate::base::clock::monotonic_ns() > deadline);
    if over {
        super::convert::push_error(lua, b"FUNCTION LOAD timeout", false);
    }
    i32::from(over)
}
