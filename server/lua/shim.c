/*
** Where Lua and Rust meet.
**
** Lua raises errors with longjmp, which must not cross a frame of Rust. So Rust's functions never raise: they return what they
** want raised, and the C function that called them does it when they have returned.
*/

#include "lua.h"
#include "lauxlib.h"
#include "lualib.h"

typedef int (*rust_function) (lua_State *L);

/* What a function of Rust returns instead of a number of results. */
enum {
  RAISE = -1,       /* the value on top */
  RAISE_HERE = -2,  /* the text on top, behind the place of the caller */
  RAISE_ARGUMENT = -3  /* text on top, below it the number of the argument */
};

static int finish (lua_State *L, int n) {
  switch (n) {
    case RAISE: return lua_error(L);
    case RAISE_HERE:
      luaL_where(L, 1);
      lua_insert(L, -2);
      lua_concat(L, 2);
      return lua_error(L);
    case RAISE_ARGUMENT: return luaL_argerror(L, (int)lua_tointeger(L, -2), lua_tostring(L, -1));
    default: return n;
  }
}

static int trampoline (lua_State *L) {
  return finish(L, ((rust_function)lua_touserdata(L, lua_upvalueindex(1)))(L));
}

void shim_push_function (lua_State *L, rust_function f) {
  lua_pushlightuserdata(L, (void *)f);
  lua_pushcclosure(L, trampoline, 1);
}

/* A function with a value of its own, which is taken off the stack. */
void shim_push_function_with (lua_State *L, rust_function f) {
  lua_pushlightuserdata(L, (void *)f);
  lua_insert(L, -2);
  lua_pushcclosure(L, trampoline, 2);
}

/* Of the function that runs: its own value, if that is userdata. */
void *shim_own_data (lua_State *L) { return lua_touserdata(L, lua_upvalueindex(2)); }

/* The pcall that scripts see: an error that is a table with a text `err' is given as that text. */
static int readable_pcall (lua_State *L) {
  luaL_checkany(L, 1);
  lua_pushboolean(L, 1);
  lua_insert(L, 1);
  if (lua_pcall(L, lua_gettop(L) - 2, LUA_MULTRET, 0) != 0) {
    lua_remove(L, 1);
    if (lua_istable(L, -1)) {
      lua_pushliteral(L, "err");
      lua_rawget(L, -2);
      if (lua_isstring(L, -1)) lua_replace(L, -2);
    }
    lua_pushboolean(L, 0);
    lua_insert(L, 1);
  }
  return lua_gettop(L);
}

/* Reading a global that is not there. */
static int unknown_global (lua_State *L) {
  if (lua_gettop(L) != 2) return luaL_error(L, "Wrong number of arguments to luaProtectedTableError");
  if (!lua_isstring(L, -1))
    return luaL_error(L, "Second argument to luaProtectedTableError must be a string or number");
  return luaL_error(L, "Script attempted to access nonexistent global variable '%s'", lua_tostring(L, -1));
}

void shim_push_pcall (lua_State *L) { lua_pushcfunction(L, readable_pcall); }
void shim_push_unknown_global (lua_State *L) { lua_pushcfunction(L, unknown_global); }

/* Opens the libraries; errors (no memory) stay with the caller's protected call. */
static int open_libraries (lua_State *L) {
  static const luaL_Reg all[] = {
    {"", luaopen_base}, {LUA_TABLIBNAME, luaopen_table}, {LUA_STRLIBNAME, luaopen_string},
    {LUA_MATHLIBNAME, luaopen_math}, {LUA_DBLIBNAME, luaopen_debug}, {NULL, NULL}
  };
  const luaL_Reg *lib;
  for (lib = all; lib->func != NULL; lib++) {
    lua_pushcfunction(L, lib->func);
    lua_pushstring(L, lib->name);
    lua_call(L, 1, 0);
  }
  return 0;
}

int shim_open_libraries (lua_State *L) { return lua_cpcall(L, open_libraries, NULL); }

static rust_function interrupt;

/* Once a script is to end it ends at every line, so that no pcall can keep it alive. */
static void hook (lua_State *L, lua_Debug *ar) {
  (void)ar;
  if (interrupt != NULL && interrupt(L) != 0) {
    lua_sethook(L, hook, LUA_MASKLINE, 0);
    lua_error(L);
  }
}

void shim_set_hook (lua_State *L, rust_function f, int count) {
  interrupt = f;
  if (f == NULL) lua_sethook(L, NULL, 0, 0);
  else lua_sethook(L, hook, LUA_MASKCOUNT, count);
}
