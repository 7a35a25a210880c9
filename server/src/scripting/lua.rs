//! Lua's C interface, as far as it is used, behind a handle whose methods are safe to call within the rules below.
//!
//! SAFETY, for every call in this file: a [`State`] is made by [`super::Engine`], which outlives all uses of it, and is used by one
//! thread at a time. Indices are those of values that the caller put there, or are checked by the caller with `top`.
//! Functions that may raise an error are called only where none can be raised: `get`, `set`, `next` and the like are
//! the raw ones, on tables that are not read-only, with keys that are neither nil nor NaN, and memory does not run out inside
//! of functions of Rust (`memory.rs`). What may raise runs under `pcall`.

#![expect(clippy::undocumented_unsafe_blocks, reason = "one rule for all of them stands above")]

use std::ffi::{CStr, c_char, c_int, c_void};

/// The interpreter's state, opaque.
#[repr(C)]
pub struct Raw {
    opaque: [u8; 0],
}

/// The type of a C function that Lua calls (`lua_CFunction`).
pub type RawFunction = extern "C" fn(*mut Raw) -> c_int;
/// The type of an allocator that Lua calls (`lua_Alloc`).
pub type Allocator = extern "C" fn(*mut c_void, *mut c_void, usize, usize) -> *mut c_void;

unsafe extern "C" {
    fn lua_newstate(allocator: Allocator, data: *mut c_void) -> *mut Raw;
    fn lua_close(l: *mut Raw);
    fn lua_getallocf(l: *mut Raw, data: *mut *mut c_void) -> Allocator;
    fn lua_gettop(l: *mut Raw) -> c_int;
    fn lua_settop(l: *mut Raw, index: c_int);
    fn lua_pushvalue(l: *mut Raw, index: c_int);
    fn lua_remove(l: *mut Raw, index: c_int);
    fn lua_insert(l: *mut Raw, index: c_int);
    fn lua_replace(l: *mut Raw, index: c_int);
    fn lua_checkstack(l: *mut Raw, more: c_int) -> c_int;
    fn lua_type(l: *mut Raw, index: c_int) -> c_int;
    fn lua_typename(l: *mut Raw, kind: c_int) -> *const c_char;
    fn lua_isnumber(l: *mut Raw, index: c_int) -> c_int;
    fn lua_tonumber(l: *mut Raw, index: c_int) -> f64;
    fn lua_toboolean(l: *mut Raw, index: c_int) -> c_int;
    fn lua_tolstring(l: *mut Raw, index: c_int, len: *mut usize) -> *const c_char;
    fn lua_touserdata(l: *mut Raw, index: c_int) -> *mut c_void;
    fn lua_pushnil(l: *mut Raw);
    fn lua_pushnumber(l: *mut Raw, number: f64);
    fn lua_pushlstring(l: *mut Raw, text: *const c_char, len: usize);
    fn lua_pushboolean(l: *mut Raw, truth: c_int);
    fn lua_pushlightuserdata(l: *mut Raw, data: *mut c_void);
    fn lua_createtable(l: *mut Raw, items: c_int, others: c_int);
    fn lua_newuserdata(l: *mut Raw, size: usize) -> *mut c_void;
    fn lua_rawget(l: *mut Raw, index: c_int);
    fn lua_rawset(l: *mut Raw, index: c_int);
    fn lua_rawgeti(l: *mut Raw, index: c_int, number: c_int);
    fn lua_rawseti(l: *mut Raw, index: c_int, number: c_int);
    fn lua_objlen(l: *mut Raw, index: c_int) -> usize;
    fn lua_next(l: *mut Raw, index: c_int) -> c_int;
    fn lua_getmetatable(l: *mut Raw, index: c_int) -> c_int;
    fn lua_setmetatable(l: *mut Raw, index: c_int) -> c_int;
    fn lua_pcall(l: *mut Raw, arguments: c_int, results: c_int, handler: c_int) -> c_int;
    fn lua_gc(l: *mut Raw, what: c_int, data: c_int) -> c_int;
    fn lua_setreadonly(l: *mut Raw, index: c_int, on: c_int);
    fn lua_getreadonly(l: *mut Raw, index: c_int) -> c_int;
    fn luaL_loadbuffer(l: *mut Raw, text: *const c_char, len: usize, name: *const c_char) -> c_int;
    fn shim_push_function(l: *mut Raw, function: RawFunction);
    fn shim_push_function_with(l: *mut Raw, function: RawFunction);
    fn shim_own_data(l: *mut Raw) -> *mut c_void;
    fn shim_push_pcall(l: *mut Raw);
    fn shim_push_unknown_global(l: *mut Raw);
    fn shim_open_libraries(l: *mut Raw) -> c_int;
    fn shim_set_hook(l: *mut Raw, interrupt: Option<RawFunction>, count: c_int);
}

