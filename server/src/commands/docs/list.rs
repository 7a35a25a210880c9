//! What COMMAND tells about the list commands. Facts are those of Redis 7.0.15; the prose is ours.

use crate::dispatch::doc::{
    AclCategories, Argument, ArgumentKind, Begin, CommandDoc, Find, Flags, KeyFlags, KeySpec, arg, category, doc_flag,
    flag, key,
};

/// By name.
pub static DOCS: &[CommandDoc] = &[
    CommandDoc {
        name: "blmove",
        arity: 6,
        flags: Flags(flag::WRITE | flag::DENYOOM | flag::NOSCRIPT | flag::BLOCKING),
        acl: AclCategories(category::WRITE | category::LIST | category::SLOW | category::BLOCKING),
        key_specs: &[
            KeySpec {
                notes: "",
                flags: KeyFlags(key::RW | key::ACCESS | key::DELETE),
                begin: Begin::Index(1),
                find: Find::Range(0, 1, 0),
            },
            KeySpec {
                notes: "",
                flags: KeyFlags(key::RW | key::INSERT),
                begin: Begin::Index(2),
                find: Find::Range(0, 1, 0),
            },
        ],
        legacy_keys: (1, 2, 1),
        summary: "Moves an element from one list to another, waiting for one",
        since: "6.2.0",
        group: "list",
        complexity: "O(1)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("source", ArgumentKind::Key) },
            Argument { key_spec: Some(1), ..Argument::new("destination", ArgumentKind::Key) },
            Argument {
                arguments: &[
                    Argument { token: Some("LEFT"), ..Argument::new("left", ArgumentKind::PureToken) },
                    Argument { token: Some("RIGHT"), ..Argument::new("right", ArgumentKind::PureToken) },
                ],
                ..Argument::new("wherefrom", ArgumentKind::OneOf)
            },
            Argument {
                arguments: &[
                    Argument { token: Some("LEFT"), ..Argument::new("left", ArgumentKind::PureToken) },
                    Argument { token: Some("RIGHT"), ..Argument::new("right", ArgumentKind::PureToken) },
                ],
                ..Argument::new("whereto", ArgumentKind::OneOf)
            },
            Argument::new("timeout", ArgumentKind::Double),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "blmpop",
        arity: -5,
        flags: Flags(flag::WRITE | flag::BLOCKING | flag::MOVABLEKEYS),
        acl: AclCategories(category::WRITE | category::LIST | category::SLOW | category::BLOCKING),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::ACCESS | key::DELETE),
            begin: Begin::Index(2),
            find: Find::KeyNum(0, 1, 1),
        }],
        summary: "Pops elements from the first non-empty of several lists, waiting for one",
        since: "7.0.0",
        group: "list",
        complexity: "O(N+M)",
        arguments: &[
            Argument::new("timeout", ArgumentKind::Double),
            Argument::new("numkeys", ArgumentKind::Integer),
            Argument { key_spec: Some(0), flags: arg::MULTIPLE, ..Argument::new("key", ArgumentKind::Key) },
            Argument {
                arguments: &[
                    Argument { token: Some("LEFT"), ..Argument::new("left", ArgumentKind::PureToken) },
                    Argument { token: Some("RIGHT"), ..Argument::new("right", ArgumentKind::PureToken) },
                ],
                ..Argument::new("where", ArgumentKind::OneOf)
            },
            Argument { token: Some("COUNT"), flags: arg::OPTIONAL, ..Argument::new("count", ArgumentKind::Integer) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "blpop",
        arity: -3,
        flags: Flags(flag::WRITE | flag::NOSCRIPT | flag::BLOCKING),
        acl: AclCategories(category::WRITE | category::LIST | category::SLOW | category::BLOCKING),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::ACCESS | key::DELETE),
            begin: Begin::Index(1),
            find: Find::Range(-2, 1, 0),
        }],
        legacy_keys: (1, -2, 1),
        summary: "Pops the first element of the first non-empty of several lists, waiting for one",
        since: "2.0.0",
        group: "list",
        complexity: "O(N)",
        history: &[("6.0.0", "Fractions of a second as `timeout`")],
        arguments: &[
            Argument { key_spec: Some(0), flags: arg::MULTIPLE, ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("timeout", ArgumentKind::Double),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "brpop",
        arity: -3,
        flags: Flags(flag::WRITE | flag::NOSCRIPT | flag::BLOCKING),
        acl: AclCategories(category::WRITE | category::LIST | category::SLOW | category::BLOCKING),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::ACCESS | key::DELETE),
            begin: Begin::Index(1),
            find: Find::Range(-2, 1, 0),
        }],
        legacy_keys: (1, -2, 1),
        summary: "Pops the last element of the first non-empty of several lists, waiting for one",
        since: "2.0.0",
        group: "list",
        complexity: "O(N)",
        history: &[("6.0.0", "Fractions of a second as `timeout`")],
        arguments: &[
            Argument { key_spec: Some(0), flags: arg::MULTIPLE, ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("timeout", ArgumentKind::Double),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "brpoplpush",
        arity: 4,
        flags: Flags(flag::WRITE | flag::DENYOOM | flag::NOSCRIPT | flag::BLOCKING),
        acl: AclCategories(category::WRITE | category::LIST | category::SLOW | category::BLOCKING),
        key_specs: &[
            KeySpec {
                notes: "",
                flags: KeyFlags(key::RW | key::ACCESS | key::DELETE),
                begin: Begin::Index(1),
                find: Find::Range(0, 1, 0),
            },
            KeySpec {
                notes: "",
                flags: KeyFlags(key::RW | key::INSERT),
                begin: Begin::Index(2),
                find: Find::Range(0, 1, 0),
            },
        ],
        legacy_keys: (1, 2, 1),
        summary: "Moves the last element to the front of another list, waiting for one",
        since: "2.2.0",
        group: "list",
        complexity: "O(1)",
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: "6.2.0",
        replaced_by: "`BLMOVE` with the `RIGHT` and `LEFT` arguments",
        history: &[("6.0.0", "Fractions of a second as `timeout`")],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("source", ArgumentKind::Key) },
            Argument { key_spec: Some(1), ..Argument::new("destination", ArgumentKind::Key) },
            Argument::new("timeout", ArgumentKind::Double),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "lindex",
        arity: 3,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::READ | category::LIST | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "The element at a position",
        since: "1.0.0",
        group: "list",
        complexity: "O(N) or O(1)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("index", ArgumentKind::Integer),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "linsert",
        arity: 5,
        flags: Flags(flag::WRITE | flag::DENYOOM),
        acl: AclCategories(category::WRITE | category::LIST | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::INSERT),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Inserts an element beside another one",
        since: "2.2.0",
        group: "list",
        complexity: "O(N) or O(1)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument {
                arguments: &[
                    Argument { token: Some("BEFORE"), ..Argument::new("before", ArgumentKind::PureToken) },
                    Argument { token: Some("AFTER"), ..Argument::new("after", ArgumentKind::PureToken) },
                ],
                ..Argument::new("where", ArgumentKind::OneOf)
            },
            Argument::new("pivot", ArgumentKind::Text),
            Argument::new("element", ArgumentKind::Text),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "llen",
        arity: 2,
        flags: Flags(flag::READONLY | flag::FAST),
        acl: AclCategories(category::READ | category::LIST | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Counts the elements",
        since: "1.0.0",
        group: "list",
        complexity: "O(1)",
        arguments: &[Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "lmove",
        arity: 5,
        flags: Flags(flag::WRITE | flag::DENYOOM),
        acl: AclCategories(category::WRITE | category::LIST | category::SLOW),
        key_specs: &[
            KeySpec {
                notes: "",
                flags: KeyFlags(key::RW | key::ACCESS | key::DELETE),
                begin: Begin::Index(1),
                find: Find::Range(0, 1, 0),
            },
            KeySpec {
                notes: "",
                flags: KeyFlags(key::RW | key::INSERT),
                begin: Begin::Index(2),
                find: Find::Range(0, 1, 0),
            },
        ],
        legacy_keys: (1, 2, 1),
        summary: "Moves an element from one list to another",
        since: "6.2.0",
        group: "list",
        complexity: "O(1)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("source", ArgumentKind::Key) },
            Argument { key_spec: Some(1), ..Argument::new("destination", ArgumentKind::Key) },
            Argument {
                arguments: &[
                    Argument { token: Some("LEFT"), ..Argument::new("left", ArgumentKind::PureToken) },
                    Argument { token: Some("RIGHT"), ..Argument::new("right", ArgumentKind::PureToken) },
                ],
                ..Argument::new("wherefrom", ArgumentKind::OneOf)
            },
            Argument {
                arguments: &[
                    Argument { token: Some("LEFT"), ..Argument::new("left", ArgumentKind::PureToken) },
                    Argument { token: Some("RIGHT"), ..Argument::new("right", ArgumentKind::PureToken) },
                ],
                ..Argument::new("whereto", ArgumentKind::OneOf)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "lmpop",
        arity: -4,
        flags: Flags(flag::WRITE | flag::MOVABLEKEYS),
        acl: AclCategories(category::WRITE | category::LIST | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::ACCESS | key::DELETE),
            begin: Begin::Index(1),
            find: Find::KeyNum(0, 1, 1),
        }],
        summary: "Pops elements from the first non-empty of several lists",
        since: "7.0.0",
        group: "list",
        complexity: "O(N+M)",
        arguments: &[
            Argument::new("numkeys", ArgumentKind::Integer),
            Argument { key_spec: Some(0), flags: arg::MULTIPLE, ..Argument::new("key", ArgumentKind::Key) },
            Argument {
                arguments: &[
                    Argument { token: Some("LEFT"), ..Argument::new("left", ArgumentKind::PureToken) },
                    Argument { token: Some("RIGHT"), ..Argument::new("right", ArgumentKind::PureToken) },
                ],
                ..Argument::new("where", ArgumentKind::OneOf)
            },
            Argument { token: Some("COUNT"), flags: arg::OPTIONAL, ..Argument::new("count", ArgumentKind::Integer) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "lpop",
        arity: -2,
        flags: Flags(flag::WRITE | flag::FAST),
        acl: AclCategories(category::WRITE | category::LIST | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::ACCESS | key::DELETE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Pops the first elements",
        since: "1.0.0",
        group: "list",
        complexity: "O(N)",
        history: &[("6.2.0", "With `count` argument")],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument { since: "6.2.0", flags: arg::OPTIONAL, ..Argument::new("count", ArgumentKind::Integer) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "lpos",
        arity: -3,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::READ | category::LIST | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Positions at which an element stands",
        since: "6.0.6",
        group: "list",
        complexity: "O(N)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("element", ArgumentKind::Text),
            Argument { token: Some("RANK"), flags: arg::OPTIONAL, ..Argument::new("rank", ArgumentKind::Integer) },
            Argument {
                token: Some("COUNT"),
                flags: arg::OPTIONAL,
                ..Argument::new("num-matches", ArgumentKind::Integer)
            },
            Argument { token: Some("MAXLEN"), flags: arg::OPTIONAL, ..Argument::new("len", ArgumentKind::Integer) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "lpush",
        arity: -3,
        flags: Flags(flag::WRITE | flag::DENYOOM | flag::FAST),
        acl: AclCategories(category::WRITE | category::LIST | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::INSERT),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Puts elements in front",
        since: "1.0.0",
        group: "list",
        complexity: "O(1) or O(N)",
        history: &[("2.4.0", "Several `element`")],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument { flags: arg::MULTIPLE, ..Argument::new("element", ArgumentKind::Text) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "lpushx",
        arity: -3,
        flags: Flags(flag::WRITE | flag::DENYOOM | flag::FAST),
        acl: AclCategories(category::WRITE | category::LIST | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::INSERT),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Puts elements in front of a list that exists",
        since: "2.2.0",
        group: "list",
        complexity: "O(1) or O(N)",
        history: &[("4.0.0", "Several `element`")],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument { flags: arg::MULTIPLE, ..Argument::new("element", ArgumentKind::Text) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "lrange",
        arity: 4,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::READ | category::LIST | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Elements in a range of positions",
        since: "1.0.0",
        group: "list",
        complexity: "O(S+N)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("start", ArgumentKind::Integer),
            Argument::new("stop", ArgumentKind::Integer),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "lrem",
        arity: 4,
        flags: Flags(flag::WRITE),
        acl: AclCategories(category::WRITE | category::LIST | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::DELETE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Removes equal elements",
        since: "1.0.0",
        group: "list",
        complexity: "O(N+M)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("count", ArgumentKind::Integer),
            Argument::new("element", ArgumentKind::Text),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "lset",
        arity: 4,
        flags: Flags(flag::WRITE | flag::DENYOOM),
        acl: AclCategories(category::WRITE | category::LIST | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Replaces the element at a position",
        since: "1.0.0",
        group: "list",
        complexity: "O(N) or O(1)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("index", ArgumentKind::Integer),
            Argument::new("element", ArgumentKind::Text),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "ltrim",
        arity: 4,
        flags: Flags(flag::WRITE),
        acl: AclCategories(category::WRITE | category::LIST | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::DELETE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Keeps only a range of positions",
        since: "1.0.0",
        group: "list",
        complexity: "O(N)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("start", ArgumentKind::Integer),
            Argument::new("stop", ArgumentKind::Integer),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "rpop",
        arity: -2,
        flags: Flags(flag::WRITE | flag::FAST),
        acl: AclCategories(category::WRITE | category::LIST | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::ACCESS | key::DELETE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Pops the last elements",
        since: "1.0.0",
        group: "list",
        complexity: "O(N)",
        history: &[("6.2.0", "With `count` argument")],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument { since: "6.2.0", flags: arg::OPTIONAL, ..Argument::new("count", ArgumentKind::Integer) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "rpoplpush",
        arity: 3,
        flags: Flags(flag::WRITE | flag::DENYOOM),
        acl: AclCategories(category::WRITE | category::LIST | category::SLOW),
        key_specs: &[
            KeySpec {
                notes: "",
                flags: KeyFlags(key::RW | key::ACCESS | key::DELETE),
                begin: Begin::Index(1),
                find: Find::Range(0, 1, 0),
            },
            KeySpec {
                notes: "",
                flags: KeyFlags(key::RW | key::INSERT),
                begin: Begin::Index(2),
                find: Find::Range(0, 1, 0),
            },
        ],
        legacy_keys: (1, 2, 1),
        summary: "Moves the last element to the front of another list",
        since: "1.2.0",
        group: "list",
        complexity: "O(1)",
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: "6.2.0",
        replaced_by: "`LMOVE` with the `RIGHT` and `LEFT` arguments",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("source", ArgumentKind::Key) },
            Argument { key_spec: Some(1), ..Argument::new("destination", ArgumentKind::Key) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "rpush",
        arity: -3,
        flags: Flags(flag::WRITE | flag::DENYOOM | flag::FAST),
        acl: AclCategories(category::WRITE | category::LIST | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::INSERT),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Appends elements",
        since: "1.0.0",
        group: "list",
        complexity: "O(1) or O(N)",
        history: &[("2.4.0", "Several `element`")],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument { flags: arg::MULTIPLE, ..Argument::new("element", ArgumentKind::Text) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "rpushx",
        arity: -3,
        flags: Flags(flag::WRITE | flag::DENYOOM | flag::FAST),
        acl: AclCategories(category::WRITE | category::LIST | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::INSERT),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Appends elements to a list that exists",
        since: "2.2.0",
        group: "list",
        complexity: "O(1) or O(N)",
        history: &[("4.0.0", "Several `element`")],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument { flags: arg::MULTIPLE, ..Argument::new("element", ArgumentKind::Text) },
        ],
        ..CommandDoc::EMPTY
    },
];
