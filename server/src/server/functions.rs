//! Function libraries: loading, deleting, restoring. They are kept beside the keyspace, and are saved and replicated with
//! it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::error::{CommandError, CommandResult};
use crate::scripting::Engine;
use crate::scripting::engine::{Function, Purpose};
use crate::scripting::shebang::ScriptFlags;
use crate::scripting::{api, shebang};

/// A function library, as FUNCTION LOAD received it.
#[derive(Debug, Clone)]
pub struct Library {
    /// Its text, including the first line.
    pub code: Vec<u8>,
    /// Its functions by name.
    pub functions: BTreeMap<Vec<u8>, Function>,
}

/// A function as FCALL finds it.
#[derive(Debug, Clone)]
pub struct Callable {
    library: Arc<[u8]>,
    /// The name under which it was registered.
    pub name: Arc<[u8]>,
    /// Its place in the interpreter's registry.
    pub place: i32,
    /// What it declares.
    pub flags: ScriptFlags,
}

/// All libraries and the interpreter that holds their functions.
pub struct Functions {
    /// The interpreter that all libraries share.
    pub engine: Engine,
    libraries: BTreeMap<Vec<u8>, Library>,
    /// What a call needs, by the function's name in lower case.
    by_function: HashMap<Vec<u8>, Callable, ahash::RandomState>,
    log: fn(u8, &[u8]),
}

fn in_lower_case(name: &[u8]) -> Cow<'_, [u8]> {
    if name.iter().any(u8::is_ascii_uppercase) { name.to_ascii_lowercase().into() } else { name.into() }
}

fn error(text: &[u8]) -> CommandError {
    CommandError::Text([b"ERR ", text].concat())
}

impl Functions {
    /// An empty set of libraries; `log` is the function that `redis.log` calls.
    pub fn new(log: fn(u8, &[u8])) -> Self {
        Self {
            engine: Engine::new(Purpose::Functions, log),
            libraries: BTreeMap::new(),
            by_function: HashMap::default(),
            log,
        }
    }

    /// The libraries by name.
    pub fn libraries(&self) -> &BTreeMap<Vec<u8>, Library> {
        &self.libraries
    }

    /// The number of functions in all libraries.
    pub fn count(&self) -> usize {
        self.by_function.len()
    }

    /// The memory of libraries outside the interpreter, in bytes.
    pub fn memory(&self) -> usize {
        let library = |(name, library): (&Vec<u8>, &Library)| name.len() + library.code.len() + size_of::<Library>();
        let functions = self.count() * (size_of::<Function>() + 96);
        self.libraries.iter().map(library).sum::<usize>() + functions + size_of::<Self>()
    }

    /// Looks up a function by name, ignoring case.
    pub fn find(&self, name: &[u8]) -> Option<&Callable> {
        self.by_function.get(in_lower_case(name).as_ref())
    }

    fn unlink(&mut self, name: &[u8]) -> Option<Library> {
        let library = self.libraries.remove(name)?;
        for function in library.functions.keys() {
            self.by_function.remove(&function.to_ascii_lowercase());
        }
        Some(library)
    }

    fn link(&mut self, name: &[u8], library: Library) {
        let owner: Arc<[u8]> = name.into();
        for (name, &Function { place, flags, .. }) in &library.functions {
            let callable = Callable { library: Arc::clone(&owner), name: name.as_slice().into(), place, flags };
            self.by_function.insert(name.to_ascii_lowercase(), callable);
        }
        self.libraries.insert(name.to_vec(), library);
    }

    fn free(&self, library: &Library) {
        library.functions.values().for_each(|function| self.engine.forget(function));
    }

    /// Loads a library and returns its name. With `limited`, loading is subject to a time limit.
    ///
    /// # Errors
    /// Why it cannot be loaded; nothing has changed then.
    pub fn load(&mut self, code: &[u8], replace: bool, limited: bool) -> CommandResult<Vec<u8>> {
        let head = shebang::of_library(code).map_err(|text| error(&text))?;
        if !api::is_name(&head.name) {
            return Err(CommandError::Static(
                "ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long",
            ));
        }
        if !head.engine.eq_ignore_ascii_case(b"lua") {
            return Err(error(&[b"Engine '", head.engine.as_slice(), b"' not found"].concat()));
        }
        if self.libraries.contains_key(&head.name) && !replace {
            return Err(error(&[b"Library '", head.name.as_slice(), b"' already exists"].concat()));
        }
        let old = self.unlink(&head.name);
        match self.make(&code[head.len..], limited) {
            Ok(functions) => {
                if let Some(old) = old {
                    self.free(&old);
                }
                self.link(&head.name, Library { code: code.to_vec(), functions });
                Ok(head.name)
            }
            Err(failed) => {
                if let Some(old) = old {
                    self.link(&head.name, old);
                }
                Err(failed)
            }
        }
    }

    fn make(&mut self, text: &[u8], limited: bool) -> CommandResult<BTreeMap<Vec<u8>, Function>> {
        let functions = self.engine.load_library(text, limited).map_err(|text| error(&text))?;
        let taken = functions.keys().find(|name| self.by_function.contains_key(&name.to_ascii_lowercase()));
        let wrong = match taken {
            Some(name) => Some([b"Function ", name.as_slice(), b" already exists"].concat()),
            None if functions.is_empty() => Some(b"No functions registered".to_vec()),
            None => None,
        };
        match wrong {
            None => Ok(functions),
            Some(text) => {
                functions.values().for_each(|function| self.engine.forget(function));
                Err(error(&text))
            }
        }
    }

    /// Deletes a library: FUNCTION DELETE. False if there is no such library.
    pub fn delete(&mut self, name: &[u8]) -> bool {
        let library = self.unlink(name);
        if let Some(library) = &library {
            self.free(library);
        }
        library.is_some()
    }

    /// FUNCTION FLUSH: removes all libraries. The interpreter stays, as in Redis, and with it the settings of `cjson`.
    pub fn flush(&mut self) {
        for library in std::mem::take(&mut self.libraries).values() {
            self.free(library);
        }
        self.by_function.clear();
        self.engine.collect();
    }

    /// Loads all of these texts, or none: FUNCTION RESTORE.
    ///
    /// # Errors
    /// Why they cannot be loaded; nothing has changed then.
    pub fn restore(&mut self, codes: &[Vec<u8>], policy: RestorePolicy) -> CommandResult {
        let mut arriving = Self::new(self.log);
        for code in codes {
            arriving.load(code, false, false)?;
        }
        if policy == RestorePolicy::Flush {
            self.flush();
            return codes.iter().try_for_each(|code| self.load(code, false, false).map(drop));
        }
        for (name, library) in &arriving.libraries {
            if policy == RestorePolicy::Append && self.libraries.contains_key(name) {
                return Err(error(&[b"Library ", name.as_slice(), b" already exists"].concat()));
            }
            for function in library.functions.keys() {
                let owner = self.by_function.get(&function.to_ascii_lowercase());
                if owner.is_some_and(|owner| !arriving.libraries.contains_key(&*owner.library)) {
                    return Err(error(&[b"Function ", function.as_slice(), b" already exists"].concat()));
                }
            }
        }
        for name in arriving.libraries.keys() {
            self.delete(name);
        }
        for code in codes {
            self.load(code, true, false)?;
        }
        Ok(())
    }
}

/// What FUNCTION RESTORE does with existing libraries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestorePolicy {
    /// FLUSH: existing libraries are removed first.
    Flush,
    /// APPEND: they stay, and a name that is taken is an error.
    Append,
    /// REPLACE: those of the same name are replaced.
    Replace,
}
