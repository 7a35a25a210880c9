//! What COMMAND tells about the stream commands. Facts are those of Redis 7.0.15; the prose is ours.

use crate::dispatch::doc::{
    AclCategories, Argument, ArgumentKind, Begin, CommandDoc, Find, Flags, KeyFlags, KeySpec, arg, category, flag, key,
};

/// By name.
pub static DOCS: &[CommandDoc] = &[
    CommandDoc {
        name: "xack",
        arity: -4,
        flags: Flags(flag::WRITE | flag::FAST),
        acl: AclCategories(category::WRITE | category::STREAM | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Marks entries as processed by a consumer group",
        since: "5.0.0",
        group: "stream",
        complexity: "O(1)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("group", ArgumentKind::Text),
            Argument { flags: arg::MULTIPLE, ..Argument::new("id", ArgumentKind::Text) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "xadd",
        arity: -5,
        flags: Flags(flag::WRITE | flag::DENYOOM | flag::FAST),
        acl: AclCategories(category::WRITE | category::STREAM | category::FAST),
        tips: &["nondeterministic_output"],
        key_specs: &[KeySpec {
            notes: "Trimming may delete as well as insert",
            flags: KeyFlags(key::RW | key::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Appends an entry",
        since: "5.0.0",
        group: "stream",
        complexity: "O(1) or O(N)",
        history: &[
            ("6.2.0", "With `NOMKSTREAM` option, `MINID` trimming strategy and the `LIMIT` option"),
            ("7.0.0", "Ids of the form `<ms>-*`"),
        ],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument {
                token: Some("NOMKSTREAM"),
                since: "6.2.0",
                flags: arg::OPTIONAL,
                ..Argument::new("nomkstream", ArgumentKind::PureToken)
            },
            Argument {
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument {
                        arguments: &[
                            Argument { token: Some("MAXLEN"), ..Argument::new("maxlen", ArgumentKind::PureToken) },
                            Argument {
                                token: Some("MINID"),
                                since: "6.2.0",
                                ..Argument::new("minid", ArgumentKind::PureToken)
                            },
                        ],
                        ..Argument::new("strategy", ArgumentKind::OneOf)
                    },
                    Argument {
                        flags: arg::OPTIONAL,
                        arguments: &[
                            Argument { token: Some("="), ..Argument::new("equal", ArgumentKind::PureToken) },
                            Argument { token: Some("~"), ..Argument::new("approximately", ArgumentKind::PureToken) },
                        ],
                        ..Argument::new("operator", ArgumentKind::OneOf)
                    },
                    Argument::new("threshold", ArgumentKind::Text),
                    Argument {
                        token: Some("LIMIT"),
                        since: "6.2.0",
                        flags: arg::OPTIONAL,
                        ..Argument::new("count", ArgumentKind::Integer)
                    },
                ],
                ..Argument::new("trim", ArgumentKind::Block)
            },
            Argument {
                arguments: &[
                    Argument { token: Some("*"), ..Argument::new("auto_id", ArgumentKind::PureToken) },
                    Argument::new("id", ArgumentKind::Text),
                ],
                ..Argument::new("id_or_auto", ArgumentKind::OneOf)
            },
            Argument {
                flags: arg::MULTIPLE,
                arguments: &[Argument::new("field", ArgumentKind::Text), Argument::new("value", ArgumentKind::Text)],
                ..Argument::new("field_value", ArgumentKind::Block)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "xautoclaim",
        arity: -6,
        flags: Flags(flag::WRITE | flag::FAST),
        acl: AclCategories(category::WRITE | category::STREAM | category::FAST),
        tips: &["nondeterministic_output"],
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::DELETE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Hands entries that have waited long over to a consumer",
        since: "6.2.0",
        group: "stream",
        complexity: "O(1)",
        history: &[("7.0.0", "The reply names the deleted entries that were dropped from the pending ones")],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("group", ArgumentKind::Text),
            Argument::new("consumer", ArgumentKind::Text),
            Argument::new("min-idle-time", ArgumentKind::Text),
            Argument::new("start", ArgumentKind::Text),
            Argument { token: Some("COUNT"), flags: arg::OPTIONAL, ..Argument::new("count", ArgumentKind::Integer) },
            Argument {
                token: Some("JUSTID"),
                flags: arg::OPTIONAL,
                ..Argument::new("justid", ArgumentKind::PureToken)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "xclaim",
        arity: -6,
        flags: Flags(flag::WRITE | flag::FAST),
        acl: AclCategories(category::WRITE | category::STREAM | category::FAST),
        tips: &["nondeterministic_output"],
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Hands pending entries over to a consumer",
        since: "5.0.0",
        group: "stream",
        complexity: "O(log N)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("group", ArgumentKind::Text),
            Argument::new("consumer", ArgumentKind::Text),
            Argument::new("min-idle-time", ArgumentKind::Text),
            Argument { flags: arg::MULTIPLE, ..Argument::new("id", ArgumentKind::Text) },
            Argument { token: Some("IDLE"), flags: arg::OPTIONAL, ..Argument::new("ms", ArgumentKind::Integer) },
            Argument {
                token: Some("TIME"),
                flags: arg::OPTIONAL,
                ..Argument::new("unix-time-milliseconds", ArgumentKind::UnixTime)
            },
            Argument {
                token: Some("RETRYCOUNT"),
                flags: arg::OPTIONAL,
                ..Argument::new("count", ArgumentKind::Integer)
            },
            Argument { token: Some("FORCE"), flags: arg::OPTIONAL, ..Argument::new("force", ArgumentKind::PureToken) },
            Argument {
                token: Some("JUSTID"),
                flags: arg::OPTIONAL,
                ..Argument::new("justid", ArgumentKind::PureToken)
            },
            Argument { token: Some("LASTID"), flags: arg::OPTIONAL, ..Argument::new("id", ArgumentKind::Text) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "xdel",
        arity: -3,
        flags: Flags(flag::WRITE | flag::FAST),
        acl: AclCategories(category::WRITE | category::STREAM | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::DELETE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Deletes entries",
        since: "5.0.0",
        group: "stream",
        complexity: "O(1)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument { flags: arg::MULTIPLE, ..Argument::new("id", ArgumentKind::Text) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "xgroup",
        arity: -2,
        acl: AclCategories(category::SLOW),
        summary: "Container of commands about consumer groups",
        since: "5.0.0",
        group: "stream",
        complexity: "Depends on what is called",
        subcommands: &[
            CommandDoc {
                name: "xgroup|create",
                arity: -5,
                flags: Flags(flag::WRITE | flag::DENYOOM),
                acl: AclCategories(category::WRITE | category::STREAM | category::SLOW),
                key_specs: &[KeySpec {
                    notes: "",
                    flags: KeyFlags(key::RW | key::INSERT),
                    begin: Begin::Index(2),
                    find: Find::Range(0, 1, 0),
                }],
                legacy_keys: (2, 2, 1),
                summary: "Makes a consumer group",
                since: "5.0.0",
                group: "stream",
                complexity: "O(1)",
                history: &[("7.0.0", "With `entries_read` named argument")],
                arguments: &[
                    Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
                    Argument::new("groupname", ArgumentKind::Text),
                    Argument {
                        arguments: &[
                            Argument::new("id", ArgumentKind::Text),
                            Argument { token: Some("$"), ..Argument::new("new_id", ArgumentKind::PureToken) },
                        ],
                        ..Argument::new("id", ArgumentKind::OneOf)
                    },
                    Argument {
                        token: Some("MKSTREAM"),
                        flags: arg::OPTIONAL,
                        ..Argument::new("mkstream", ArgumentKind::PureToken)
                    },
                    Argument {
                        token: Some("ENTRIESREAD"),
                        flags: arg::OPTIONAL,
                        ..Argument::new("entries_read", ArgumentKind::Integer)
                    },
                ],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "xgroup|createconsumer",
                arity: 5,
                flags: Flags(flag::WRITE | flag::DENYOOM),
                acl: AclCategories(category::WRITE | category::STREAM | category::SLOW),
                key_specs: &[KeySpec {
                    notes: "",
                    flags: KeyFlags(key::RW | key::INSERT),
                    begin: Begin::Index(2),
                    find: Find::Range(0, 1, 0),
                }],
                legacy_keys: (2, 2, 1),
                summary: "Makes a consumer",
                since: "6.2.0",
                group: "stream",
                complexity: "O(1)",
                arguments: &[
                    Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
                    Argument::new("groupname", ArgumentKind::Text),
                    Argument::new("consumername", ArgumentKind::Text),
                ],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "xgroup|delconsumer",
                arity: 5,
                flags: Flags(flag::WRITE),
                acl: AclCategories(category::WRITE | category::STREAM | category::SLOW),
                key_specs: &[KeySpec {
                    notes: "",
                    flags: KeyFlags(key::RW | key::DELETE),
                    begin: Begin::Index(2),
                    find: Find::Range(0, 1, 0),
                }],
                legacy_keys: (2, 2, 1),
                summary: "Deletes a consumer",
                since: "5.0.0",
                group: "stream",
                complexity: "O(1)",
                arguments: &[
                    Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
                    Argument::new("groupname", ArgumentKind::Text),
                    Argument::new("consumername", ArgumentKind::Text),
                ],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "xgroup|destroy",
                arity: 4,
                flags: Flags(flag::WRITE),
                acl: AclCategories(category::WRITE | category::STREAM | category::SLOW),
                key_specs: &[KeySpec {
                    notes: "",
                    flags: KeyFlags(key::RW | key::DELETE),
                    begin: Begin::Index(2),
                    find: Find::Range(0, 1, 0),
                }],
                legacy_keys: (2, 2, 1),
                summary: "Deletes a consumer group",
                since: "5.0.0",
                group: "stream",
                complexity: "O(N)",
                arguments: &[
                    Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
                    Argument::new("groupname", ArgumentKind::Text),
                ],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "xgroup|help",
                arity: 2,
                flags: Flags(flag::LOADING | flag::STALE),
                acl: AclCategories(category::STREAM | category::SLOW),
                summary: "Describes the subcommands",
                since: "5.0.0",
                group: "stream",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "xgroup|setid",
                arity: -5,
                flags: Flags(flag::WRITE),
                acl: AclCategories(category::WRITE | category::STREAM | category::SLOW),
                key_specs: &[KeySpec {
                    notes: "",
                    flags: KeyFlags(key::RW | key::UPDATE),
                    begin: Begin::Index(2),
                    find: Find::Range(0, 1, 0),
                }],
                legacy_keys: (2, 2, 1),
                summary: "Sets the last entry delivered to a group",
                since: "5.0.0",
                group: "stream",
                complexity: "O(1)",
                history: &[("7.0.0", "With optional `entries_read` argument")],
                arguments: &[
                    Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
                    Argument::new("groupname", ArgumentKind::Text),
                    Argument {
                        arguments: &[
                            Argument::new("id", ArgumentKind::Text),
                            Argument { token: Some("$"), ..Argument::new("new_id", ArgumentKind::PureToken) },
                        ],
                        ..Argument::new("id", ArgumentKind::OneOf)
                    },
                    Argument {
                        token: Some("ENTRIESREAD"),
                        flags: arg::OPTIONAL,
                        ..Argument::new("entries_read", ArgumentKind::Integer)
                    },
                ],
                ..CommandDoc::EMPTY
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "xinfo",
        arity: -2,
        acl: AclCategories(category::SLOW),
        summary: "Container of commands that describe streams",
        since: "5.0.0",
        group: "stream",
        complexity: "Depends on what is called",
        subcommands: &[
            CommandDoc {
                name: "xinfo|consumers",
                arity: 4,
                flags: Flags(flag::READONLY),
                acl: AclCategories(category::READ | category::STREAM | category::SLOW),
                tips: &["nondeterministic_output"],
                key_specs: &[KeySpec {
                    notes: "",
                    flags: KeyFlags(key::RO | key::ACCESS),
                    begin: Begin::Index(2),
                    find: Find::Range(0, 1, 0),
                }],
                legacy_keys: (2, 2, 1),
                summary: "The consumers of a group",
                since: "5.0.0",
                group: "stream",
                complexity: "O(1)",
                arguments: &[
                    Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
                    Argument::new("groupname", ArgumentKind::Text),
                ],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "xinfo|groups",
                arity: 3,
                flags: Flags(flag::READONLY),
                acl: AclCategories(category::READ | category::STREAM | category::SLOW),
                key_specs: &[KeySpec {
                    notes: "",
                    flags: KeyFlags(key::RO | key::ACCESS),
                    begin: Begin::Index(2),
                    find: Find::Range(0, 1, 0),
                }],
                legacy_keys: (2, 2, 1),
                summary: "The consumer groups",
                since: "5.0.0",
                group: "stream",
                complexity: "O(1)",
                history: &[("7.0.0", "With `entries-read` and `lag` fields")],
                arguments: &[Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) }],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "xinfo|help",
                arity: 2,
                flags: Flags(flag::LOADING | flag::STALE),
                acl: AclCategories(category::STREAM | category::SLOW),
                summary: "Describes the subcommands",
                since: "5.0.0",
                group: "stream",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "xinfo|stream",
                arity: -3,
                flags: Flags(flag::READONLY),
                acl: AclCategories(category::READ | category::STREAM | category::SLOW),
                key_specs: &[KeySpec {
                    notes: "",
                    flags: KeyFlags(key::RO | key::ACCESS),
                    begin: Begin::Index(2),
                    find: Find::Range(0, 1, 0),
                }],
                legacy_keys: (2, 2, 1),
                summary: "Length, ids and nodes of a stream",
                since: "5.0.0",
                group: "stream",
                complexity: "O(1)",
                history: &[
                    ("6.0.0", "With `FULL` modifier"),
                    (
                        "7.0.0",
                        "With `max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, `entries-read` and `lag` fields",
                    ),
                ],
                arguments: &[
                    Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
                    Argument {
                        token: Some("FULL"),
                        flags: arg::OPTIONAL,
                        arguments: &[Argument {
                            token: Some("COUNT"),
                            flags: arg::OPTIONAL,
                            ..Argument::new("count", ArgumentKind::Integer)
                        }],
                        ..Argument::new("full", ArgumentKind::Block)
                    },
                ],
                ..CommandDoc::EMPTY
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "xlen",
        arity: 2,
        flags: Flags(flag::READONLY | flag::FAST),
        acl: AclCategories(category::READ | category::STREAM | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Counts the entries",
        since: "5.0.0",
        group: "stream",
        complexity: "O(1)",
        arguments: &[Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "xpending",
        arity: -3,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::READ | category::STREAM | category::SLOW),
        tips: &["nondeterministic_output"],
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Entries delivered but not acknowledged",
        since: "5.0.0",
        group: "stream",
        complexity: "O(N) or O(1) or O(M)",
        history: &[("6.2.0", "With `IDLE` option and exclusive range intervals")],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("group", ArgumentKind::Text),
            Argument {
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument {
                        token: Some("IDLE"),
                        since: "6.2.0",
                        flags: arg::OPTIONAL,
                        ..Argument::new("min-idle-time", ArgumentKind::Integer)
                    },
                    Argument::new("start", ArgumentKind::Text),
                    Argument::new("end", ArgumentKind::Text),
                    Argument::new("count", ArgumentKind::Integer),
                    Argument { flags: arg::OPTIONAL, ..Argument::new("consumer", ArgumentKind::Text) },
                ],
                ..Argument::new("filters", ArgumentKind::Block)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "xrange",
        arity: -4,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::READ | category::STREAM | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Entries in a range of ids",
        since: "5.0.0",
        group: "stream",
        complexity: "O(N) or O(1)",
        history: &[("6.2.0", "With exclusive ranges")],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("start", ArgumentKind::Text),
            Argument::new("end", ArgumentKind::Text),
            Argument { token: Some("COUNT"), flags: arg::OPTIONAL, ..Argument::new("count", ArgumentKind::Integer) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "xread",
        arity: -4,
        flags: Flags(flag::READONLY | flag::BLOCKING | flag::MOVABLEKEYS),
        acl: AclCategories(category::READ | category::STREAM | category::SLOW | category::BLOCKING),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Keyword("STREAMS", 1),
            find: Find::Range(-1, 1, 2),
        }],
        summary: "Entries after given ids of several streams, waiting for them if wanted",
        since: "5.0.0",
        group: "stream",
        complexity: "O(N) or O(1) or O(M)",
        arguments: &[
            Argument { token: Some("COUNT"), flags: arg::OPTIONAL, ..Argument::new("count", ArgumentKind::Integer) },
            Argument {
                token: Some("BLOCK"),
                flags: arg::OPTIONAL,
                ..Argument::new("milliseconds", ArgumentKind::Integer)
            },
            Argument {
                token: Some("STREAMS"),
                arguments: &[
                    Argument { key_spec: Some(0), flags: arg::MULTIPLE, ..Argument::new("key", ArgumentKind::Key) },
                    Argument { flags: arg::MULTIPLE, ..Argument::new("id", ArgumentKind::Text) },
                ],
                ..Argument::new("streams", ArgumentKind::Block)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "xreadgroup",
        arity: -7,
        flags: Flags(flag::WRITE | flag::BLOCKING | flag::MOVABLEKEYS),
        acl: AclCategories(category::WRITE | category::STREAM | category::SLOW | category::BLOCKING),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Keyword("STREAMS", 4),
            find: Find::Range(-1, 1, 2),
        }],
        summary: "Entries for a consumer of a group, waiting for them if wanted",
        since: "5.0.0",
        group: "stream",
        complexity: "O(M) or O(1) or O(N)",
        arguments: &[
            Argument {
                token: Some("GROUP"),
                arguments: &[Argument::new("group", ArgumentKind::Text), Argument::new("consumer", ArgumentKind::Text)],
                ..Argument::new("group_consumer", ArgumentKind::Block)
            },
            Argument { token: Some("COUNT"), flags: arg::OPTIONAL, ..Argument::new("count", ArgumentKind::Integer) },
            Argument {
                token: Some("BLOCK"),
                flags: arg::OPTIONAL,
                ..Argument::new("milliseconds", ArgumentKind::Integer)
            },
            Argument { token: Some("NOACK"), flags: arg::OPTIONAL, ..Argument::new("noack", ArgumentKind::PureToken) },
            Argument {
                token: Some("STREAMS"),
                arguments: &[
                    Argument { key_spec: Some(0), flags: arg::MULTIPLE, ..Argument::new("key", ArgumentKind::Key) },
                    Argument { flags: arg::MULTIPLE, ..Argument::new("id", ArgumentKind::Text) },
                ],
                ..Argument::new("streams", ArgumentKind::Block)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "xrevrange",
        arity: -4,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::READ | category::STREAM | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Entries in a range of ids, latest first",
        since: "5.0.0",
        group: "stream",
        complexity: "O(N) or O(1)",
        history: &[("6.2.0", "With exclusive ranges")],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("end", ArgumentKind::Text),
            Argument::new("start", ArgumentKind::Text),
            Argument { token: Some("COUNT"), flags: arg::OPTIONAL, ..Argument::new("count", ArgumentKind::Integer) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "xsetid",
        arity: -3,
        flags: Flags(flag::WRITE | flag::DENYOOM | flag::FAST),
        acl: AclCategories(category::WRITE | category::STREAM | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Sets the last id of a stream",
        since: "5.0.0",
        group: "stream",
        complexity: "O(1)",
        history: &[("7.0.0", "With `entries_added` and `max_deleted_entry_id` arguments")],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("last-id", ArgumentKind::Text),
            Argument {
                token: Some("ENTRIESADDED"),
                since: "7.0.0",
                flags: arg::OPTIONAL,
                ..Argument::new("entries_added", ArgumentKind::Integer)
            },
            Argument {
                token: Some("MAXDELETEDID"),
                since: "7.0.0",
                flags: arg::OPTIONAL,
                ..Argument::new("max_deleted_entry_id", ArgumentKind::Text)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "xtrim",
        arity: -4,
        flags: Flags(flag::WRITE),
        acl: AclCategories(category::WRITE | category::STREAM | category::SLOW),
        tips: &["nondeterministic_output"],
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::DELETE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Deletes entries from the start",
        since: "5.0.0",
        group: "stream",
        complexity: "O(N)",
        history: &[("6.2.0", "With `MINID` trimming strategy and the `LIMIT` option")],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument {
                arguments: &[
                    Argument {
                        arguments: &[
                            Argument { token: Some("MAXLEN"), ..Argument::new("maxlen", ArgumentKind::PureToken) },
                            Argument {
                                token: Some("MINID"),
                                since: "6.2.0",
                                ..Argument::new("minid", ArgumentKind::PureToken)
                            },
                        ],
                        ..Argument::new("strategy", ArgumentKind::OneOf)
                    },
                    Argument {
                        flags: arg::OPTIONAL,
                        arguments: &[
                            Argument { token: Some("="), ..Argument::new("equal", ArgumentKind::PureToken) },
                            Argument { token: Some("~"), ..Argument::new("approximately", ArgumentKind::PureToken) },
                        ],
                        ..Argument::new("operator", ArgumentKind::OneOf)
                    },
                    Argument::new("threshold", ArgumentKind::Text),
                    Argument {
                        token: Some("LIMIT"),
                        since: "6.2.0",
                        flags: arg::OPTIONAL,
                        ..Argument::new("count", ArgumentKind::Integer)
                    },
                ],
                ..Argument::new("trim", ArgumentKind::Block)
            },
        ],
        ..CommandDoc::EMPTY
    },
];
