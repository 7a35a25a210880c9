//! What COMMAND tells about the transactions commands. Facts are those of Redis 7.0.15; the prose is ours.

use crate::dispatch::doc::{
    AclCategories, Argument, ArgumentKind, Begin, CommandDoc, Find, Flags, KeyFlags, KeySpec, arg, category, flag,
    internal, key,
};

/// By name.
pub static DOCS: &[CommandDoc] = &[
    CommandDoc {
        name: "discard",
        arity: 1,
        flags: Flags(flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::FAST | flag::ALLOW_BUSY),
        acl: AclCategories(category::FAST | category::TRANSACTION),
        summary: "Drops the queued commands",
        since: "2.0.0",
        group: "transactions",
        complexity: "O(N)",
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "exec",
        arity: 1,
        flags: Flags(flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SKIP_SLOWLOG),
        acl: AclCategories(category::SLOW | category::TRANSACTION),
        internal: internal::PUSHES,
        summary: "Runs the queued commands",
        since: "1.2.0",
        group: "transactions",
        complexity: "Depends on what is called",
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "multi",
        arity: 1,
        flags: Flags(flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::FAST | flag::ALLOW_BUSY),
        acl: AclCategories(category::FAST | category::TRANSACTION),
        summary: "Starts to queue commands",
        since: "1.2.0",
        group: "transactions",
        complexity: "O(1)",
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "unwatch",
        arity: 1,
        flags: Flags(flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::FAST | flag::ALLOW_BUSY),
        acl: AclCategories(category::FAST | category::TRANSACTION),
        summary: "Forgets the watched keys",
        since: "2.2.0",
        group: "transactions",
        complexity: "O(1)",
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "watch",
        arity: -2,
        flags: Flags(flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::FAST | flag::ALLOW_BUSY),
        acl: AclCategories(category::FAST | category::TRANSACTION),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO),
            begin: Begin::Index(1),
            find: Find::Range(-1, 1, 0),
        }],
        legacy_keys: (1, -1, 1),
        summary: "Lets EXEC fail if keys change until then",
        since: "2.2.0",
        group: "transactions",
        complexity: "O(1)",
        arguments: &[Argument { key_spec: Some(0), flags: arg::MULTIPLE, ..Argument::new("key", ArgumentKind::Key) }],
        ..CommandDoc::EMPTY
    },
];
