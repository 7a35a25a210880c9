//! What COMMAND tells about the hash commands. Facts are those of Redis 7.0.15; the prose is ours.

use crate::dispatch::doc::{
    AclCategories, Argument, ArgumentKind, Begin, CommandDoc, Find, Flags, KeyFlags, KeySpec, arg, category, doc_flag,
    flag, key,
};

/// By name.
pub static DOCS: &[CommandDoc] = &[
    CommandDoc {
        name: "hdel",
        arity: -3,
        flags: Flags(flag::WRITE | flag::FAST),
        acl: AclCategories(category::WRITE | category::HASH | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::DELETE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Deletes fields",
        since: "2.0.0",
        group: "hash",
        complexity: "O(N)",
        history: &[("2.4.0", "Several `field`")],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument { flags: arg::MULTIPLE, ..Argument::new("field", ArgumentKind::Text) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "hexists",
        arity: 3,
        flags: Flags(flag::READONLY | flag::FAST),
        acl: AclCategories(category::READ | category::HASH | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Tells whether a field exists",
        since: "2.0.0",
        group: "hash",
        complexity: "O(1)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("field", ArgumentKind::Text),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "hget",
        arity: 3,
        flags: Flags(flag::READONLY | flag::FAST),
        acl: AclCategories(category::READ | category::HASH | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Value of a field",
        since: "2.0.0",
        group: "hash",
        complexity: "O(1)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("field", ArgumentKind::Text),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "hgetall",
        arity: 2,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::READ | category::HASH | category::SLOW),
        tips: &["nondeterministic_output_order"],
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "All fields and values",
        since: "2.0.0",
        group: "hash",
        complexity: "O(N)",
        arguments: &[Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "hincrby",
        arity: 4,
        flags: Flags(flag::WRITE | flag::DENYOOM | flag::FAST),
        acl: AclCategories(category::WRITE | category::HASH | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::ACCESS | key::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Adds an integer to a field's value",
        since: "2.0.0",
        group: "hash",
        complexity: "O(1)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("field", ArgumentKind::Text),
            Argument::new("increment", ArgumentKind::Integer),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "hincrbyfloat",
        arity: 4,
        flags: Flags(flag::WRITE | flag::DENYOOM | flag::FAST),
        acl: AclCategories(category::WRITE | category::HASH | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::ACCESS | key::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Adds a number to a field's value",
        since: "2.6.0",
        group: "hash",
        complexity: "O(1)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("field", ArgumentKind::Text),
            Argument::new("increment", ArgumentKind::Double),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "hkeys",
        arity: 2,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::READ | category::HASH | category::SLOW),
        tips: &["nondeterministic_output_order"],
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "All fields",
        since: "2.0.0",
        group: "hash",
        complexity: "O(N)",
        arguments: &[Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "hlen",
        arity: 2,
        flags: Flags(flag::READONLY | flag::FAST),
        acl: AclCategories(category::READ | category::HASH | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Counts the fields",
        since: "2.0.0",
        group: "hash",
        complexity: "O(1)",
        arguments: &[Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "hmget",
        arity: -3,
        flags: Flags(flag::READONLY | flag::FAST),
        acl: AclCategories(category::READ | category::HASH | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Values of several fields",
        since: "2.0.0",
        group: "hash",
        complexity: "O(N)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument { flags: arg::MULTIPLE, ..Argument::new("field", ArgumentKind::Text) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "hmset",
        arity: -4,
        flags: Flags(flag::WRITE | flag::DENYOOM | flag::FAST),
        acl: AclCategories(category::WRITE | category::HASH | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Sets several fields",
        since: "2.0.0",
        group: "hash",
        complexity: "O(N)",
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: "4.0.0",
        replaced_by: "`HSET` with multiple field-value pairs",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument {
                flags: arg::MULTIPLE,
                arguments: &[Argument::new("field", ArgumentKind::Text), Argument::new("value", ArgumentKind::Text)],
                ..Argument::new("field_value", ArgumentKind::Block)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "hrandfield",
        arity: -2,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::READ | category::HASH | category::SLOW),
        tips: &["nondeterministic_output"],
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Fields chosen at random",
        since: "6.2.0",
        group: "hash",
        complexity: "O(N)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument {
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument::new("count", ArgumentKind::Integer),
                    Argument {
                        token: Some("WITHVALUES"),
                        flags: arg::OPTIONAL,
                        ..Argument::new("withvalues", ArgumentKind::PureToken)
                    },
                ],
                ..Argument::new("options", ArgumentKind::Block)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "hscan",
        arity: -3,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::READ | category::HASH | category::SLOW),
        tips: &["nondeterministic_output"],
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Goes through fields and values step by step",
        since: "2.8.0",
        group: "hash",
        complexity: "O(1) or O(N)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("cursor", ArgumentKind::Integer),
            Argument { token: Some("MATCH"), flags: arg::OPTIONAL, ..Argument::new("pattern", ArgumentKind::Pattern) },
            Argument { token: Some("COUNT"), flags: arg::OPTIONAL, ..Argument::new("count", ArgumentKind::Integer) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "hset",
        arity: -4,
        flags: Flags(flag::WRITE | flag::DENYOOM | flag::FAST),
        acl: AclCategories(category::WRITE | category::HASH | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Sets fields and counts the new ones",
        since: "2.0.0",
        group: "hash",
        complexity: "O(1) or O(N)",
        history: &[("4.0.0", "Several `field`-`value`")],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument {
                flags: arg::MULTIPLE,
                arguments: &[Argument::new("field", ArgumentKind::Text), Argument::new("value", ArgumentKind::Text)],
                ..Argument::new("field_value", ArgumentKind::Block)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "hsetnx",
        arity: 4,
        flags: Flags(flag::WRITE | flag::DENYOOM | flag::FAST),
        acl: AclCategories(category::WRITE | category::HASH | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::INSERT),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Sets a field unless it exists",
        since: "2.0.0",
        group: "hash",
        complexity: "O(1)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("field", ArgumentKind::Text),
            Argument::new("value", ArgumentKind::Text),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "hstrlen",
        arity: 3,
        flags: Flags(flag::READONLY | flag::FAST),
        acl: AclCategories(category::READ | category::HASH | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Length of a field's value",
        since: "3.2.0",
        group: "hash",
        complexity: "O(1)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("field", ArgumentKind::Text),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "hvals",
        arity: 2,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::READ | category::HASH | category::SLOW),
        tips: &["nondeterministic_output_order"],
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "All values",
        since: "2.0.0",
        group: "hash",
        complexity: "O(N)",
        arguments: &[Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) }],
        ..CommandDoc::EMPTY
    },
];
