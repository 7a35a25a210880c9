//! What COMMAND tells about the expiry commands. Facts are those of Redis 7.0.15; the prose is ours.

use crate::dispatch::doc::{
    AclCategories, Argument, ArgumentKind, Begin, CommandDoc, Find, Flags, KeyFlags, KeySpec, arg, category, flag, key,
};

/// By name.
pub static DOCS: &[CommandDoc] = &[
    CommandDoc {
        name: "expire",
        arity: -3,
        flags: Flags(flag::WRITE | flag::FAST),
        acl: AclCategories(category::KEYSPACE | category::WRITE | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Lets a key expire after some seconds",
        since: "1.0.0",
        group: "generic",
        complexity: "O(1)",
        history: &[("7.0.0", "With options: `NX`, `XX`, `GT` and `LT`")],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("seconds", ArgumentKind::Integer),
            Argument {
                since: "7.0.0",
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument { token: Some("NX"), ..Argument::new("nx", ArgumentKind::PureToken) },
                    Argument { token: Some("XX"), ..Argument::new("xx", ArgumentKind::PureToken) },
                    Argument { token: Some("GT"), ..Argument::new("gt", ArgumentKind::PureToken) },
                    Argument { token: Some("LT"), ..Argument::new("lt", ArgumentKind::PureToken) },
                ],
                ..Argument::new("condition", ArgumentKind::OneOf)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "expireat",
        arity: -3,
        flags: Flags(flag::WRITE | flag::FAST),
        acl: AclCategories(category::KEYSPACE | category::WRITE | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Lets a key expire at a time in seconds",
        since: "1.2.0",
        group: "generic",
        complexity: "O(1)",
        history: &[("7.0.0", "With options: `NX`, `XX`, `GT` and `LT`")],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("unix-time-seconds", ArgumentKind::UnixTime),
            Argument {
                since: "7.0.0",
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument { token: Some("NX"), ..Argument::new("nx", ArgumentKind::PureToken) },
                    Argument { token: Some("XX"), ..Argument::new("xx", ArgumentKind::PureToken) },
                    Argument { token: Some("GT"), ..Argument::new("gt", ArgumentKind::PureToken) },
                    Argument { token: Some("LT"), ..Argument::new("lt", ArgumentKind::PureToken) },
                ],
                ..Argument::new("condition", ArgumentKind::OneOf)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "expiretime",
        arity: 2,
        flags: Flags(flag::READONLY | flag::FAST),
        acl: AclCategories(category::KEYSPACE | category::READ | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "When a key expires, as a time in seconds",
        since: "7.0.0",
        group: "generic",
        complexity: "O(1)",
        arguments: &[Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "persist",
        arity: 2,
        flags: Flags(flag::WRITE | flag::FAST),
        acl: AclCategories(category::KEYSPACE | category::WRITE | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Takes a key's expiry away",
        since: "2.2.0",
        group: "generic",
        complexity: "O(1)",
        arguments: &[Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "pexpire",
        arity: -3,
        flags: Flags(flag::WRITE | flag::FAST),
        acl: AclCategories(category::KEYSPACE | category::WRITE | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Lets a key expire after some milliseconds",
        since: "2.6.0",
        group: "generic",
        complexity: "O(1)",
        history: &[("7.0.0", "With options: `NX`, `XX`, `GT` and `LT`")],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("milliseconds", ArgumentKind::Integer),
            Argument {
                since: "7.0.0",
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument { token: Some("NX"), ..Argument::new("nx", ArgumentKind::PureToken) },
                    Argument { token: Some("XX"), ..Argument::new("xx", ArgumentKind::PureToken) },
                    Argument { token: Some("GT"), ..Argument::new("gt", ArgumentKind::PureToken) },
                    Argument { token: Some("LT"), ..Argument::new("lt", ArgumentKind::PureToken) },
                ],
                ..Argument::new("condition", ArgumentKind::OneOf)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "pexpireat",
        arity: -3,
        flags: Flags(flag::WRITE | flag::FAST),
        acl: AclCategories(category::KEYSPACE | category::WRITE | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Lets a key expire at a time in milliseconds",
        since: "2.6.0",
        group: "generic",
        complexity: "O(1)",
        history: &[("7.0.0", "With options: `NX`, `XX`, `GT` and `LT`")],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("unix-time-milliseconds", ArgumentKind::UnixTime),
            Argument {
                since: "7.0.0",
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument { token: Some("NX"), ..Argument::new("nx", ArgumentKind::PureToken) },
                    Argument { token: Some("XX"), ..Argument::new("xx", ArgumentKind::PureToken) },
                    Argument { token: Some("GT"), ..Argument::new("gt", ArgumentKind::PureToken) },
                    Argument { token: Some("LT"), ..Argument::new("lt", ArgumentKind::PureToken) },
                ],
                ..Argument::new("condition", ArgumentKind::OneOf)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "pexpiretime",
        arity: 2,
        flags: Flags(flag::READONLY | flag::FAST),
        acl: AclCategories(category::KEYSPACE | category::READ | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "When a key expires, as a time in milliseconds",
        since: "7.0.0",
        group: "generic",
        complexity: "O(1)",
        arguments: &[Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "pttl",
        arity: 2,
        flags: Flags(flag::READONLY | flag::FAST),
        acl: AclCategories(category::KEYSPACE | category::READ | category::FAST),
        tips: &["nondeterministic_output"],
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Milliseconds until a key expires",
        since: "2.6.0",
        group: "generic",
        complexity: "O(1)",
        history: &[("2.8.0", "-2 for a key that does not exist")],
        arguments: &[Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "ttl",
        arity: 2,
        flags: Flags(flag::READONLY | flag::FAST),
        acl: AclCategories(category::KEYSPACE | category::READ | category::FAST),
        tips: &["nondeterministic_output"],
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Seconds until a key expires",
        since: "1.0.0",
        group: "generic",
        complexity: "O(1)",
        history: &[("2.8.0", "-2 for a key that does not exist")],
        arguments: &[Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) }],
        ..CommandDoc::EMPTY
    },
];