/// Pseudo-index of the table of globals.
pub const GLOBALS: c_int = -10002;
/// Pseudo-index of the registry.
pub const REGISTRY: c_int = -10000;

/// The type of a Lua value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "Lua's own names")]
pub enum Kind {
    None,
    Nil,
    Boolean,
    LightUserdata,
    Number,
    Text,
    Table,
    Function,
    Userdata,
    Thread,
}

/// The error that a Rust function wants raised.
#[derive(Debug, Clone, PartialEq)]
pub enum Raise {
    /// The value on top of the stack.
    Top,
    /// A text, prefixed with the position of the caller.
    Here(Vec<u8>),
    /// `bad argument #n to 'f' (text)`.
    Argument(c_int, Vec<u8>),
    /// `bad argument #n to 'f' (type expected, got ...)`.
    Type(c_int, &'static str),
}

impl Raise {
    /// A text, prefixed with the position of the caller.
    pub fn here(text: impl Into<Vec<u8>>) -> Self {
        Self::Here(text.into())
    }
}

/// What a function of Rust returns: its number of results, which are on top of the stack.
pub type Results = Result<c_int, Raise>;

/// A handle of the interpreter, to be used by the rules in the module's comment.
#[derive(Clone, Copy)]
pub struct State(*mut Raw);

// SAFETY: the handle is used by whoever holds the server's lock, one thread at a time.
unsafe impl Send for State {}

impl State {
    /// Creates an interpreter; `None` if there is no memory.
    pub(super) fn open(allocator: Allocator, data: *mut c_void) -> Option<Self> {
        let raw = unsafe { lua_newstate(allocator, data) };
        (!raw.is_null()).then_some(Self(raw))
    }

    /// Ends the interpreter; no handle may be used afterwards.
    pub(super) fn close(self) {
        unsafe { lua_close(self.0) }
    }

    pub(super) fn from_raw(raw: *mut Raw) -> Self {
        Self(raw)
    }

    /// The `data` that [`Self::open`] was given.
    pub(super) fn allocator_data(self) -> *mut c_void {
        let mut data = std::ptr::null_mut();
        unsafe { lua_getallocf(self.0, &mut data) };
        data
    }

    /// Opens the libraries `base`, `table`, `string`, `math` and `debug`.
    pub(super) fn open_libraries(self) -> bool {
        unsafe { shim_open_libraries(self.0) == 0 }
    }

    /// The number of values on the stack.
    pub fn top(self) -> c_int {
        unsafe { lua_gettop(self.0) }
    }

    /// Truncates the stack, or extends it with nils.
    pub fn set_top(self, index: c_int) {
        unsafe { lua_settop(self.0, index) }
    }

    /// Pops `count` values.
    pub fn pop(self, count: c_int) {
        self.set_top(-count - 1);
    }

    /// Pushes a copy of a value.
    pub fn push_value(self, index: c_int) {
        unsafe { lua_pushvalue(self.0, index) }
    }

    /// Removes one value from the stack.
    pub fn remove(self, index: c_int) {
        unsafe { lua_remove(self.0, index) }
    }

    /// Moves the top value to `index`, shifting others up.
    pub fn insert(self, index: c_int) {
        unsafe { lua_insert(self.0, index) }
    }

    /// Pops the top value and replaces another value, or the globals, by it.
    pub fn replace(self, index: c_int) {
        unsafe { lua_replace(self.0, index) }
    }

    /// Makes room for more values; false if the stack has reached its limit.
    pub fn reserve(self, more: c_int) -> bool {
        unsafe { lua_checkstack(self.0, more) != 0 }
    }

    /// The type of the value.
    pub fn kind(self, index: c_int) -> Kind {
        match unsafe { lua_type(self.0, index) } {
            0 => Kind::Nil,
            1 => Kind::Boolean,
            2 => Kind::LightUserdata,
            3 => Kind::Number,
            4 => Kind::Text,
            5 => Kind::Table,
            6 => Kind::Function,
            7 => Kind::Userdata,
            8 => Kind::Thread,
            _ => Kind::None,
        }
    }

    /// The name of the value's type.
    pub fn type_name(self, index: c_int) -> String {
        let name = unsafe { CStr::from_ptr(lua_typename(self.0, lua_type(self.0, index))) };
        name.to_string_lossy().into_owned()
    }

