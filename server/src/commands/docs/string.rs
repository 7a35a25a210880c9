//! What COMMAND tells about the string commands. Facts are those of Redis 7.0.15; the prose is ours.

use crate::dispatch::doc::{
    AclCategories, Argument, ArgumentKind, Begin, CommandDoc, Find, Flags, KeyFlags, KeySpec, arg, category, doc_flag,
    flag, key,
};

/// By name.
pub static DOCS: &[CommandDoc] = &[
    CommandDoc {
        name: "append",
        arity: 3,
        flags: Flags(flag::WRITE | flag::DENYOOM | flag::FAST),
        acl: AclCategories(category::WRITE | category::STRING | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::INSERT),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Appends to a string and returns its length",
        since: "2.0.0",
        group: "string",
        complexity: "O(1)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("value", ArgumentKind::Text),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "decr",
        arity: 2,
        flags: Flags(flag::WRITE | flag::DENYOOM | flag::FAST),
        acl: AclCategories(category::WRITE | category::STRING | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::ACCESS | key::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Subtracts one from an integer",
        since: "1.0.0",
        group: "string",
        complexity: "O(1)",
        arguments: &[Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "decrby",
        arity: 3,
        flags: Flags(flag::WRITE | flag::DENYOOM | flag::FAST),
        acl: AclCategories(category::WRITE | category::STRING | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::ACCESS | key::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Subtracts from an integer",
        since: "1.0.0",
        group: "string",
        complexity: "O(1)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("decrement", ArgumentKind::Integer),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "get",
        arity: 2,
        flags: Flags(flag::READONLY | flag::FAST),
        acl: AclCategories(category::READ | category::STRING | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "The string's value",
        since: "1.0.0",
        group: "string",
        complexity: "O(1)",
        arguments: &[Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "getdel",
        arity: 2,
        flags: Flags(flag::WRITE | flag::FAST),
        acl: AclCategories(category::WRITE | category::STRING | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::ACCESS | key::DELETE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "The string's value, after which the key is deleted",
        since: "6.2.0",
        group: "string",
        complexity: "O(1)",
        arguments: &[Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "getex",
        arity: -2,
        flags: Flags(flag::WRITE | flag::FAST),
        acl: AclCategories(category::WRITE | category::STRING | category::FAST),
        key_specs: &[KeySpec {
            notes: "Changes the time to live",
            flags: KeyFlags(key::RW | key::ACCESS | key::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "The string's value; its expiry may change",
        since: "6.2.0",
        group: "string",
        complexity: "O(1)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument {
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument { token: Some("EX"), ..Argument::new("seconds", ArgumentKind::Integer) },
                    Argument { token: Some("PX"), ..Argument::new("milliseconds", ArgumentKind::Integer) },
                    Argument { token: Some("EXAT"), ..Argument::new("unix-time-seconds", ArgumentKind::UnixTime) },
                    Argument { token: Some("PXAT"), ..Argument::new("unix-time-milliseconds", ArgumentKind::UnixTime) },
                    Argument { token: Some("PERSIST"), ..Argument::new("persist", ArgumentKind::PureToken) },
                ],
                ..Argument::new("expiration", ArgumentKind::OneOf)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "getrange",
        arity: 4,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::READ | category::STRING | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Part of a string",
        since: "2.4.0",
        group: "string",
        complexity: "O(N) or O(1)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("start", ArgumentKind::Integer),
            Argument::new("end", ArgumentKind::Integer),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "getset",
        arity: 3,
        flags: Flags(flag::WRITE | flag::DENYOOM | flag::FAST),
        acl: AclCategories(category::WRITE | category::STRING | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::ACCESS | key::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Sets a string and returns what it was",
        since: "1.0.0",
        group: "string",
        complexity: "O(1)",
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: "6.2.0",
        replaced_by: "`SET` with the `!GET` argument",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("value", ArgumentKind::Text),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "incr",
        arity: 2,
        flags: Flags(flag::WRITE | flag::DENYOOM | flag::FAST),
        acl: AclCategories(category::WRITE | category::STRING | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::ACCESS | key::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Adds one to an integer",
        since: "1.0.0",
        group: "string",
        complexity: "O(1)",
        arguments: &[Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "incrby",
        arity: 3,
        flags: Flags(flag::WRITE | flag::DENYOOM | flag::FAST),
        acl: AclCategories(category::WRITE | category::STRING | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::ACCESS | key::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Adds to an integer",
        since: "1.0.0",
        group: "string",
        complexity: "O(1)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("increment", ArgumentKind::Integer),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "incrbyfloat",
        arity: 3,
        flags: Flags(flag::WRITE | flag::DENYOOM | flag::FAST),
        acl: AclCategories(category::WRITE | category::STRING | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::ACCESS | key::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Adds to a number",
        since: "2.6.0",
        group: "string",
        complexity: "O(1)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("increment", ArgumentKind::Double),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "lcs",
        arity: -3,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::READ | category::STRING | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(1, 1, 0),
        }],
        legacy_keys: (1, 2, 1),
        summary: "Longest common subsequence of two strings",
        since: "7.0.0",
        group: "string",
        complexity: "O(N*M)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key1", ArgumentKind::Key) },
            Argument { key_spec: Some(0), ..Argument::new("key2", ArgumentKind::Key) },
            Argument { token: Some("LEN"), flags: arg::OPTIONAL, ..Argument::new("len", ArgumentKind::PureToken) },
            Argument { token: Some("IDX"), flags: arg::OPTIONAL, ..Argument::new("idx", ArgumentKind::PureToken) },
            Argument {
                token: Some("MINMATCHLEN"),
                flags: arg::OPTIONAL,
                ..Argument::new("len", ArgumentKind::Integer)
            },
            Argument {
                token: Some("WITHMATCHLEN"),
                flags: arg::OPTIONAL,
                ..Argument::new("withmatchlen", ArgumentKind::PureToken)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "mget",
        arity: -2,
        flags: Flags(flag::READONLY | flag::FAST),
        acl: AclCategories(category::READ | category::STRING | category::FAST),
        tips: &["request_policy:multi_shard"],
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(-1, 1, 0),
        }],
        legacy_keys: (1, -1, 1),
        summary: "Values of several strings",
        since: "1.0.0",
        group: "string",
        complexity: "O(N)",
        arguments: &[Argument { key_spec: Some(0), flags: arg::MULTIPLE, ..Argument::new("key", ArgumentKind::Key) }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "mset",
        arity: -3,
        flags: Flags(flag::WRITE | flag::DENYOOM),
        acl: AclCategories(category::WRITE | category::STRING | category::SLOW),
        tips: &["request_policy:multi_shard", "response_policy:all_succeeded"],
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::OW | key::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range(-1, 2, 0),
        }],
        legacy_keys: (1, -1, 2),
        summary: "Sets several strings",
        since: "1.0.1",
        group: "string",
        complexity: "O(N)",
        arguments: &[Argument {
            flags: arg::MULTIPLE,
            arguments: &[
                Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
                Argument::new("value", ArgumentKind::Text),
            ],
            ..Argument::new("key_value", ArgumentKind::Block)
        }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "msetnx",
        arity: -3,
        flags: Flags(flag::WRITE | flag::DENYOOM),
        acl: AclCategories(category::WRITE | category::STRING | category::SLOW),
        tips: &["request_policy:multi_shard", "response_policy:agg_min"],
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::OW | key::INSERT),
            begin: Begin::Index(1),
            find: Find::Range(-1, 2, 0),
        }],
        legacy_keys: (1, -1, 2),
        summary: "Sets several strings if none of them exists",
        since: "1.0.1",
        group: "string",
        complexity: "O(N)",
        arguments: &[Argument {
            flags: arg::MULTIPLE,
            arguments: &[
                Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
                Argument::new("value", ArgumentKind::Text),
            ],
            ..Argument::new("key_value", ArgumentKind::Block)
        }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "psetex",
        arity: 4,
        flags: Flags(flag::WRITE | flag::DENYOOM),
        acl: AclCategories(category::WRITE | category::STRING | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::OW | key::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Sets a string that expires after some milliseconds",
        since: "2.6.0",
        group: "string",
        complexity: "O(1)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("milliseconds", ArgumentKind::Integer),
            Argument::new("value", ArgumentKind::Text),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "set",
        arity: -3,
        flags: Flags(flag::WRITE | flag::DENYOOM),
        acl: AclCategories(category::WRITE | category::STRING | category::SLOW),
        key_specs: &[KeySpec {
            notes: "Reads the old value only if GET is given",
            flags: KeyFlags(key::RW | key::ACCESS | key::UPDATE | key::VARIABLE_FLAGS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Sets a string, whatever the key held",
        since: "1.0.0",
        group: "string",
        complexity: "O(1)",
        history: &[
            ("2.6.12", "With `EX`, `PX`, `NX` and `XX` options"),
            ("6.0.0", "With `KEEPTTL` option"),
            ("6.2.0", "With `GET`, `EXAT` and `PXAT` option"),
            ("7.0.0", "`NX` and `GET` together"),
        ],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("value", ArgumentKind::Text),
            Argument {
                since: "2.6.12",
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument { token: Some("NX"), ..Argument::new("nx", ArgumentKind::PureToken) },
                    Argument { token: Some("XX"), ..Argument::new("xx", ArgumentKind::PureToken) },
                ],
                ..Argument::new("condition", ArgumentKind::OneOf)
            },
            Argument {
                token: Some("GET"),
                since: "6.2.0",
                flags: arg::OPTIONAL,
                ..Argument::new("get", ArgumentKind::PureToken)
            },
            Argument {
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument { token: Some("EX"), since: "2.6.12", ..Argument::new("seconds", ArgumentKind::Integer) },
                    Argument {
                        token: Some("PX"),
                        since: "2.6.12",
                        ..Argument::new("milliseconds", ArgumentKind::Integer)
                    },
                    Argument {
                        token: Some("EXAT"),
                        since: "6.2.0",
                        ..Argument::new("unix-time-seconds", ArgumentKind::UnixTime)
                    },
                    Argument {
                        token: Some("PXAT"),
                        since: "6.2.0",
                        ..Argument::new("unix-time-milliseconds", ArgumentKind::UnixTime)
                    },
                    Argument {
                        token: Some("KEEPTTL"),
                        since: "6.0.0",
                        ..Argument::new("keepttl", ArgumentKind::PureToken)
                    },
                ],
                ..Argument::new("expiration", ArgumentKind::OneOf)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "setex",
        arity: 4,
        flags: Flags(flag::WRITE | flag::DENYOOM),
        acl: AclCategories(category::WRITE | category::STRING | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::OW | key::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Sets a string that expires after some seconds",
        since: "2.0.0",
        group: "string",
        complexity: "O(1)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("seconds", ArgumentKind::Integer),
            Argument::new("value", ArgumentKind::Text),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "setnx",
        arity: 3,
        flags: Flags(flag::WRITE | flag::DENYOOM | flag::FAST),
        acl: AclCategories(category::WRITE | category::STRING | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::OW | key::INSERT),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Sets a string unless the key exists",
        since: "1.0.0",
        group: "string",
        complexity: "O(1)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("value", ArgumentKind::Text),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "setrange",
        arity: 4,
        flags: Flags(flag::WRITE | flag::DENYOOM),
        acl: AclCategories(category::WRITE | category::STRING | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Overwrites part of a string",
        since: "2.2.0",
        group: "string",
        complexity: "O(1) or O(M)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("offset", ArgumentKind::Integer),
            Argument::new("value", ArgumentKind::Text),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "strlen",
        arity: 2,
        flags: Flags(flag::READONLY | flag::FAST),
        acl: AclCategories(category::READ | category::STRING | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Length of a string",
        since: "2.2.0",
        group: "string",
        complexity: "O(1)",
        arguments: &[Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "substr",
        arity: 4,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::READ | category::STRING | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Part of a string",
        since: "1.0.0",
        group: "string",
        complexity: "O(N) or O(1)",
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: "2.0.0",
        replaced_by: "`GETRANGE`",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("start", ArgumentKind::Integer),
            Argument::new("end", ArgumentKind::Integer),
        ],
        ..CommandDoc::EMPTY
    },
];
