//! What COMMAND tells about the sorted set ranges commands. Facts are those of Redis 7.0.15; the prose is ours.

use crate::dispatch::doc::{
    AclCategories, Argument, ArgumentKind, Begin, CommandDoc, Find, Flags, KeyFlags, KeySpec, arg, category, doc_flag,
    flag, key,
};

/// By name.
pub static DOCS: &[CommandDoc] = &[
    CommandDoc {
        name: "zrange",
        arity: -4,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::READ | category::SORTEDSET | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Members in a range of ranks, scores or texts",
        since: "1.2.0",
        group: "sorted-set",
        complexity: "O(log(N)+M)",
        history: &[("6.2.0", "With `REV`, `BYSCORE`, `BYLEX` and `LIMIT` options")],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("start", ArgumentKind::Text),
            Argument::new("stop", ArgumentKind::Text),
            Argument {
                since: "6.2.0",
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument { token: Some("BYSCORE"), ..Argument::new("byscore", ArgumentKind::PureToken) },
                    Argument { token: Some("BYLEX"), ..Argument::new("bylex", ArgumentKind::PureToken) },
                ],
                ..Argument::new("sortby", ArgumentKind::OneOf)
            },
            Argument {
                token: Some("REV"),
                since: "6.2.0",
                flags: arg::OPTIONAL,
                ..Argument::new("rev", ArgumentKind::PureToken)
            },
            Argument {
                token: Some("LIMIT"),
                since: "6.2.0",
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument::new("offset", ArgumentKind::Integer),
                    Argument::new("count", ArgumentKind::Integer),
                ],
                ..Argument::new("offset_count", ArgumentKind::Block)
            },
            Argument {
                token: Some("WITHSCORES"),
                flags: arg::OPTIONAL,
                ..Argument::new("withscores", ArgumentKind::PureToken)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "zrangebylex",
        arity: -4,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::READ | category::SORTEDSET | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Members in a lexicographical range",
        since: "2.8.9",
        group: "sorted-set",
        complexity: "O(log(N)+M) or O(log(N))",
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: "6.2.0",
        replaced_by: "`ZRANGE` with the `BYLEX` argument",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("min", ArgumentKind::Text),
            Argument::new("max", ArgumentKind::Text),
            Argument {
                token: Some("LIMIT"),
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument::new("offset", ArgumentKind::Integer),
                    Argument::new("count", ArgumentKind::Integer),
                ],
                ..Argument::new("offset_count", ArgumentKind::Block)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "zrangebyscore",
        arity: -4,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::READ | category::SORTEDSET | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Members in a range of scores",
        since: "1.0.5",
        group: "sorted-set",
        complexity: "O(log(N)+M) or O(log(N))",
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: "6.2.0",
        replaced_by: "`ZRANGE` with the `BYSCORE` argument",
        history: &[("2.0.0", "With `WITHSCORES` modifier")],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("min", ArgumentKind::Double),
            Argument::new("max", ArgumentKind::Double),
            Argument {
                token: Some("WITHSCORES"),
                since: "2.0.0",
                flags: arg::OPTIONAL,
                ..Argument::new("withscores", ArgumentKind::PureToken)
            },
            Argument {
                token: Some("LIMIT"),
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument::new("offset", ArgumentKind::Integer),
                    Argument::new("count", ArgumentKind::Integer),
                ],
                ..Argument::new("offset_count", ArgumentKind::Block)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "zrangestore",
        arity: -5,
        flags: Flags(flag::WRITE | flag::DENYOOM),
        acl: AclCategories(category::WRITE | category::SORTEDSET | category::SLOW),
        key_specs: &[
            KeySpec {
                notes: "",
                flags: KeyFlags(key::OW | key::UPDATE),
                begin: Begin::Index(1),
                find: Find::Range(0, 1, 0),
            },
            KeySpec {
                notes: "",
                flags: KeyFlags(key::RO | key::ACCESS),
                begin: Begin::Index(2),
                find: Find::Range(0, 1, 0),
            },
        ],
        legacy_keys: (1, 2, 1),
        summary: "Stores a range of members in another key",
        since: "6.2.0",
        group: "sorted-set",
        complexity: "O(log(N)+M)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("dst", ArgumentKind::Key) },
            Argument { key_spec: Some(1), ..Argument::new("src", ArgumentKind::Key) },
            Argument::new("min", ArgumentKind::Text),
            Argument::new("max", ArgumentKind::Text),
            Argument {
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument { token: Some("BYSCORE"), ..Argument::new("byscore", ArgumentKind::PureToken) },
                    Argument { token: Some("BYLEX"), ..Argument::new("bylex", ArgumentKind::PureToken) },
                ],
                ..Argument::new("sortby", ArgumentKind::OneOf)
            },
            Argument { token: Some("REV"), flags: arg::OPTIONAL, ..Argument::new("rev", ArgumentKind::PureToken) },
            Argument {
                token: Some("LIMIT"),
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument::new("offset", ArgumentKind::Integer),
                    Argument::new("count", ArgumentKind::Integer),
                ],
                ..Argument::new("offset_count", ArgumentKind::Block)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "zremrangebylex",
        arity: 4,
        flags: Flags(flag::WRITE),
        acl: AclCategories(category::WRITE | category::SORTEDSET | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::DELETE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Removes the members in a lexicographical range",
        since: "2.8.9",
        group: "sorted-set",
        complexity: "O(log(N)+M)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("min", ArgumentKind::Text),
            Argument::new("max", ArgumentKind::Text),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "zremrangebyrank",
        arity: 4,
        flags: Flags(flag::WRITE),
        acl: AclCategories(category::WRITE | category::SORTEDSET | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::DELETE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Removes the members in a range of ranks",
        since: "2.0.0",
        group: "sorted-set",
        complexity: "O(log(N)+M)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("start", ArgumentKind::Integer),
            Argument::new("stop", ArgumentKind::Integer),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "zremrangebyscore",
        arity: 4,
        flags: Flags(flag::WRITE),
        acl: AclCategories(category::WRITE | category::SORTEDSET | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::DELETE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Removes the members in a range of scores",
        since: "1.2.0",
        group: "sorted-set",
        complexity: "O(log(N)+M)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("min", ArgumentKind::Double),
            Argument::new("max", ArgumentKind::Double),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "zrevrange",
        arity: -4,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::READ | category::SORTEDSET | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Members in a range of ranks, highest score first",
        since: "1.2.0",
        group: "sorted-set",
        complexity: "O(log(N)+M)",
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: "6.2.0",
        replaced_by: "`ZRANGE` with the `REV` argument",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("start", ArgumentKind::Integer),
            Argument::new("stop", ArgumentKind::Integer),
            Argument {
                token: Some("WITHSCORES"),
                flags: arg::OPTIONAL,
                ..Argument::new("withscores", ArgumentKind::PureToken)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "zrevrangebylex",
        arity: -4,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::READ | category::SORTEDSET | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Members in a lexicographical range, from high to low",
        since: "2.8.9",
        group: "sorted-set",
        complexity: "O(log(N)+M) or O(log(N))",
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: "6.2.0",
        replaced_by: "`ZRANGE` with the `REV` and `BYLEX` arguments",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("max", ArgumentKind::Text),
            Argument::new("min", ArgumentKind::Text),
            Argument {
                token: Some("LIMIT"),
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument::new("offset", ArgumentKind::Integer),
                    Argument::new("count", ArgumentKind::Integer),
                ],
                ..Argument::new("offset_count", ArgumentKind::Block)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "zrevrangebyscore",
        arity: -4,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::READ | category::SORTEDSET | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Members in a range of scores, from high to low",
        since: "2.2.0",
        group: "sorted-set",
        complexity: "O(log(N)+M) or O(log(N))",
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: "6.2.0",
        replaced_by: "`ZRANGE` with the `REV` and `BYSCORE` arguments",
        history: &[("2.1.6", "Exclusive `min` and `max`")],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("max", ArgumentKind::Double),
            Argument::new("min", ArgumentKind::Double),
            Argument {
                token: Some("WITHSCORES"),
                flags: arg::OPTIONAL,
                ..Argument::new("withscores", ArgumentKind::PureToken)
            },
            Argument {
                token: Some("LIMIT"),
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument::new("offset", ArgumentKind::Integer),
                    Argument::new("count", ArgumentKind::Integer),
                ],
                ..Argument::new("offset_count", ArgumentKind::Block)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "zrevrank",
        arity: 3,
        flags: Flags(flag::READONLY | flag::FAST),
        acl: AclCategories(category::READ | category::SORTEDSET | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Rank of a member, counted from the highest score",
        since: "2.0.0",
        group: "sorted-set",
        complexity: "O(log(N))",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("member", ArgumentKind::Text),
        ],
        ..CommandDoc::EMPTY
    },
];
