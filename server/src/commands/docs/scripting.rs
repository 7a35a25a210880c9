//! What COMMAND tells about the scripting commands. Facts are those of Redis 7.0.15; the prose is ours.

use crate::dispatch::doc::{
    AclCategories, Argument, ArgumentKind, Begin, CommandDoc, Find, Flags, KeyFlags, KeySpec, arg, category, flag,
    internal, key,
};

/// By name.
pub static DOCS: &[CommandDoc] = &[
    CommandDoc {
        name: "eval",
        arity: -3,
        flags: Flags(flag::NOSCRIPT | flag::STALE | flag::SKIP_MONITOR | flag::NO_MANDATORY_KEYS | flag::MOVABLEKEYS),
        acl: AclCategories(category::SLOW | category::SCRIPTING),
        internal: internal::MAY_REPLICATE,
        key_specs: &[KeySpec {
            notes: "What a script does with its keys is not known: anything may happen",
            flags: KeyFlags(key::RW | key::ACCESS | key::UPDATE),
            begin: Begin::Index(2),
            find: Find::KeyNum(0, 1, 1),
        }],
        summary: "Runs a Lua script",
        since: "2.6.0",
        group: "scripting",
        complexity: "Depends on what is called",
        arguments: &[
            Argument::new("script", ArgumentKind::Text),
            Argument::new("numkeys", ArgumentKind::Integer),
            Argument {
                key_spec: Some(0),
                flags: arg::OPTIONAL | arg::MULTIPLE,
                ..Argument::new("key", ArgumentKind::Key)
            },
            Argument { flags: arg::OPTIONAL | arg::MULTIPLE, ..Argument::new("arg", ArgumentKind::Text) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "eval_ro",
        arity: -3,
        flags: Flags(
            flag::READONLY
                | flag::NOSCRIPT
                | flag::STALE
                | flag::SKIP_MONITOR
                | flag::NO_MANDATORY_KEYS
                | flag::MOVABLEKEYS,
        ),
        acl: AclCategories(category::SLOW | category::SCRIPTING),
        key_specs: &[KeySpec {
            notes: "What a script reads of its keys is not known: anything may be read",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(2),
            find: Find::KeyNum(0, 1, 1),
        }],
        summary: "Runs a Lua script that only reads",
        since: "7.0.0",
        group: "scripting",
        complexity: "Depends on what is called",
        arguments: &[
            Argument::new("script", ArgumentKind::Text),
            Argument::new("numkeys", ArgumentKind::Integer),
            Argument {
                key_spec: Some(0),
                flags: arg::OPTIONAL | arg::MULTIPLE,
                ..Argument::new("key", ArgumentKind::Key)
            },
            Argument { flags: arg::OPTIONAL | arg::MULTIPLE, ..Argument::new("arg", ArgumentKind::Text) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "evalsha",
        arity: -3,
        flags: Flags(flag::NOSCRIPT | flag::STALE | flag::SKIP_MONITOR | flag::NO_MANDATORY_KEYS | flag::MOVABLEKEYS),
        acl: AclCategories(category::SLOW | category::SCRIPTING),
        internal: internal::MAY_REPLICATE,
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::ACCESS | key::UPDATE),
            begin: Begin::Index(2),
            find: Find::KeyNum(0, 1, 1),
        }],
        summary: "Runs a cached Lua script by its SHA1 digest",
        since: "2.6.0",
        group: "scripting",
        complexity: "Depends on what is called",
        arguments: &[
            Argument::new("sha1", ArgumentKind::Text),
            Argument::new("numkeys", ArgumentKind::Integer),
            Argument {
                key_spec: Some(0),
                flags: arg::OPTIONAL | arg::MULTIPLE,
                ..Argument::new("key", ArgumentKind::Key)
            },
            Argument { flags: arg::OPTIONAL | arg::MULTIPLE, ..Argument::new("arg", ArgumentKind::Text) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "evalsha_ro",
        arity: -3,
        flags: Flags(
            flag::READONLY
                | flag::NOSCRIPT
                | flag::STALE
                | flag::SKIP_MONITOR
                | flag::NO_MANDATORY_KEYS
                | flag::MOVABLEKEYS,
        ),
        acl: AclCategories(category::SLOW | category::SCRIPTING),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(2),
            find: Find::KeyNum(0, 1, 1),
        }],
        summary: "Runs a cached Lua script that only reads, by its SHA1 digest",
        since: "7.0.0",
        group: "scripting",
        complexity: "Depends on what is called",
        arguments: &[
            Argument::new("sha1", ArgumentKind::Text),
            Argument::new("numkeys", ArgumentKind::Integer),
            Argument {
                key_spec: Some(0),
                flags: arg::OPTIONAL | arg::MULTIPLE,
                ..Argument::new("key", ArgumentKind::Key)
            },
            Argument { flags: arg::OPTIONAL | arg::MULTIPLE, ..Argument::new("arg", ArgumentKind::Text) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "fcall",
        arity: -3,
        flags: Flags(flag::NOSCRIPT | flag::STALE | flag::SKIP_MONITOR | flag::NO_MANDATORY_KEYS | flag::MOVABLEKEYS),
        acl: AclCategories(category::SLOW | category::SCRIPTING),
        internal: internal::MAY_REPLICATE,
        key_specs: &[KeySpec {
            notes: "What a script does with its keys is not known: anything may happen",
            flags: KeyFlags(key::RW | key::ACCESS | key::UPDATE),
            begin: Begin::Index(2),
            find: Find::KeyNum(0, 1, 1),
        }],
        summary: "Calls a function",
        since: "7.0.0",
        group: "scripting",
        complexity: "Depends on what is called",
        arguments: &[
            Argument::new("function", ArgumentKind::Text),
            Argument::new("numkeys", ArgumentKind::Integer),
            Argument {
                key_spec: Some(0),
                flags: arg::OPTIONAL | arg::MULTIPLE,
                ..Argument::new("key", ArgumentKind::Key)
            },
            Argument { flags: arg::OPTIONAL | arg::MULTIPLE, ..Argument::new("arg", ArgumentKind::Text) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "fcall_ro",
        arity: -3,
        flags: Flags(
            flag::READONLY
                | flag::NOSCRIPT
                | flag::STALE
                | flag::SKIP_MONITOR
                | flag::NO_MANDATORY_KEYS
                | flag::MOVABLEKEYS,
        ),
        acl: AclCategories(category::SLOW | category::SCRIPTING),
        key_specs: &[KeySpec {
            notes: "What a script reads of its keys is not known: anything may be read",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(2),
            find: Find::KeyNum(0, 1, 1),
        }],
        summary: "Calls a function that only reads",
        since: "7.0.0",
        group: "scripting",
        complexity: "Depends on what is called",
        arguments: &[
            Argument::new("function", ArgumentKind::Text),
            Argument::new("numkeys", ArgumentKind::Integer),
            Argument {
                key_spec: Some(0),
                flags: arg::OPTIONAL | arg::MULTIPLE,
                ..Argument::new("key", ArgumentKind::Key)
            },
            Argument { flags: arg::OPTIONAL | arg::MULTIPLE, ..Argument::new("arg", ArgumentKind::Text) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "function",
        arity: -2,
        acl: AclCategories(category::SLOW),
        summary: "Container of commands about functions",
        since: "7.0.0",
        group: "scripting",
        complexity: "Depends on what is called",
        subcommands: &[
            CommandDoc {
                name: "function|delete",
                arity: 3,
                flags: Flags(flag::WRITE | flag::NOSCRIPT),
                acl: AclCategories(category::WRITE | category::SLOW | category::SCRIPTING),
                tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
                summary: "Deletes a library",
                since: "7.0.0",
                group: "scripting",
                complexity: "O(1)",
                arguments: &[Argument::new("library-name", ArgumentKind::Text)],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "function|dump",
                arity: 2,
                flags: Flags(flag::NOSCRIPT),
                acl: AclCategories(category::SLOW | category::SCRIPTING),
                summary: "All libraries in serialised form",
                since: "7.0.0",
                group: "scripting",
                complexity: "O(N)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "function|flush",
                arity: -2,
                flags: Flags(flag::WRITE | flag::NOSCRIPT),
                acl: AclCategories(category::WRITE | category::SLOW | category::SCRIPTING),
                tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
                summary: "Deletes all libraries",
                since: "7.0.0",
                group: "scripting",
                complexity: "O(N)",
                arguments: &[Argument {
                    flags: arg::OPTIONAL,
                    arguments: &[
                        Argument { token: Some("ASYNC"), ..Argument::new("async", ArgumentKind::PureToken) },
                        Argument { token: Some("SYNC"), ..Argument::new("sync", ArgumentKind::PureToken) },
                    ],
                    ..Argument::new("async", ArgumentKind::OneOf)
                }],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "function|help",
                arity: 2,
                flags: Flags(flag::LOADING | flag::STALE),
                acl: AclCategories(category::SLOW | category::SCRIPTING),
                summary: "Describes the subcommands",
                since: "7.0.0",
                group: "scripting",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "function|kill",
                arity: 2,
                flags: Flags(flag::NOSCRIPT | flag::ALLOW_BUSY),
                acl: AclCategories(category::SLOW | category::SCRIPTING),
                tips: &["request_policy:all_shards", "response_policy:one_succeeded"],
                summary: "Stops the function that is running",
                since: "7.0.0",
                group: "scripting",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "function|list",
                arity: -2,
                flags: Flags(flag::NOSCRIPT),
                acl: AclCategories(category::SLOW | category::SCRIPTING),
                tips: &["nondeterministic_output_order"],
                summary: "Libraries and their functions",
                since: "7.0.0",
                group: "scripting",
                complexity: "O(N)",
                arguments: &[
                    Argument {
                        token: Some("LIBRARYNAME"),
                        flags: arg::OPTIONAL,
                        ..Argument::new("library-name-pattern", ArgumentKind::Text)
                    },
                    Argument {
                        token: Some("WITHCODE"),
                        flags: arg::OPTIONAL,
                        ..Argument::new("withcode", ArgumentKind::PureToken)
                    },
                ],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "function|load",
                arity: -3,
                flags: Flags(flag::WRITE | flag::DENYOOM | flag::NOSCRIPT),
                acl: AclCategories(category::WRITE | category::SLOW | category::SCRIPTING),
                tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
                summary: "Makes a library",
                since: "7.0.0",
                group: "scripting",
                complexity: "O(1)",
                arguments: &[
                    Argument {
                        token: Some("REPLACE"),
                        flags: arg::OPTIONAL,
                        ..Argument::new("replace", ArgumentKind::PureToken)
                    },
                    Argument::new("function-code", ArgumentKind::Text),
                ],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "function|restore",
                arity: -3,
                flags: Flags(flag::WRITE | flag::DENYOOM | flag::NOSCRIPT),
                acl: AclCategories(category::WRITE | category::SLOW | category::SCRIPTING),
                tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
                summary: "Makes libraries of their serialised form",
                since: "7.0.0",
                group: "scripting",
                complexity: "O(N)",
                arguments: &[
                    Argument::new("serialized-value", ArgumentKind::Text),
                    Argument {
                        flags: arg::OPTIONAL,
                        arguments: &[
                            Argument { token: Some("FLUSH"), ..Argument::new("flush", ArgumentKind::PureToken) },
                            Argument { token: Some("APPEND"), ..Argument::new("append", ArgumentKind::PureToken) },
                            Argument { token: Some("REPLACE"), ..Argument::new("replace", ArgumentKind::PureToken) },
                        ],
                        ..Argument::new("policy", ArgumentKind::OneOf)
                    },
                ],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "function|stats",
                arity: 2,
                flags: Flags(flag::NOSCRIPT | flag::ALLOW_BUSY),
                acl: AclCategories(category::SLOW | category::SCRIPTING),
                tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
                summary: "The function that is running, and the engines",
                since: "7.0.0",
                group: "scripting",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "script",
        arity: -2,
        acl: AclCategories(category::SLOW),
        summary: "Container of commands about Lua scripts",
        since: "2.6.0",
        group: "scripting",
        complexity: "Depends on what is called",
        subcommands: &[
            CommandDoc {
                name: "script|debug",
                arity: 3,
                flags: Flags(flag::NOSCRIPT),
                acl: AclCategories(category::SLOW | category::SCRIPTING),
                summary: "Debug mode of scripts",
                since: "3.2.0",
                group: "scripting",
                complexity: "O(1)",
                arguments: &[Argument {
                    arguments: &[
                        Argument { token: Some("YES"), ..Argument::new("yes", ArgumentKind::PureToken) },
                        Argument { token: Some("SYNC"), ..Argument::new("sync", ArgumentKind::PureToken) },
                        Argument { token: Some("NO"), ..Argument::new("no", ArgumentKind::PureToken) },
                    ],
                    ..Argument::new("mode", ArgumentKind::OneOf)
                }],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "script|exists",
                arity: -3,
                flags: Flags(flag::NOSCRIPT),
                acl: AclCategories(category::SLOW | category::SCRIPTING),
                tips: &["request_policy:all_shards", "response_policy:agg_logical_and"],
                summary: "Tells which scripts are cached",
                since: "2.6.0",
                group: "scripting",
                complexity: "O(N) or O(1)",
                arguments: &[Argument { flags: arg::MULTIPLE, ..Argument::new("sha1", ArgumentKind::Text) }],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "script|flush",
                arity: -2,
                flags: Flags(flag::NOSCRIPT),
                acl: AclCategories(category::SLOW | category::SCRIPTING),
                tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
                summary: "Empties the script cache",
                since: "2.6.0",
                group: "scripting",
                complexity: "O(N)",
                history: &[("6.2.0", "With `ASYNC` and `SYNC` flushing mode modifiers")],
                arguments: &[Argument {
                    since: "6.2.0",
                    flags: arg::OPTIONAL,
                    arguments: &[
                        Argument { token: Some("ASYNC"), ..Argument::new("async", ArgumentKind::PureToken) },
                        Argument { token: Some("SYNC"), ..Argument::new("sync", ArgumentKind::PureToken) },
                    ],
                    ..Argument::new("async", ArgumentKind::OneOf)
                }],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "script|help",
                arity: 2,
                flags: Flags(flag::LOADING | flag::STALE),
                acl: AclCategories(category::SLOW | category::SCRIPTING),
                summary: "Describes the subcommands",
                since: "5.0.0",
                group: "scripting",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "script|kill",
                arity: 2,
                flags: Flags(flag::NOSCRIPT | flag::ALLOW_BUSY),
                acl: AclCategories(category::SLOW | category::SCRIPTING),
                tips: &["request_policy:all_shards", "response_policy:one_succeeded"],
                summary: "Stops the script that is running",
                since: "2.6.0",
                group: "scripting",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "script|load",
                arity: 3,
                flags: Flags(flag::NOSCRIPT | flag::STALE),
                acl: AclCategories(category::SLOW | category::SCRIPTING),
                tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
                summary: "Puts a script into the cache",
                since: "2.6.0",
                group: "scripting",
                complexity: "O(N)",
                arguments: &[Argument::new("script", ArgumentKind::Text)],
                ..CommandDoc::EMPTY
            },
        ],
        ..CommandDoc::EMPTY
    },
];
