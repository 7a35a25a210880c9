//! What COMMAND tells about the containers commands. Facts are those of Redis 7.0.15; the prose is ours.

use crate::dispatch::doc::{
    AclCategories, Argument, ArgumentKind, Begin, CommandDoc, Find, Flags, KeyFlags, KeySpec, Secrets, arg, category,
    flag, internal, key,
};

/// By name.
pub static DOCS: &[CommandDoc] = &[
    CommandDoc {
        name: "acl",
        arity: -2,
        acl: AclCategories(category::SLOW),
        internal: internal::SENTINEL,
        summary: "Container of access control commands",
        since: "6.0.0",
        group: "server",
        complexity: "Depends on what is called",
        subcommands: &[
            CommandDoc {
                name: "acl|cat",
                arity: -2,
                flags: Flags(flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::SLOW),
                internal: internal::SENTINEL,
                summary: "Categories of commands, or the commands of one",
                since: "6.0.0",
                group: "server",
                complexity: "O(1)",
                arguments: &[Argument { flags: arg::OPTIONAL, ..Argument::new("categoryname", ArgumentKind::Text) }],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "acl|deluser",
                arity: -3,
                flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                internal: internal::SENTINEL,
                summary: "Deletes users and closes their connections",
                since: "6.0.0",
                group: "server",
                complexity: "O(1)",
                arguments: &[Argument { flags: arg::MULTIPLE, ..Argument::new("username", ArgumentKind::Text) }],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "acl|dryrun",
                arity: -4,
                flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                internal: internal::SENTINEL,
                summary: "Tells whether a user might run a command, without running it",
                since: "7.0.0",
                group: "server",
                complexity: "O(1)",
                arguments: &[
                    Argument::new("username", ArgumentKind::Text),
                    Argument::new("command", ArgumentKind::Text),
                    Argument { flags: arg::OPTIONAL | arg::MULTIPLE, ..Argument::new("arg", ArgumentKind::Text) },
                ],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "acl|genpass",
                arity: -2,
                flags: Flags(flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::SLOW),
                internal: internal::SENTINEL,
                summary: "Makes a random password",
                since: "6.0.0",
                group: "server",
                complexity: "O(1)",
                arguments: &[Argument { flags: arg::OPTIONAL, ..Argument::new("bits", ArgumentKind::Integer) }],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "acl|getuser",
                arity: 3,
                flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                internal: internal::SENTINEL,
                summary: "The rules of a user",
                since: "6.0.0",
                group: "server",
                complexity: "O(N)",
                history: &[
                    ("6.2.0", "With pub/Sub channel patterns"),
                    ("7.0.0", "Selectors; patterns of keys and channels in the form of rules"),
                ],
                arguments: &[Argument::new("username", ArgumentKind::Text)],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "acl|help",
                arity: 2,
                flags: Flags(flag::LOADING | flag::STALE),
                acl: AclCategories(category::SLOW),
                internal: internal::SENTINEL,
                summary: "Describes the subcommands",
                since: "6.0.0",
                group: "server",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "acl|list",
                arity: 2,
                flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                internal: internal::SENTINEL,
                summary: "All users as configuration lines",
                since: "6.0.0",
                group: "server",
                complexity: "O(N)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "acl|load",
                arity: 2,
                flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                internal: internal::SENTINEL,
                summary: "Reads the users anew from the ACL file",
                since: "6.0.0",
                group: "server",
                complexity: "O(N)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "acl|log",
                arity: -2,
                flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                internal: internal::SENTINEL,
                summary: "Recent refusals",
                since: "6.0.0",
                group: "server",
                complexity: "O(N)",
                arguments: &[Argument {
                    flags: arg::OPTIONAL,
                    arguments: &[
                        Argument::new("count", ArgumentKind::Integer),
                        Argument { token: Some("RESET"), ..Argument::new("reset", ArgumentKind::PureToken) },
                    ],
                    ..Argument::new("operation", ArgumentKind::OneOf)
                }],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "acl|save",
                arity: 2,
                flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                internal: internal::SENTINEL,
                summary: "Writes the users to the ACL file",
                since: "6.0.0",
                group: "server",
                complexity: "O(N)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "acl|setuser",
                arity: -3,
                flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                internal: internal::SENTINEL,
                secrets: Secrets::From(2),
                summary: "Makes a user or changes one's rules",
                since: "6.0.0",
                group: "server",
                complexity: "O(N)",
                history: &[
                    ("6.2.0", "With pub/Sub channel patterns"),
                    ("7.0.0", "With selectors and key based permissions"),
                ],
                arguments: &[
                    Argument::new("username", ArgumentKind::Text),
                    Argument { flags: arg::OPTIONAL | arg::MULTIPLE, ..Argument::new("rule", ArgumentKind::Text) },
                ],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "acl|users",
                arity: 2,
                flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                internal: internal::SENTINEL,
                summary: "Names of all users",
                since: "6.0.0",
                group: "server",
                complexity: "O(N)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "acl|whoami",
                arity: 2,
                flags: Flags(flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::SLOW),
                internal: internal::SENTINEL,
                summary: "Name of the connection's user",
                since: "6.0.0",
                group: "server",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "command",
        arity: -1,
        flags: Flags(flag::LOADING | flag::STALE),
        acl: AclCategories(category::SLOW | category::CONNECTION),
        internal: internal::SENTINEL,
        tips: &["nondeterministic_output_order"],
        summary: "Everything about all commands",
        since: "2.8.13",
        group: "server",
        complexity: "O(N)",
        subcommands: &[
            CommandDoc {
                name: "command|count",
                arity: 2,
                flags: Flags(flag::LOADING | flag::STALE),
                acl: AclCategories(category::SLOW | category::CONNECTION),
                internal: internal::SENTINEL,
                summary: "Counts the commands",
                since: "2.8.13",
                group: "server",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "command|docs",
                arity: -2,
                flags: Flags(flag::LOADING | flag::STALE),
                acl: AclCategories(category::SLOW | category::CONNECTION),
                internal: internal::SENTINEL,
                tips: &["nondeterministic_output_order"],
                summary: "Documentation of commands",
                since: "7.0.0",
                group: "server",
                complexity: "O(N)",
                arguments: &[Argument {
                    flags: arg::OPTIONAL | arg::MULTIPLE,
                    ..Argument::new("command-name", ArgumentKind::Text)
                }],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "command|getkeys",
                arity: -4,
                flags: Flags(flag::LOADING | flag::STALE),
                acl: AclCategories(category::SLOW | category::CONNECTION),
                internal: internal::SENTINEL,
                summary: "Finds the keys in a command line",
                since: "2.8.13",
                group: "server",
                complexity: "O(N)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "command|getkeysandflags",
                arity: -4,
                flags: Flags(flag::LOADING | flag::STALE),
                acl: AclCategories(category::SLOW | category::CONNECTION),
                internal: internal::SENTINEL,
                summary: "Finds the keys in a command line, and what happens to them",
                since: "7.0.0",
                group: "server",
                complexity: "O(N)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "command|help",
                arity: 2,
                flags: Flags(flag::LOADING | flag::STALE),
                acl: AclCategories(category::SLOW | category::CONNECTION),
                internal: internal::SENTINEL,
                summary: "Describes the subcommands",
                since: "5.0.0",
                group: "server",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "command|info",
                arity: -2,
                flags: Flags(flag::LOADING | flag::STALE),
                acl: AclCategories(category::SLOW | category::CONNECTION),
                internal: internal::SENTINEL,
                tips: &["nondeterministic_output_order"],
                summary: "Arity, flags and keys of commands",
                since: "2.8.13",
                group: "server",
                complexity: "O(N)",
                history: &[("7.0.0", "All commands, if none is named")],
                arguments: &[Argument {
                    flags: arg::OPTIONAL | arg::MULTIPLE,
                    ..Argument::new("command-name", ArgumentKind::Text)
                }],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "command|list",
                arity: -2,
                flags: Flags(flag::LOADING | flag::STALE),
                acl: AclCategories(category::SLOW | category::CONNECTION),
                internal: internal::SENTINEL,
                tips: &["nondeterministic_output_order"],
                summary: "Names of commands",
                since: "7.0.0",
                group: "server",
                complexity: "O(N)",
                arguments: &[Argument {
                    token: Some("FILTERBY"),
                    flags: arg::OPTIONAL,
                    arguments: &[
                        Argument { token: Some("MODULE"), ..Argument::new("module-name", ArgumentKind::Text) },
                        Argument { token: Some("ACLCAT"), ..Argument::new("category", ArgumentKind::Text) },
                        Argument { token: Some("PATTERN"), ..Argument::new("pattern", ArgumentKind::Pattern) },
                    ],
                    ..Argument::new("filterby", ArgumentKind::OneOf)
                }],
                ..CommandDoc::EMPTY
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "config",
        arity: -2,
        acl: AclCategories(category::SLOW),
        summary: "Container of configuration commands",
        since: "2.0.0",
        group: "server",
        complexity: "Depends on what is called",
        subcommands: &[
            CommandDoc {
                name: "config|get",
                arity: -3,
                flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                summary: "Values of options",
                since: "2.0.0",
                group: "server",
                complexity: "O(N)",
                history: &[("7.0.0", "Several patterns at once")],
                arguments: &[Argument {
                    flags: arg::MULTIPLE,
                    arguments: &[Argument::new("parameter", ArgumentKind::Text)],
                    ..Argument::new("parameter", ArgumentKind::Block)
                }],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "config|help",
                arity: 2,
                flags: Flags(flag::LOADING | flag::STALE),
                acl: AclCategories(category::SLOW),
                summary: "Describes the subcommands",
                since: "5.0.0",
                group: "server",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "config|resetstat",
                arity: 2,
                flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                summary: "Sets the statistics of INFO back to zero",
                since: "2.0.0",
                group: "server",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "config|rewrite",
                arity: 2,
                flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                summary: "Writes the options in force to the configuration file",
                since: "2.8.0",
                group: "server",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "config|set",
                arity: -4,
                flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
                secrets: Secrets::OfOptions,
                summary: "Changes options of the running server",
                since: "2.0.0",
                group: "server",
                complexity: "O(N)",
                history: &[("7.0.0", "Several options at once")],
                arguments: &[Argument {
                    flags: arg::MULTIPLE,
                    arguments: &[
                        Argument::new("parameter", ArgumentKind::Text),
                        Argument::new("value", ArgumentKind::Text),
                    ],
                    ..Argument::new("parameter_value", ArgumentKind::Block)
                }],
                ..CommandDoc::EMPTY
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "latency",
        arity: -2,
        acl: AclCategories(category::SLOW),
        summary: "Container of commands about latency",
        since: "2.8.13",
        group: "server",
        complexity: "Depends on what is called",
        subcommands: &[
            CommandDoc {
                name: "latency|doctor",
                arity: 2,
                flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                tips: &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
                summary: "Explains latency problems in prose",
                since: "2.8.13",
                group: "server",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "latency|graph",
                arity: 3,
                flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                tips: &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
                summary: "Draws the latency of an event",
                since: "2.8.13",
                group: "server",
                complexity: "O(1)",
                arguments: &[Argument::new("event", ArgumentKind::Text)],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "latency|help",
                arity: 2,
                flags: Flags(flag::LOADING | flag::STALE),
                acl: AclCategories(category::SLOW),
                summary: "Describes the subcommands",
                since: "2.8.13",
                group: "server",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "latency|histogram",
                arity: -2,
                flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                tips: &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
                summary: "Distribution of the running times of commands",
                since: "7.0.0",
                group: "server",
                complexity: "O(N)",
                arguments: &[Argument {
                    flags: arg::OPTIONAL | arg::MULTIPLE,
                    ..Argument::new("command", ArgumentKind::Text)
                }],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "latency|history",
                arity: 3,
                flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                tips: &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
                summary: "Latency samples of an event",
                since: "2.8.13",
                group: "server",
                complexity: "O(1)",
                arguments: &[Argument::new("event", ArgumentKind::Text)],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "latency|latest",
                arity: 2,
                flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                tips: &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
                summary: "The latest sample of each event",
                since: "2.8.13",
                group: "server",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "latency|reset",
                arity: -2,
                flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
                summary: "Forgets the samples of events",
                since: "2.8.13",
                group: "server",
                complexity: "O(1)",
                arguments: &[Argument {
                    flags: arg::OPTIONAL | arg::MULTIPLE,
                    ..Argument::new("event", ArgumentKind::Text)
                }],
                ..CommandDoc::EMPTY
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "memory",
        arity: -2,
        acl: AclCategories(category::SLOW),
        summary: "Container of commands about memory",
        since: "4.0.0",
        group: "server",
        complexity: "Depends on what is called",
        subcommands: &[
            CommandDoc {
                name: "memory|doctor",
                arity: 2,
                acl: AclCategories(category::SLOW),
                tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
                summary: "Explains memory problems in prose",
                since: "4.0.0",
                group: "server",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "memory|help",
                arity: 2,
                flags: Flags(flag::LOADING | flag::STALE),
                acl: AclCategories(category::SLOW),
                summary: "Describes the subcommands",
                since: "4.0.0",
                group: "server",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "memory|malloc-stats",
                arity: 2,
                acl: AclCategories(category::SLOW),
                tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
                summary: "The allocator's own report",
                since: "4.0.0",
                group: "server",
                complexity: "Depends on what is called",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "memory|purge",
                arity: 2,
                acl: AclCategories(category::SLOW),
                tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
                summary: "Asks the allocator to give memory back",
                since: "4.0.0",
                group: "server",
                complexity: "Depends on what is called",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "memory|stats",
                arity: 2,
                acl: AclCategories(category::SLOW),
                tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
                summary: "How memory is used",
                since: "4.0.0",
                group: "server",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "memory|usage",
                arity: -3,
                flags: Flags(flag::READONLY),
                acl: AclCategories(category::READ | category::SLOW),
                key_specs: &[KeySpec {
                    notes: "",
                    flags: KeyFlags(key::RO),
                    begin: Begin::Index(2),
                    find: Find::Range(0, 1, 0),
                }],
                legacy_keys: (2, 2, 1),
                summary: "Bytes that a key takes",
                since: "4.0.0",
                group: "server",
                complexity: "O(N)",
                arguments: &[
                    Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
                    Argument {
                        token: Some("SAMPLES"),
                        flags: arg::OPTIONAL,
                        ..Argument::new("count", ArgumentKind::Integer)
                    },
                ],
                ..CommandDoc::EMPTY
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "module",
        arity: -2,
        acl: AclCategories(category::SLOW),
        summary: "Container of module commands",
        since: "4.0.0",
        group: "server",
        complexity: "Depends on what is called",
        subcommands: &[
            CommandDoc {
                name: "module|help",
                arity: 2,
                flags: Flags(flag::LOADING | flag::STALE),
                acl: AclCategories(category::SLOW),
                summary: "Describes the subcommands",
                since: "5.0.0",
                group: "server",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "module|list",
                arity: 2,
                flags: Flags(flag::ADMIN | flag::NOSCRIPT),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                tips: &["nondeterministic_output_order"],
                summary: "Modules loaded",
                since: "4.0.0",
                group: "server",
                complexity: "O(N)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "module|load",
                arity: -3,
                flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::NO_ASYNC_LOADING),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                internal: internal::PROTECTED,
                summary: "Loads a module",
                since: "4.0.0",
                group: "server",
                complexity: "O(1)",
                arguments: &[
                    Argument::new("path", ArgumentKind::Text),
                    Argument { flags: arg::OPTIONAL | arg::MULTIPLE, ..Argument::new("arg", ArgumentKind::Text) },
                ],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "module|loadex",
                arity: -3,
                flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::NO_ASYNC_LOADING),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                internal: internal::PROTECTED,
                summary: "Loads a module with options of its own",
                since: "7.0.0",
                group: "server",
                complexity: "O(1)",
                arguments: &[
                    Argument::new("path", ArgumentKind::Text),
                    Argument {
                        token: Some("CONFIG"),
                        flags: arg::OPTIONAL | arg::MULTIPLE | arg::MULTIPLE_TOKEN,
                        arguments: &[
                            Argument::new("name", ArgumentKind::Text),
                            Argument::new("value", ArgumentKind::Text),
                        ],
                        ..Argument::new("configs", ArgumentKind::Block)
                    },
                    Argument {
                        token: Some("ARGS"),
                        flags: arg::OPTIONAL | arg::MULTIPLE,
                        arguments: &[Argument::new("arg", ArgumentKind::Text)],
                        ..Argument::new("args", ArgumentKind::Block)
                    },
                ],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "module|unload",
                arity: 3,
                flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::NO_ASYNC_LOADING),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                internal: internal::PROTECTED,
                summary: "Unloads a module",
                since: "4.0.0",
                group: "server",
                complexity: "O(1)",
                arguments: &[Argument::new("name", ArgumentKind::Text)],
                ..CommandDoc::EMPTY
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "slowlog",
        arity: -2,
        acl: AclCategories(category::SLOW),
        summary: "Container of commands about slow commands",
        since: "2.2.12",
        group: "server",
        complexity: "Depends on what is called",
        subcommands: &[
            CommandDoc {
                name: "slowlog|get",
                arity: -2,
                flags: Flags(flag::ADMIN | flag::LOADING | flag::STALE),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                tips: &["request_policy:all_nodes", "nondeterministic_output"],
                summary: "The last slow commands",
                since: "2.2.12",
                group: "server",
                complexity: "O(N)",
                history: &[("4.0.0", "The client's address and name in the reply")],
                arguments: &[Argument { flags: arg::OPTIONAL, ..Argument::new("count", ArgumentKind::Integer) }],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "slowlog|help",
                arity: 2,
                flags: Flags(flag::LOADING | flag::STALE),
                acl: AclCategories(category::SLOW),
                summary: "Describes the subcommands",
                since: "6.2.0",
                group: "server",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "slowlog|len",
                arity: 2,
                flags: Flags(flag::ADMIN | flag::LOADING | flag::STALE),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                tips: &["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"],
                summary: "Counts the entries of the slow log",
                since: "2.2.12",
                group: "server",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "slowlog|reset",
                arity: 2,
                flags: Flags(flag::ADMIN | flag::LOADING | flag::STALE),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
                summary: "Empties the slow log",
                since: "2.2.12",
                group: "server",
                complexity: "O(N)",
                ..CommandDoc::EMPTY
            },
        ],
        ..CommandDoc::EMPTY
    },
];
