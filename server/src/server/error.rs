//! Errors on the wire: every text that more than one place needs, exactly as Redis 7.0.15 writes it.

use super::client::Block;

/// Why a command did not end with a reply of its own.
#[derive(Debug)]
pub enum CommandError {
    /// A fixed text, its code first.
    Static(&'static str),
    /// A composed text, its code first.
    Text(Vec<u8>),
    /// Not an error: the client blocks.
    Block(Box<Block>),
    /// The error has already been written and counted: a script's reply.
    Answered,
}

impl CommandError {
    /// An error with a composed text, its code first.
    pub fn text(text: impl Into<Vec<u8>>) -> Self {
        Self::Text(text.into())
    }

    /// The bytes after the `-`.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Static(text) => text.as_bytes(),
            Self::Text(text) => text,
            Self::Block(_) | Self::Answered => b"",
        }
    }
}

/// The result of a handler: it has written the reply, or the error says why not.
pub type CommandResult<T = ()> = Result<T, CommandError>;

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub const $name: CommandError = CommandError::Static($text);)*
    };
}

texts! {
    /// Words that do not fit the command's grammar.
    SYNTAX = "ERR syntax error";
    /// The key holds another type.
    WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value";
    /// Not a 64-bit integer.
    NOT_INTEGER = "ERR value is not an integer or out of range";
    /// A text that is not a floating point number.
    NOT_FLOAT = "ERR value is not a valid float";
    /// The key must exist.
    NO_SUCH_KEY = "ERR no such key";
    /// Source and destination are one.
    SAME_OBJECT = "ERR source and destination objects are the same";
    /// An index beyond the end.
    OUT_OF_RANGE = "ERR index out of range";
    /// A negative number where only positive ones are allowed.
    NOT_POSITIVE = "ERR value is out of range, must be positive";
    /// The database does not exist.
    DB_OUT_OF_RANGE = "ERR DB index is out of range";
    /// An index that does not fit in a C `int`.
    NOT_INT = "ERR value is out of range, value must between -2147483648 and 2147483647";
    /// An increment left the range of 64 bits.
    OVERFLOW = "ERR increment or decrement would overflow";
    /// A sum of floats left the range.
    NAN_OR_INFINITY = "ERR increment would produce NaN or Infinity";
    /// A string beyond `proto-max-bulk-len`.
    STRING_TOO_LONG = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    /// The client has to authenticate first.
    NO_AUTH = "NOAUTH Authentication required.";
    /// A write on a read-only replica.
    READ_ONLY = "READONLY You can't write against a read only replica.";
    /// The dataset is being loaded.
    LOADING = "LOADING Redis is loading the dataset in memory";
    /// A command that may need memory, while `maxmemory` is exceeded.
    OOM = "OOM command not allowed when used memory > 'maxmemory'.";
    /// The link to the primary is down and stale data is not served.
    MASTER_DOWN = "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.";
    /// `min-replicas-to-write`.
    NO_REPLICAS = "NOREPLICAS Not enough good replicas to write.";
    /// A queued command was refused.
    EXEC_ABORT = "EXECABORT Transaction discarded because of previous errors.";
    /// A command with `no_multi` inside MULTI.
    NO_MULTI = "ERR Command not allowed inside a transaction";
    /// A write while the last background save failed.
    MISCONF = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.";
    /// A replica's connection sends a command on keys.
    REPLICA_KEYSPACE = "ERR Replica can't interact with the keyspace";
    /// DEBUG without `enable-debug-command`.
    DEBUG_REFUSED = "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.";
    /// `enable-module-command` does not allow it.
    MODULE_REFUSED = "ERR MODULE command not allowed. If the enable-module-command option is set to \"local\", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.";
    /// A time to live that does not fit.
    TIMEOUT_NOT_INTEGER = "ERR timeout is not an integer or out of range";
    /// A blocking time-out below zero.
    TIMEOUT_NEGATIVE = "ERR timeout is negative";
    /// A cursor of SCAN and its kin that is not a number.
    INVALID_CURSOR = "ERR invalid cursor";
    /// CLIENT KILL and other commands name a client that does not exist.
    NO_SUCH_CLIENT = "ERR No such client";
}

/// The number of arguments does not fit; `name` is `command` or `container|subcommand`.
pub fn wrong_arity(name: &str) -> CommandError {
    CommandError::text(format!("ERR wrong number of arguments for '{name}' command"))
}

/// A container command without such a subcommand.
pub fn unknown_subcommand(subcommand: &[u8], parent: &str) -> CommandError {
    let try_help = format!("'. Try {} HELP.", parent.to_uppercase());
    CommandError::text([b"ERR unknown subcommand '", shown(subcommand, 128), try_help.as_bytes()].concat())
}

/// A word as errors quote it: bytes as they are, up to a limit or the first NUL.
pub fn shown(word: &[u8], limit: usize) -> &[u8] {
    let word = &word[..word.len().min(limit)];
    &word[..word.iter().position(|&byte| byte == 0).unwrap_or(word.len())]
}

/// `SET` and the family refuse a time to live.
pub fn invalid_expire(command: &str) -> CommandError {
    CommandError::text(format!("ERR invalid expire time in '{command}' command"))
}