    /// The value of a number, or of a text that is one.
    pub fn number(self, index: c_int) -> Option<f64> {
        unsafe { (lua_isnumber(self.0, index) != 0).then(|| lua_tonumber(self.0, index)) }
    }

    /// Whether the value counts as true.
    pub fn truth(self, index: c_int) -> bool {
        unsafe { lua_toboolean(self.0, index) != 0 }
    }

    /// The bytes of a text, or of a number, which is converted in place. The bytes live as long as the value stays on the
    /// stack.
    pub fn text<'a>(self, index: c_int) -> Option<&'a [u8]> {
        let mut len = 0;
        let text = unsafe { lua_tolstring(self.0, index, &mut len) };
        (!text.is_null()).then(|| unsafe { std::slice::from_raw_parts(text.cast(), len) })
    }

    /// The address of userdata, null otherwise.
    pub fn userdata(self, index: c_int) -> *mut c_void {
        unsafe { lua_touserdata(self.0, index) }
    }

    /// Pushes the value nil.
    pub fn push_nil(self) {
        unsafe { lua_pushnil(self.0) }
    }

    /// Pushes a double, Lua's only number type.
    pub fn push_number(self, number: f64) {
        unsafe { lua_pushnumber(self.0, number) }
    }

    /// Pushes a string of any bytes.
    pub fn push_text(self, text: &[u8]) {
        unsafe { lua_pushlstring(self.0, text.as_ptr().cast(), text.len()) }
    }

    /// Pushes true or false.
    pub fn push_truth(self, truth: bool) {
        unsafe { lua_pushboolean(self.0, c_int::from(truth)) }
    }

    /// Pushes the null address, which stands for JSON's null.
    pub fn push_null(self) {
        unsafe { lua_pushlightuserdata(self.0, std::ptr::null_mut()) }
    }

    /// Pushes a block of garbage-collected memory; returns its address.
    pub fn push_userdata(self, size: usize) -> *mut c_void {
        unsafe { lua_newuserdata(self.0, size) }
    }

    /// Pushes a table with preallocated capacity.
    pub fn push_table(self, items: usize, others: usize) {
        let bounded = |count: usize| count.min(1 << 16) as c_int;
        unsafe { lua_createtable(self.0, bounded(items), bounded(others)) }
    }

    /// Pushes a function of Rust, made by `function`.
    pub fn push_function(self, function: RawFunction) {
        unsafe { shim_push_function(self.0, function) }
    }

    /// Like [`Self::push_function`], but pops the top value and makes it the function's upvalue.
    pub fn push_function_with(self, function: RawFunction) {
        unsafe { shim_push_function_with(self.0, function) }
    }

    /// The address of the running function's upvalue; null if that is not userdata.
    pub fn own_data(self) -> *mut c_void {
        unsafe { shim_own_data(self.0) }
    }

    pub(super) fn push_pcall(self) {
        unsafe { shim_push_pcall(self.0) }
    }

    pub(super) fn push_unknown_global(self) {
        unsafe { shim_push_unknown_global(self.0) }
    }

    /// Replaces the key on top by its value, without metamethods.
    pub fn get(self, table: c_int) {
        unsafe { lua_rawget(self.0, table) }
    }

    /// Pushes the value of a field, without metamethods.
    pub fn field(self, table: c_int, name: &str) {
        self.push_text(name.as_bytes());
        self.get(if table < 0 && table > REGISTRY { table - 1 } else { table });
    }

    /// Pops a value and the key below it and sets them in a table, without metamethods.
    pub fn set(self, table: c_int) {
        unsafe { lua_rawset(self.0, table) }
    }

    /// Pops the top value into a field, without metamethods.
    pub fn set_field(self, table: c_int, name: &str) {
        self.push_text(name.as_bytes());
        self.insert(-2);
        self.set(if table < 0 && table > REGISTRY { table - 1 } else { table });
    }

    /// Pushes the item of a table at a number.
    pub fn item(self, table: c_int, number: c_int) {
        unsafe { lua_rawgeti(self.0, table, number) }
    }

    /// Pops the top value into a table at a number.
    pub fn set_item(self, table: c_int, number: c_int) {
        unsafe { lua_rawseti(self.0, table, number) }
    }

    /// The length of a text, or a border of a table.
    pub fn len(self, index: c_int) -> usize {
        unsafe { lua_objlen(self.0, index) }
    }

    /// Replaces the key on top by the next key and its value; false, with the key popped, at the end.
    pub fn next(self, table: c_int) -> bool {
        unsafe { lua_next(self.0, table) != 0 }
    }

