//! What COMMAND tells about the bitmap commands. Facts are those of Redis 7.0.15; the prose is ours.

use crate::dispatch::doc::{
    AclCategories, Argument, ArgumentKind, Begin, CommandDoc, Find, Flags, KeyFlags, KeySpec, arg, category, flag, key,
};

/// By name.
pub static DOCS: &[CommandDoc] = &[
    CommandDoc {
        name: "bitcount",
        arity: -2,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::READ | category::BITMAP | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Counts the bits that are set",
        since: "2.6.0",
        group: "bitmap",
        complexity: "O(N)",
        history: &[("7.0.0", "With `BYTE|BIT` option")],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument {
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument::new("start", ArgumentKind::Integer),
                    Argument::new("end", ArgumentKind::Integer),
                    Argument {
                        since: "7.0.0",
                        flags: arg::OPTIONAL,
                        arguments: &[
                            Argument { token: Some("BYTE"), ..Argument::new("byte", ArgumentKind::PureToken) },
                            Argument { token: Some("BIT"), ..Argument::new("bit", ArgumentKind::PureToken) },
                        ],
                        ..Argument::new("index_unit", ArgumentKind::OneOf)
                    },
                ],
                ..Argument::new("index", ArgumentKind::Block)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "bitfield",
        arity: -2,
        flags: Flags(flag::WRITE | flag::DENYOOM),
        acl: AclCategories(category::WRITE | category::BITMAP | category::SLOW),
        key_specs: &[KeySpec {
            notes: "Whether the key is only read depends on the subcommands used",
            flags: KeyFlags(key::RW | key::ACCESS | key::UPDATE | key::VARIABLE_FLAGS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Reads and writes integers of any width within a string",
        since: "3.2.0",
        group: "bitmap",
        complexity: "O(1)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument {
                flags: arg::OPTIONAL | arg::MULTIPLE,
                arguments: &[
                    Argument {
                        token: Some("GET"),
                        arguments: &[
                            Argument::new("encoding", ArgumentKind::Text),
                            Argument::new("offset", ArgumentKind::Integer),
                        ],
                        ..Argument::new("encoding_offset", ArgumentKind::Block)
                    },
                    Argument {
                        arguments: &[
                            Argument {
                                token: Some("OVERFLOW"),
                                flags: arg::OPTIONAL,
                                arguments: &[
                                    Argument { token: Some("WRAP"), ..Argument::new("wrap", ArgumentKind::PureToken) },
                                    Argument { token: Some("SAT"), ..Argument::new("sat", ArgumentKind::PureToken) },
                                    Argument { token: Some("FAIL"), ..Argument::new("fail", ArgumentKind::PureToken) },
                                ],
                                ..Argument::new("wrap_sat_fail", ArgumentKind::OneOf)
                            },
                            Argument {
                                arguments: &[
                                    Argument {
                                        token: Some("SET"),
                                        arguments: &[
                                            Argument::new("encoding", ArgumentKind::Text),
                                            Argument::new("offset", ArgumentKind::Integer),
                                            Argument::new("value", ArgumentKind::Integer),
                                        ],
                                        ..Argument::new("encoding_offset_value", ArgumentKind::Block)
                                    },
                                    Argument {
                                        token: Some("INCRBY"),
                                        arguments: &[
                                            Argument::new("encoding", ArgumentKind::Text),
                                            Argument::new("offset", ArgumentKind::Integer),
                                            Argument::new("increment", ArgumentKind::Integer),
                                        ],
                                        ..Argument::new("encoding_offset_increment", ArgumentKind::Block)
                                    },
                                ],
                                ..Argument::new("write_operation", ArgumentKind::OneOf)
                            },
                        ],
                        ..Argument::new("write", ArgumentKind::Block)
                    },
                ],
                ..Argument::new("operation", ArgumentKind::OneOf)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "bitfield_ro",
        arity: -2,
        flags: Flags(flag::READONLY | flag::FAST),
        acl: AclCategories(category::READ | category::BITMAP | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Reads integers of any width within a string",
        since: "6.0.0",
        group: "bitmap",
        complexity: "O(1)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument {
                token: Some("GET"),
                flags: arg::OPTIONAL | arg::MULTIPLE | arg::MULTIPLE_TOKEN,
                arguments: &[
                    Argument::new("encoding", ArgumentKind::Text),
                    Argument::new("offset", ArgumentKind::Integer),
                ],
                ..Argument::new("encoding_offset", ArgumentKind::Block)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "bitop",
        arity: -4,
        flags: Flags(flag::WRITE | flag::DENYOOM),
        acl: AclCategories(category::WRITE | category::BITMAP | category::SLOW),
        key_specs: &[
            KeySpec {
                notes: "",
                flags: KeyFlags(key::OW | key::UPDATE),
                begin: Begin::Index(2),
                find: Find::Range(0, 1, 0),
            },
            KeySpec {
                notes: "",
                flags: KeyFlags(key::RO | key::ACCESS),
                begin: Begin::Index(3),
                find: Find::Range(-1, 1, 0),
            },
        ],
        legacy_keys: (2, -1, 1),
        summary: "Combines strings bit by bit and stores the result",
        since: "2.6.0",
        group: "bitmap",
        complexity: "O(N)",
        arguments: &[
            Argument::new("operation", ArgumentKind::Text),
            Argument { key_spec: Some(0), ..Argument::new("destkey", ArgumentKind::Key) },
            Argument { key_spec: Some(1), flags: arg::MULTIPLE, ..Argument::new("key", ArgumentKind::Key) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "bitpos",
        arity: -3,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::READ | category::BITMAP | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Position of the first bit that is set or clear",
        since: "2.8.7",
        group: "bitmap",
        complexity: "O(N)",
        history: &[("7.0.0", "With `BYTE|BIT` option")],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("bit", ArgumentKind::Integer),
            Argument {
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument::new("start", ArgumentKind::Integer),
                    Argument {
                        flags: arg::OPTIONAL,
                        arguments: &[
                            Argument::new("end", ArgumentKind::Integer),
                            Argument {
                                since: "7.0.0",
                                flags: arg::OPTIONAL,
                                arguments: &[
                                    Argument { token: Some("BYTE"), ..Argument::new("byte", ArgumentKind::PureToken) },
                                    Argument { token: Some("BIT"), ..Argument::new("bit", ArgumentKind::PureToken) },
                                ],
                                ..Argument::new("index_unit", ArgumentKind::OneOf)
                            },
                        ],
                        ..Argument::new("end_index", ArgumentKind::Block)
                    },
                ],
                ..Argument::new("index", ArgumentKind::Block)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "getbit",
        arity: 3,
        flags: Flags(flag::READONLY | flag::FAST),
        acl: AclCategories(category::READ | category::BITMAP | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "A single bit",
        since: "2.2.0",
        group: "bitmap",
        complexity: "O(1)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("offset", ArgumentKind::Integer),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "setbit",
        arity: 4,
        flags: Flags(flag::WRITE | flag::DENYOOM),
        acl: AclCategories(category::WRITE | category::BITMAP | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::ACCESS | key::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Sets or clears a bit and returns what it was",
        since: "2.2.0",
        group: "bitmap",
        complexity: "O(1)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("offset", ArgumentKind::Integer),
            Argument::new("value", ArgumentKind::Integer),
        ],
        ..CommandDoc::EMPTY
    },
];
