//! What COMMAND tells about the server commands. Facts are those of Redis 7.0.15; the prose is ours.

use crate::dispatch::doc::{
    AclCategories, Argument, ArgumentKind, Begin, CommandDoc, Find, Flags, KeyFlags, KeySpec, arg, category, doc_flag,
    flag, internal, key,
};

/// By name.
pub static DOCS: &[CommandDoc] = &[
    CommandDoc {
        name: "bgrewriteaof",
        arity: 1,
        flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::NO_ASYNC_LOADING),
        acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
        summary: "Rewrites the append-only file in the background",
        since: "1.0.0",
        group: "server",
        complexity: "O(1)",
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "bgsave",
        arity: -1,
        flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::NO_ASYNC_LOADING),
        acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
        summary: "Saves the data to disk in the background",
        since: "1.0.0",
        group: "server",
        complexity: "O(1)",
        history: &[("3.2.2", "With `SCHEDULE` option")],
        arguments: &[Argument {
            token: Some("SCHEDULE"),
            since: "3.2.2",
            flags: arg::OPTIONAL,
            ..Argument::new("schedule", ArgumentKind::PureToken)
        }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "dbsize",
        arity: 1,
        flags: Flags(flag::READONLY | flag::FAST),
        acl: AclCategories(category::KEYSPACE | category::READ | category::FAST),
        tips: &["request_policy:all_shards", "response_policy:agg_sum"],
        summary: "Counts the keys of the database",
        since: "1.0.0",
        group: "server",
        complexity: "O(1)",
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "debug",
        arity: -2,
        flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE),
        acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
        internal: internal::PROTECTED,
        summary: "Container of commands for testing the server",
        since: "1.0.0",
        group: "server",
        complexity: "Depends on what is called",
        doc_flags: doc_flag::SYSCMD,
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "failover",
        arity: -1,
        flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::STALE),
        acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
        summary: "Hands the master's role to a replica in an orderly way",
        since: "6.2.0",
        group: "server",
        complexity: "O(1)",
        arguments: &[
            Argument {
                token: Some("TO"),
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument::new("host", ArgumentKind::Text),
                    Argument::new("port", ArgumentKind::Integer),
                    Argument {
                        token: Some("FORCE"),
                        flags: arg::OPTIONAL,
                        ..Argument::new("force", ArgumentKind::PureToken)
                    },
                ],
                ..Argument::new("target", ArgumentKind::Block)
            },
            Argument { token: Some("ABORT"), flags: arg::OPTIONAL, ..Argument::new("abort", ArgumentKind::PureToken) },
            Argument {
                token: Some("TIMEOUT"),
                flags: arg::OPTIONAL,
                ..Argument::new("milliseconds", ArgumentKind::Integer)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "flushall",
        arity: -1,
        flags: Flags(flag::WRITE),
        acl: AclCategories(category::KEYSPACE | category::WRITE | category::SLOW | category::DANGEROUS),
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        summary: "Deletes all keys of all databases",
        since: "1.0.0",
        group: "server",
        complexity: "O(N)",
        history: &[("4.0.0", "With `ASYNC` flushing mode modifier"), ("6.2.0", "With `SYNC` flushing mode modifier")],
        arguments: &[Argument {
            flags: arg::OPTIONAL,
            arguments: &[
                Argument { token: Some("ASYNC"), since: "4.0.0", ..Argument::new("async", ArgumentKind::PureToken) },
                Argument { token: Some("SYNC"), since: "6.2.0", ..Argument::new("sync", ArgumentKind::PureToken) },
            ],
            ..Argument::new("async", ArgumentKind::OneOf)
        }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "flushdb",
        arity: -1,
        flags: Flags(flag::WRITE),
        acl: AclCategories(category::KEYSPACE | category::WRITE | category::SLOW | category::DANGEROUS),
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        summary: "Deletes all keys of the database",
        since: "1.0.0",
        group: "server",
        complexity: "O(N)",
        history: &[("4.0.0", "With `ASYNC` flushing mode modifier"), ("6.2.0", "With `SYNC` flushing mode modifier")],
        arguments: &[Argument {
            flags: arg::OPTIONAL,
            arguments: &[
                Argument { token: Some("ASYNC"), since: "4.0.0", ..Argument::new("async", ArgumentKind::PureToken) },
                Argument { token: Some("SYNC"), since: "6.2.0", ..Argument::new("sync", ArgumentKind::PureToken) },
            ],
            ..Argument::new("async", ArgumentKind::OneOf)
        }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "info",
        arity: -1,
        flags: Flags(flag::LOADING | flag::STALE),
        acl: AclCategories(category::SLOW | category::DANGEROUS),
        internal: internal::SENTINEL,
        tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        summary: "State and statistics of the server",
        since: "1.0.0",
        group: "server",
        complexity: "O(1)",
        history: &[("7.0.0", "Several sections")],
        arguments: &[Argument { flags: arg::OPTIONAL | arg::MULTIPLE, ..Argument::new("section", ArgumentKind::Text) }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "lastsave",
        arity: 1,
        flags: Flags(flag::LOADING | flag::STALE | flag::FAST),
        acl: AclCategories(category::ADMIN | category::FAST | category::DANGEROUS),
        tips: &["nondeterministic_output"],
        summary: "Time of the last successful save",
        since: "1.0.0",
        group: "server",
        complexity: "O(1)",
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "lolwut",
        arity: -1,
        flags: Flags(flag::READONLY | flag::FAST),
        acl: AclCategories(category::READ | category::FAST),
        summary: "Draws something and tells the version",
        since: "5.0.0",
        group: "server",
        arguments: &[Argument {
            token: Some("VERSION"),
            flags: arg::OPTIONAL,
            ..Argument::new("version", ArgumentKind::Integer)
        }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "monitor",
        arity: 1,
        flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE),
        acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
        summary: "Shows all commands as they are run",
        since: "1.0.0",
        group: "server",
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "psync",
        arity: -3,
        flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::NO_ASYNC_LOADING | flag::NO_MULTI),
        acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
        summary: "Starts or resumes a replication stream",
        since: "2.8.0",
        group: "server",
        arguments: &[
            Argument::new("replicationid", ArgumentKind::Text),
            Argument::new("offset", ArgumentKind::Integer),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "replconf",
        arity: -1,
        flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::ALLOW_BUSY),
        acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
        summary: "Settings between master and replica",
        since: "3.0.0",
        group: "server",
        complexity: "O(1)",
        doc_flags: doc_flag::SYSCMD,
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "replicaof",
        arity: 3,
        flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::STALE | flag::NO_ASYNC_LOADING),
        acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
        summary: "Makes the server a replica of another one, or a master",
        since: "5.0.0",
        group: "server",
        complexity: "O(1)",
        arguments: &[Argument {
            arguments: &[
                Argument {
                    arguments: &[
                        Argument::new("host", ArgumentKind::Text),
                        Argument::new("port", ArgumentKind::Integer),
                    ],
                    ..Argument::new("host-port", ArgumentKind::Block)
                },
                Argument {
                    arguments: &[
                        Argument { token: Some("NO"), ..Argument::new("no", ArgumentKind::PureToken) },
                        Argument { token: Some("ONE"), ..Argument::new("one", ArgumentKind::PureToken) },
                    ],
                    ..Argument::new("no-one", ArgumentKind::Block)
                },
            ],
            ..Argument::new("args", ArgumentKind::OneOf)
        }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "restore-asking",
        arity: -4,
        flags: Flags(flag::WRITE | flag::DENYOOM | flag::ASKING),
        acl: AclCategories(category::KEYSPACE | category::WRITE | category::SLOW | category::DANGEROUS),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::OW | key::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "RESTORE for a slot that is being imported",
        since: "3.0.0",
        group: "server",
        complexity: "O(1) or O(N*M) or O(1*M) or O(N*M*log(N)) or O(log(N))",
        doc_flags: doc_flag::SYSCMD,
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
        name: "role",
        arity: 1,
        flags: Flags(flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::FAST),
        acl: AclCategories(category::ADMIN | category::FAST | category::DANGEROUS),
        internal: internal::SENTINEL,
        summary: "Whether the server is master, replica or Sentinel, and of whom",
        since: "2.8.12",
        group: "server",
        complexity: "O(1)",
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "save",
        arity: 1,
        flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::NO_ASYNC_LOADING | flag::NO_MULTI),
        acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
        summary: "Saves the data to disk while everybody waits",
        since: "1.0.0",
        group: "server",
        complexity: "O(N)",
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "shutdown",
        arity: -1,
        flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::NO_MULTI | flag::ALLOW_BUSY),
        acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
        internal: internal::SENTINEL,
        summary: "Saves the data, if wanted, and ends the server",
        since: "1.0.0",
        group: "server",
        complexity: "O(N) or O(1)",
        history: &[("7.0.0", "With `NOW`, `FORCE` and `ABORT` modifiers")],
        arguments: &[
            Argument {
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument { token: Some("NOSAVE"), ..Argument::new("nosave", ArgumentKind::PureToken) },
                    Argument { token: Some("SAVE"), ..Argument::new("save", ArgumentKind::PureToken) },
                ],
                ..Argument::new("nosave_save", ArgumentKind::OneOf)
            },
            Argument {
                token: Some("NOW"),
                since: "7.0.0",
                flags: arg::OPTIONAL,
                ..Argument::new("now", ArgumentKind::PureToken)
            },
            Argument {
                token: Some("FORCE"),
                since: "7.0.0",
                flags: arg::OPTIONAL,
                ..Argument::new("force", ArgumentKind::PureToken)
            },
            Argument {
                token: Some("ABORT"),
                since: "7.0.0",
                flags: arg::OPTIONAL,
                ..Argument::new("abort", ArgumentKind::PureToken)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "slaveof",
        arity: 3,
        flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::STALE | flag::NO_ASYNC_LOADING),
        acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
        summary: "Makes the server a replica of another one, or a master",
        since: "1.0.0",
        group: "server",
        complexity: "O(1)",
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: "5.0.0",
        replaced_by: "`REPLICAOF`",
        arguments: &[Argument {
            arguments: &[
                Argument {
                    arguments: &[
                        Argument::new("host", ArgumentKind::Text),
                        Argument::new("port", ArgumentKind::Integer),
                    ],
                    ..Argument::new("host-port", ArgumentKind::Block)
                },
                Argument {
                    arguments: &[
                        Argument { token: Some("NO"), ..Argument::new("no", ArgumentKind::PureToken) },
                        Argument { token: Some("ONE"), ..Argument::new("one", ArgumentKind::PureToken) },
                    ],
                    ..Argument::new("no-one", ArgumentKind::Block)
                },
            ],
            ..Argument::new("args", ArgumentKind::OneOf)
        }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "swapdb",
        arity: 3,
        flags: Flags(flag::WRITE | flag::FAST),
        acl: AclCategories(category::KEYSPACE | category::WRITE | category::FAST | category::DANGEROUS),
        summary: "Swaps two databases",
        since: "4.0.0",
        group: "server",
        complexity: "O(N)",
        arguments: &[Argument::new("index1", ArgumentKind::Integer), Argument::new("index2", ArgumentKind::Integer)],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "sync",
        arity: 1,
        flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::NO_ASYNC_LOADING | flag::NO_MULTI),
        acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
        summary: "Starts a replication stream of the old kind",
        since: "1.0.0",
        group: "server",
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "time",
        arity: 1,
        flags: Flags(flag::LOADING | flag::STALE | flag::FAST),
        acl: AclCategories(category::FAST),
        tips: &["nondeterministic_output"],
        summary: "The server's time",
        since: "2.6.0",
        group: "server",
        complexity: "O(1)",
        ..CommandDoc::EMPTY
    },
];