    /// Pushes the metatable; false, and nothing is pushed, if there is none.
    pub fn metatable(self, index: c_int) -> bool {
        unsafe { lua_getmetatable(self.0, index) != 0 }
    }

    /// Pops the top table and makes it the metatable.
    pub fn set_metatable(self, index: c_int) {
        unsafe { lua_setmetatable(self.0, index) };
    }

    /// Makes a table read-only or writable.
    pub fn set_read_only(self, index: c_int, on: bool) {
        unsafe { lua_setreadonly(self.0, index, c_int::from(on)) }
    }

    /// Whether a table is read-only.
    pub fn is_read_only(self, index: c_int) -> bool {
        unsafe { lua_getreadonly(self.0, index) != 0 }
    }

    /// Calls the function below `arguments`; on failure the error is on top. `handler`: index of an error handler, or 0.
    pub fn pcall(self, arguments: c_int, results: c_int, handler: c_int) -> bool {
        unsafe { lua_pcall(self.0, arguments, results, handler) == 0 }
    }

    /// Compiles a chunk and pushes its function; on failure the error is on top.
    pub fn load(self, text: &[u8], name: &CStr) -> bool {
        unsafe { luaL_loadbuffer(self.0, text.as_ptr().cast(), text.len(), name.as_ptr()) == 0 }
    }

    /// Runs a full garbage collection.
    pub fn collect(self) {
        unsafe { lua_gc(self.0, 2, 0) };
    }

    /// Runs a few steps of a garbage collection.
    pub fn collect_some(self, steps: c_int) {
        unsafe { lua_gc(self.0, 5, steps) };
    }

    /// Calls `interrupt` every `count` instructions: it returns 0, or leaves an error on top. `None` removes the hook.
    pub fn set_hook(self, interrupt: Option<RawFunction>, count: c_int) {
        unsafe { shim_set_hook(self.0, interrupt, count) }
    }
}

/// Runs the body of a function that Lua calls, and tells the C wrapper what to raise.
pub fn run(raw: *mut Raw, body: fn(State) -> Results) -> c_int {
    let lua = State(raw);
    let outcome = super::memory::unlimited(lua, || body(lua));
    match outcome {
        Ok(_) if super::memory::is_over(lua) => {
            lua.push_text(b"not enough memory");
            -1
        }
        Ok(results) => results,
        Err(Raise::Top) => -1,
        Err(Raise::Here(text)) => {
            lua.push_text(&text);
            -2
        }
        Err(Raise::Argument(number, text)) => {
            lua.push_number(f64::from(number));
            lua.push_text(&text);
            -3
        }
        Err(Raise::Type(number, name)) => {
            // The argument is inspected before anything is pushed, possibly onto its slot.
            let text = format!("{name} expected, got {}", lua.type_name(number));
            lua.push_number(f64::from(number));
            lua.push_text(text.as_bytes());
            -3
        }
    }
}

/// Turns a function that returns [`Results`] into one that Lua can call.
macro_rules! function {
    ($body:path) => {{
        extern "C" fn raw(lua: *mut $crate::scripting::lua::Raw) -> std::ffi::c_int {
            $crate::scripting::lua::run(lua, $body)
        }
        raw as $crate::scripting::lua::RawFunction
    }};
}
pub(crate) use function;

/// Arguments of a function, with the same errors as Lua's own functions.
impl State {
    /// A number argument.
    ///
    /// # Errors
    /// The argument is missing or has another type.
    pub fn want_number(self, index: c_int) -> Result<f64, Raise> {
        self.number(index).ok_or(Raise::Type(index, "number"))
    }

    /// A text argument; numbers are converted.
    ///
    /// # Errors
    /// The argument is missing or has another type.
    pub fn want_text<'a>(self, index: c_int) -> Result<&'a [u8], Raise> {
        match self.kind(index) {
            Kind::Text | Kind::Number => self.text(index).ok_or(Raise::Type(index, "string")),
            _ => Err(Raise::Type(index, "string")),
        }
    }

    /// A number argument as a C cast to an integer makes it; it wraps to 32 bits.
    ///
    /// # Errors
    /// The argument is not a number.
    pub fn want_int(self, index: c_int) -> Result<i32, Raise> {
        Ok(to_integer(self.want_number(index)?) as i32)
    }
}

/// A C cast to a 64-bit integer, as on x86: a value that does not fit becomes the smallest integer.
pub fn to_integer(number: f64) -> i64 {
    if number >= 9_223_372_036_854_775_808.0 || number.is_nan() { i64::MIN } else { number as i64 }
}
