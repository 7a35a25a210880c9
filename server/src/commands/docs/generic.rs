//! What COMMAND tells about the generic commands. Facts are those of Redis 7.0.15; the prose is ours.

use crate::dispatch::doc::{
    AclCategories, Argument, ArgumentKind, Begin, CommandDoc, Find, Flags, KeyFlags, KeySpec, Secrets, arg, category,
    flag, internal, key,
};

/// By name.
pub static DOCS: &[CommandDoc] = &[
    CommandDoc {
        name: "copy",
        arity: -3,
        flags: Flags(flag::WRITE | flag::DENYOOM),
        acl: AclCategories(category::KEYSPACE | category::WRITE | category::SLOW),
        key_specs: &[
            KeySpec {
                notes: "",
                flags: KeyFlags(key::RO | key::ACCESS),
                begin: Begin::Index(1),
                find: Find::Range(0, 1, 0),
            },
            KeySpec {
                notes: "",
                flags: KeyFlags(key::OW | key::UPDATE),
                begin: Begin::Index(2),
                find: Find::Range(0, 1, 0),
            },
        ],
        legacy_keys: (1, 2, 1),
        summary: "Copies a key's value to another key",
        since: "6.2.0",
        group: "generic",
        complexity: "O(N) or O(1)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("source", ArgumentKind::Key) },
            Argument { key_spec: Some(1), ..Argument::new("destination", ArgumentKind::Key) },
            Argument {
                token: Some("DB"),
                flags: arg::OPTIONAL,
                ..Argument::new("destination-db", ArgumentKind::Integer)
            },
            Argument {
                token: Some("REPLACE"),
                flags: arg::OPTIONAL,
                ..Argument::new("replace", ArgumentKind::PureToken)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "del",
        arity: -2,
        flags: Flags(flag::WRITE),
        acl: AclCategories(category::KEYSPACE | category::WRITE | category::SLOW),
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RM | key::DELETE),
            begin: Begin::Index(1),
            find: Find::Range(-1, 1, 0),
        }],
        legacy_keys: (1, -1, 1),
        summary: "Deletes keys",
        since: "1.0.0",
        group: "generic",
        complexity: "O(N) or O(M) or O(1)",
        arguments: &[Argument { key_spec: Some(0), flags: arg::MULTIPLE, ..Argument::new("key", ArgumentKind::Key) }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "dump",
        arity: 2,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::KEYSPACE | category::READ | category::SLOW),
        tips: &["nondeterministic_output"],
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "A key's value in serialised form",
        since: "2.6.0",
        group: "generic",
        complexity: "O(1) or O(N*M) or O(1*M)",
        arguments: &[Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "exists",
        arity: -2,
        flags: Flags(flag::READONLY | flag::FAST),
        acl: AclCategories(category::KEYSPACE | category::READ | category::FAST),
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO),
            begin: Begin::Index(1),
            find: Find::Range(-1, 1, 0),
        }],
        legacy_keys: (1, -1, 1),
        summary: "Counts which of the keys exist",
        since: "1.0.0",
        group: "generic",
        complexity: "O(N)",
        history: &[("3.0.3", "Several `key`")],
        arguments: &[Argument { key_spec: Some(0), flags: arg::MULTIPLE, ..Argument::new("key", ArgumentKind::Key) }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "keys",
        arity: 2,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::KEYSPACE | category::READ | category::SLOW | category::DANGEROUS),
        tips: &["request_policy:all_shards", "nondeterministic_output_order"],
        summary: "All keys that match a pattern",
        since: "1.0.0",
        group: "generic",
        complexity: "O(N)",
        arguments: &[Argument::new("pattern", ArgumentKind::Pattern)],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "migrate",
        arity: -6,
        flags: Flags(flag::WRITE | flag::MOVABLEKEYS),
        acl: AclCategories(category::KEYSPACE | category::WRITE | category::SLOW | category::DANGEROUS),
        tips: &["nondeterministic_output"],
        key_specs: &[
            KeySpec {
                notes: "",
                flags: KeyFlags(key::RW | key::ACCESS | key::DELETE),
                begin: Begin::Index(3),
                find: Find::Range(0, 1, 0),
            },
            KeySpec {
                notes: "",
                flags: KeyFlags(key::RW | key::ACCESS | key::DELETE | key::INCOMPLETE),
                begin: Begin::Keyword("KEYS", -2),
                find: Find::Range(-1, 1, 0),
            },
        ],
        legacy_keys: (3, 3, 1),
        secrets: Secrets::Behind { from: 6, words: &[("auth", 1), ("auth2", 2)], until: Some("keys") },
        summary: "Moves keys to another server in one step",
        since: "2.6.0",
        group: "generic",
        complexity: "O(N)",
        history: &[
            ("3.0.0", "With `COPY` and `REPLACE` options"),
            ("3.0.6", "With `KEYS` option"),
            ("4.0.7", "With `AUTH` option"),
            ("6.0.0", "With `AUTH2` option"),
        ],
        arguments: &[
            Argument::new("host", ArgumentKind::Text),
            Argument::new("port", ArgumentKind::Integer),
            Argument {
                arguments: &[
                    Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
                    Argument { token: Some(""), ..Argument::new("empty_string", ArgumentKind::PureToken) },
                ],
                ..Argument::new("key_or_empty_string", ArgumentKind::OneOf)
            },
            Argument::new("destination-db", ArgumentKind::Integer),
            Argument::new("timeout", ArgumentKind::Integer),
            Argument {
                token: Some("COPY"),
                since: "3.0.0",
                flags: arg::OPTIONAL,
                ..Argument::new("copy", ArgumentKind::PureToken)
            },
            Argument {
                token: Some("REPLACE"),
                since: "3.0.0",
                flags: arg::OPTIONAL,
                ..Argument::new("replace", ArgumentKind::PureToken)
            },
            Argument {
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument {
                        token: Some("AUTH"),
                        since: "4.0.7",
                        flags: arg::OPTIONAL,
                        ..Argument::new("password", ArgumentKind::Text)
                    },
                    Argument {
                        token: Some("AUTH2"),
                        since: "6.0.0",
                        flags: arg::OPTIONAL,
                        arguments: &[
                            Argument::new("username", ArgumentKind::Text),
                            Argument::new("password", ArgumentKind::Text),
                        ],
                        ..Argument::new("username_password", ArgumentKind::Block)
                    },
                ],
                ..Argument::new("authentication", ArgumentKind::OneOf)
            },
            Argument {
                key_spec: Some(1),
                token: Some("KEYS"),
                since: "3.0.6",
                flags: arg::OPTIONAL | arg::MULTIPLE,
                ..Argument::new("key", ArgumentKind::Key)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "move",
        arity: 3,
        flags: Flags(flag::WRITE | flag::FAST),
        acl: AclCategories(category::KEYSPACE | category::WRITE | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::ACCESS | key::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Moves a key to another database",
        since: "1.0.0",
        group: "generic",
        complexity: "O(1)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("db", ArgumentKind::Integer),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "object",
        arity: -2,
        acl: AclCategories(category::SLOW),
        summary: "Container of commands about the form of a value",
        since: "2.2.3",
        group: "generic",
        complexity: "Depends on what is called",
        subcommands: &[
            CommandDoc {
                name: "object|encoding",
                arity: 3,
                flags: Flags(flag::READONLY),
                acl: AclCategories(category::KEYSPACE | category::READ | category::SLOW),
                tips: &["nondeterministic_output"],
                key_specs: &[KeySpec {
                    notes: "",
                    flags: KeyFlags(key::RO),
                    begin: Begin::Index(2),
                    find: Find::Range(0, 1, 0),
                }],
                legacy_keys: (2, 2, 1),
                summary: "How the value is encoded",
                since: "2.2.3",
                group: "generic",
                complexity: "O(1)",
                arguments: &[Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) }],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "object|freq",
                arity: 3,
                flags: Flags(flag::READONLY),
                acl: AclCategories(category::KEYSPACE | category::READ | category::SLOW),
                tips: &["nondeterministic_output"],
                key_specs: &[KeySpec {
                    notes: "",
                    flags: KeyFlags(key::RO),
                    begin: Begin::Index(2),
                    find: Find::Range(0, 1, 0),
                }],
                legacy_keys: (2, 2, 1),
                summary: "How often the key is used, as a logarithm",
                since: "4.0.0",
                group: "generic",
                complexity: "O(1)",
                arguments: &[Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) }],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "object|help",
                arity: 2,
                flags: Flags(flag::LOADING | flag::STALE),
                acl: AclCategories(category::KEYSPACE | category::SLOW),
                summary: "Describes the subcommands",
                since: "6.2.0",
                group: "generic",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "object|idletime",
                arity: 3,
                flags: Flags(flag::READONLY),
                acl: AclCategories(category::KEYSPACE | category::READ | category::SLOW),
                tips: &["nondeterministic_output"],
                key_specs: &[KeySpec {
                    notes: "",
                    flags: KeyFlags(key::RO),
                    begin: Begin::Index(2),
                    find: Find::Range(0, 1, 0),
                }],
                legacy_keys: (2, 2, 1),
                summary: "Seconds since the key was used",
                since: "2.2.3",
                group: "generic",
                complexity: "O(1)",
                arguments: &[Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) }],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "object|refcount",
                arity: 3,
                flags: Flags(flag::READONLY),
                acl: AclCategories(category::KEYSPACE | category::READ | category::SLOW),
                tips: &["nondeterministic_output"],
                key_specs: &[KeySpec {
                    notes: "",
                    flags: KeyFlags(key::RO),
                    begin: Begin::Index(2),
                    find: Find::Range(0, 1, 0),
                }],
                legacy_keys: (2, 2, 1),
                summary: "How many references to the value there are",
                since: "2.2.3",
                group: "generic",
                complexity: "O(1)",
                arguments: &[Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) }],
                ..CommandDoc::EMPTY
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "randomkey",
        arity: 1,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::KEYSPACE | category::READ | category::SLOW),
        internal: internal::ARBITRARY_KEYS,
        tips: &["request_policy:all_shards", "nondeterministic_output"],
        summary: "A key chosen at random",
        since: "1.0.0",
        group: "generic",
        complexity: "O(1)",
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "rename",
        arity: 3,
        flags: Flags(flag::WRITE),
        acl: AclCategories(category::KEYSPACE | category::WRITE | category::SLOW),
        key_specs: &[
            KeySpec {
                notes: "",
                flags: KeyFlags(key::RW | key::ACCESS | key::DELETE),
                begin: Begin::Index(1),
                find: Find::Range(0, 1, 0),
            },
            KeySpec {
                notes: "",
                flags: KeyFlags(key::OW | key::UPDATE),
                begin: Begin::Index(2),
                find: Find::Range(0, 1, 0),
            },
        ],
        legacy_keys: (1, 2, 1),
        summary: "Renames a key, replacing what has the new name",
        since: "1.0.0",
        group: "generic",
        complexity: "O(1)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument { key_spec: Some(1), ..Argument::new("newkey", ArgumentKind::Key) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "renamenx",
        arity: 3,
        flags: Flags(flag::WRITE | flag::FAST),
        acl: AclCategories(category::KEYSPACE | category::WRITE | category::FAST),
        key_specs: &[
            KeySpec {
                notes: "",
                flags: KeyFlags(key::RW | key::ACCESS | key::DELETE),
                begin: Begin::Index(1),
                find: Find::Range(0, 1, 0),
            },
            KeySpec {
                notes: "",
                flags: KeyFlags(key::OW | key::INSERT),
                begin: Begin::Index(2),
                find: Find::Range(0, 1, 0),
            },
        ],
        legacy_keys: (1, 2, 1),
        summary: "Renames a key unless the new name is taken",
        since: "1.0.0",
        group: "generic",
        complexity: "O(1)",
        history: &[("3.2.0", "Renaming a key to itself is no error")],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument { key_spec: Some(1), ..Argument::new("newkey", ArgumentKind::Key) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "restore",
        arity: -4,
        flags: Flags(flag::WRITE | flag::DENYOOM),
        acl: AclCategories(category::KEYSPACE | category::WRITE | category::SLOW | category::DANGEROUS),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::OW | key::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Makes a key of a serialised value",
        since: "2.6.0",
        group: "generic",
        complexity: "O(1) or O(N*M) or O(1*M) or O(N*M*log(N)) or O(log(N))",
        history: &[
            ("3.0.0", "With `REPLACE` modifier"),
            ("5.0.0", "With `ABSTTL` modifier"),
            ("5.0.0", "With `IDLETIME` and `FREQ` options"),
        ],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("ttl", ArgumentKind::Integer),
            Argument::new("serialized-value", ArgumentKind::Text),
            Argument {
                token: Some("REPLACE"),
                since: "3.0.0",
                flags: arg::OPTIONAL,
                ..Argument::new("replace", ArgumentKind::PureToken)
            },
            Argument {
                token: Some("ABSTTL"),
                since: "5.0.0",
                flags: arg::OPTIONAL,
                ..Argument::new("absttl", ArgumentKind::PureToken)
            },
            Argument {
                token: Some("IDLETIME"),
                since: "5.0.0",
                flags: arg::OPTIONAL,
                ..Argument::new("seconds", ArgumentKind::Integer)
            },
            Argument {
                token: Some("FREQ"),
                since: "5.0.0",
                flags: arg::OPTIONAL,
                ..Argument::new("frequency", ArgumentKind::Integer)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "scan",
        arity: -2,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::KEYSPACE | category::READ | category::SLOW),
        internal: internal::ARBITRARY_KEYS,
        tips: &["nondeterministic_output", "request_policy:special"],
        summary: "Goes through the keys step by step",
        since: "2.8.0",
        group: "generic",
        complexity: "O(1) or O(N)",
        history: &[("6.0.0", "With `TYPE` subcommand")],
        arguments: &[
            Argument::new("cursor", ArgumentKind::Integer),
            Argument { token: Some("MATCH"), flags: arg::OPTIONAL, ..Argument::new("pattern", ArgumentKind::Pattern) },
            Argument { token: Some("COUNT"), flags: arg::OPTIONAL, ..Argument::new("count", ArgumentKind::Integer) },
            Argument {
                token: Some("TYPE"),
                since: "6.0.0",
                flags: arg::OPTIONAL,
                ..Argument::new("type", ArgumentKind::Text)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "sort",
        arity: -2,
        flags: Flags(flag::WRITE | flag::DENYOOM | flag::MOVABLEKEYS),
        acl: AclCategories(
            category::WRITE
                | category::SET
                | category::SORTEDSET
                | category::LIST
                | category::SLOW
                | category::DANGEROUS,
        ),
        key_specs: &[
            KeySpec {
                notes: "",
                flags: KeyFlags(key::RO | key::ACCESS),
                begin: Begin::Index(1),
                find: Find::Range(0, 1, 0),
            },
            KeySpec {
                notes: "The keys of BY and GET follow from the elements that are sorted",
                flags: KeyFlags(key::RO | key::ACCESS),
                begin: Begin::Unknown,
                find: Find::Unknown,
            },
            KeySpec {
                notes: "STORE may stand anywhere behind the key",
                flags: KeyFlags(key::OW | key::UPDATE),
                begin: Begin::Unknown,
                find: Find::Unknown,
            },
        ],
        legacy_keys: (1, 1, 1),
        internal: internal::READS_BY_PATTERN,
        summary: "Sorts a list, a set or a sorted set, and returns or stores the result",
        since: "1.0.0",
        group: "generic",
        complexity: "O(N+M*log(M)) or O(N)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument {
                key_spec: Some(1),
                token: Some("BY"),
                flags: arg::OPTIONAL,
                ..Argument::new("pattern", ArgumentKind::Pattern)
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
            Argument {
                key_spec: Some(1),
                token: Some("GET"),
                flags: arg::OPTIONAL | arg::MULTIPLE | arg::MULTIPLE_TOKEN,
                ..Argument::new("pattern", ArgumentKind::Pattern)
            },
            Argument {
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument { token: Some("ASC"), ..Argument::new("asc", ArgumentKind::PureToken) },
                    Argument { token: Some("DESC"), ..Argument::new("desc", ArgumentKind::PureToken) },
                ],
                ..Argument::new("order", ArgumentKind::OneOf)
            },
            Argument {
                token: Some("ALPHA"),
                flags: arg::OPTIONAL,
                ..Argument::new("sorting", ArgumentKind::PureToken)
            },
            Argument {
                key_spec: Some(2),
                token: Some("STORE"),
                flags: arg::OPTIONAL,
                ..Argument::new("destination", ArgumentKind::Key)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "sort_ro",
        arity: -2,
        flags: Flags(flag::READONLY | flag::MOVABLEKEYS),
        acl: AclCategories(
            category::READ
                | category::SET
                | category::SORTEDSET
                | category::LIST
                | category::SLOW
                | category::DANGEROUS,
        ),
        key_specs: &[
            KeySpec {
                notes: "",
                flags: KeyFlags(key::RO | key::ACCESS),
                begin: Begin::Index(1),
                find: Find::Range(0, 1, 0),
            },
            KeySpec {
                notes: "The keys of BY and GET follow from the elements that are sorted",
                flags: KeyFlags(key::RO | key::ACCESS),
                begin: Begin::Unknown,
                find: Find::Unknown,
            },
        ],
        legacy_keys: (1, 1, 1),
        internal: internal::READS_BY_PATTERN,
        summary: "Sorts a list, a set or a sorted set",
        since: "7.0.0",
        group: "generic",
        complexity: "O(N+M*log(M)) or O(N)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument {
                key_spec: Some(1),
                token: Some("BY"),
                flags: arg::OPTIONAL,
                ..Argument::new("pattern", ArgumentKind::Pattern)
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
            Argument {
                key_spec: Some(1),
                token: Some("GET"),
                flags: arg::OPTIONAL | arg::MULTIPLE | arg::MULTIPLE_TOKEN,
                ..Argument::new("pattern", ArgumentKind::Pattern)
            },
            Argument {
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument { token: Some("ASC"), ..Argument::new("asc", ArgumentKind::PureToken) },
                    Argument { token: Some("DESC"), ..Argument::new("desc", ArgumentKind::PureToken) },
                ],
                ..Argument::new("order", ArgumentKind::OneOf)
            },
            Argument {
                token: Some("ALPHA"),
                flags: arg::OPTIONAL,
                ..Argument::new("sorting", ArgumentKind::PureToken)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "touch",
        arity: -2,
        flags: Flags(flag::READONLY | flag::FAST),
        acl: AclCategories(category::KEYSPACE | category::READ | category::FAST),
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO),
            begin: Begin::Index(1),
            find: Find::Range(-1, 1, 0),
        }],
        legacy_keys: (1, -1, 1),
        summary: "Marks keys as used and counts them",
        since: "3.2.1",
        group: "generic",
        complexity: "O(N)",
        arguments: &[Argument { key_spec: Some(0), flags: arg::MULTIPLE, ..Argument::new("key", ArgumentKind::Key) }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "type",
        arity: 2,
        flags: Flags(flag::READONLY | flag::FAST),
        acl: AclCategories(category::KEYSPACE | category::READ | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Type of a key's value",
        since: "1.0.0",
        group: "generic",
        complexity: "O(1)",
        arguments: &[Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "unlink",
        arity: -2,
        flags: Flags(flag::WRITE | flag::FAST),
        acl: AclCategories(category::KEYSPACE | category::WRITE | category::FAST),
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RM | key::DELETE),
            begin: Begin::Index(1),
            find: Find::Range(-1, 1, 0),
        }],
        legacy_keys: (1, -1, 1),
        summary: "Deletes keys and frees their memory in the background",
        since: "4.0.0",
        group: "generic",
        complexity: "O(1) or O(N)",
        arguments: &[Argument { key_spec: Some(0), flags: arg::MULTIPLE, ..Argument::new("key", ArgumentKind::Key) }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "wait",
        arity: 3,
        flags: Flags(flag::NOSCRIPT),
        acl: AclCategories(category::SLOW | category::CONNECTION),
        tips: &["request_policy:all_shards", "response_policy:agg_min"],
        summary: "Waits until replicas have acknowledged the connection's writes",
        since: "3.0.0",
        group: "generic",
        complexity: "O(1)",
        arguments: &[
            Argument::new("numreplicas", ArgumentKind::Integer),
            Argument::new("timeout", ArgumentKind::Integer),
        ],
        ..CommandDoc::EMPTY
    },
];
