//! The first line of scripts and libraries: `#!lua flags=no-writes,allow-stale`, `#!lua name=library`.

use bitflags::bitflags;

bitflags! {
    /// What a script declares about itself.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct ScriptFlags: u8 {
        /// It never writes.
        const NO_WRITES = 1 << 0;
        /// It may run while memory exceeds `maxmemory`.
        const ALLOW_OOM = 1 << 1;
        /// It may run on a replica that has lost its primary.
        const ALLOW_STALE = 1 << 2;
        /// It must not run in a cluster.
        const NO_CLUSTER = 1 << 3;
        /// It may use keys of several slots.
        const ALLOW_CROSS_SLOT = 1 << 4;
        /// It declares nothing, because it has no shebang line.
        const COMPATIBLE = 1 << 5;
    }
}

impl ScriptFlags {
    /// The names of the flags, in the order of replies.
    pub const NAMES: [(Self, &'static str); 5] = [
        (Self::NO_WRITES, "no-writes"),
        (Self::ALLOW_OOM, "allow-oom"),
        (Self::ALLOW_STALE, "allow-stale"),
        (Self::NO_CLUSTER, "no-cluster"),
        (Self::ALLOW_CROSS_SLOT, "allow-cross-slot-keys"),
    ];

    /// Adds the flag with a name; false if there is none.
    pub fn add(&mut self, name: &[u8]) -> bool {
        let known = Self::NAMES.iter().find(|(_, known)| known.as_bytes() == name);
        self.insert(known.map_or(Self::empty(), |(flag, _)| *flag));
        known.is_some()
    }
}

/// The words of the first line, and the position of its end.
fn first_line(text: &[u8]) -> Option<(usize, Vec<Vec<u8>>)> {
    // A C string ends at its first NUL.
    let end = text.iter().position(|&byte| byte == b'\n' || byte == 0).filter(|&end| text[end] == b'\n')?;
    Some((end, crate::base::words::split(&text[..end]).unwrap_or_default()))
}

/// The flags of a script and the length of its first line; without such a line, [`ScriptFlags::COMPATIBLE`] and 0.
///
/// # Errors
/// The error's text without `ERR `.
pub fn of_script(text: &[u8]) -> Result<(ScriptFlags, usize), Vec<u8>> {
    if !text.starts_with(b"#!") {
        return Ok((ScriptFlags::COMPATIBLE, 0));
    }
    let Some((len, words)) = first_line(text) else { return Err(b"Invalid script shebang".to_vec()) };
    let Some((engine, options)) = words.split_first() else {
        return Err(b"Invalid engine in script shebang".to_vec());
    };
    if engine != b"#!lua" {
        return Err([b"Unexpected engine in script shebang: ", engine.as_slice()].concat());
    }
    let mut flags = ScriptFlags::default();
    for option in options {
        let Some(names) = option.strip_prefix(b"flags=") else {
            return Err([b"Unknown lua shebang option: ", option.as_slice()].concat());
        };
        for name in names.split(|&byte| byte == b',').filter(|_| !names.is_empty()) {
            if !flags.add(name) {
                return Err([b"Unexpected flag in script shebang: ", name].concat());
            }
        }
    }
    Ok((flags, len))
}

/// The first line of a library, parsed.
pub struct LibraryHead {
    /// The library's name (`name=`).
    pub name: Vec<u8>,
    /// The engine's name, `lua`.
    pub engine: Vec<u8>,
    /// The length of the line, in bytes.
    pub len: usize,
}

/// Parses the first line of a library.
///
/// # Errors
/// The error's text without `ERR `.
pub fn of_library(text: &[u8]) -> Result<LibraryHead, Vec<u8>> {
    if !text.starts_with(b"#!") {
        return Err(b"Missing library metadata".to_vec());
    }
    let Some((len, words)) = first_line(text) else { return Err(b"Invalid library metadata".to_vec()) };
    let Some((engine, options)) = words.split_first() else { return Err(b"Invalid library metadata".to_vec()) };
    let mut name = None;
    for option in options {
        if option.len() >= 5 && option[..5].eq_ignore_ascii_case(b"name=") {
            if name.is_some() {
                return Err(b"Invalid metadata value, name argument was given multiple times".to_vec());
            }
            name = Some(option[5..].to_vec());
        } else {
            return Err([b"Invalid metadata value given: ", option.as_slice()].concat());
        }
    }
    let name = name.ok_or_else(|| b"Library name was not given".to_vec())?;
    Ok(LibraryHead { name, engine: engine.get(2..).unwrap_or_default().to_vec(), len })
}
