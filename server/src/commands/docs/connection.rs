//! What COMMAND tells about the connection commands. Facts are those of Redis 7.0.15; the prose is ours.

use crate::dispatch::doc::{
    AclCategories, Argument, ArgumentKind, CommandDoc, Flags, Secrets, arg, category, flag, internal,
};

/// By name.
pub static DOCS: &[CommandDoc] = &[
    CommandDoc {
        name: "auth",
        arity: -2,
        flags: Flags(flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::FAST | flag::NO_AUTH | flag::ALLOW_BUSY),
        acl: AclCategories(category::FAST | category::CONNECTION),
        internal: internal::SENTINEL,
        secrets: Secrets::From(1),
        summary: "Proves who the client is",
        since: "1.0.0",
        group: "connection",
        complexity: "O(N)",
        history: &[("6.0.0", "A user name before the password")],
        arguments: &[
            Argument { since: "6.0.0", flags: arg::OPTIONAL, ..Argument::new("username", ArgumentKind::Text) },
            Argument::new("password", ArgumentKind::Text),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "client",
        arity: -2,
        acl: AclCategories(category::SLOW),
        internal: internal::SENTINEL,
        summary: "Container of commands about connections",
        since: "2.4.0",
        group: "connection",
        complexity: "Depends on what is called",
        subcommands: &[
            CommandDoc {
                name: "client|caching",
                arity: 3,
                flags: Flags(flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::SLOW | category::CONNECTION),
                internal: internal::SENTINEL,
                summary: "Whether to track the keys of the next command",
                since: "6.0.0",
                group: "connection",
                complexity: "O(1)",
                arguments: &[Argument {
                    arguments: &[
                        Argument { token: Some("YES"), ..Argument::new("yes", ArgumentKind::PureToken) },
                        Argument { token: Some("NO"), ..Argument::new("no", ArgumentKind::PureToken) },
                    ],
                    ..Argument::new("mode", ArgumentKind::OneOf)
                }],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "client|getname",
                arity: 2,
                flags: Flags(flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::SLOW | category::CONNECTION),
                internal: internal::SENTINEL,
                summary: "The connection's name",
                since: "2.6.9",
                group: "connection",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "client|getredir",
                arity: 2,
                flags: Flags(flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::SLOW | category::CONNECTION),
                internal: internal::SENTINEL,
                summary: "Where tracking messages of the connection go",
                since: "6.0.0",
                group: "connection",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "client|help",
                arity: 2,
                flags: Flags(flag::LOADING | flag::STALE),
                acl: AclCategories(category::SLOW | category::CONNECTION),
                internal: internal::SENTINEL,
                summary: "Describes the subcommands",
                since: "5.0.0",
                group: "connection",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "client|id",
                arity: 2,
                flags: Flags(flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::SLOW | category::CONNECTION),
                internal: internal::SENTINEL,
                summary: "The connection's number",
                since: "5.0.0",
                group: "connection",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "client|info",
                arity: 2,
                flags: Flags(flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::SLOW | category::CONNECTION),
                internal: internal::SENTINEL,
                tips: &["nondeterministic_output"],
                summary: "What is known about the connection",
                since: "6.2.0",
                group: "connection",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "client|kill",
                arity: -3,
                flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS | category::CONNECTION),
                internal: internal::SENTINEL,
                summary: "Closes connections",
                since: "2.4.0",
                group: "connection",
                complexity: "O(N)",
                history: &[
                    ("2.8.12", "With filter format"),
                    ("2.8.12", "`ID` option"),
                    ("3.2.0", "With `master` type in for `TYPE` option"),
                    ("5.0.0", "`TYPE replica`, of which `slave` is the old name"),
                    ("6.2.0", "`LADDR` option"),
                ],
                arguments: &[Argument {
                    arguments: &[
                        Argument { deprecated_since: "2.8.12", ..Argument::new("ip:port", ArgumentKind::Text) },
                        Argument {
                            flags: arg::MULTIPLE,
                            arguments: &[
                                Argument {
                                    token: Some("ID"),
                                    since: "2.8.12",
                                    flags: arg::OPTIONAL,
                                    ..Argument::new("client-id", ArgumentKind::Integer)
                                },
                                Argument {
                                    token: Some("TYPE"),
                                    since: "2.8.12",
                                    flags: arg::OPTIONAL,
                                    arguments: &[
                                        Argument {
                                            token: Some("NORMAL"),
                                            ..Argument::new("normal", ArgumentKind::PureToken)
                                        },
                                        Argument {
                                            token: Some("MASTER"),
                                            since: "3.2.0",
                                            ..Argument::new("master", ArgumentKind::PureToken)
                                        },
                                        Argument {
                                            token: Some("SLAVE"),
                                            ..Argument::new("slave", ArgumentKind::PureToken)
                                        },
                                        Argument {
                                            token: Some("REPLICA"),
                                            since: "5.0.0",
                                            ..Argument::new("replica", ArgumentKind::PureToken)
                                        },
                                        Argument {
                                            token: Some("PUBSUB"),
                                            ..Argument::new("pubsub", ArgumentKind::PureToken)
                                        },
                                    ],
                                    ..Argument::new("normal_master_slave_pubsub", ArgumentKind::OneOf)
                                },
                                Argument {
                                    token: Some("USER"),
                                    flags: arg::OPTIONAL,
                                    ..Argument::new("username", ArgumentKind::Text)
                                },
                                Argument {
                                    token: Some("ADDR"),
                                    flags: arg::OPTIONAL,
                                    ..Argument::new("ip:port", ArgumentKind::Text)
                                },
                                Argument {
                                    token: Some("LADDR"),
                                    since: "6.2.0",
                                    flags: arg::OPTIONAL,
                                    ..Argument::new("ip:port", ArgumentKind::Text)
                                },
                                Argument {
                                    token: Some("SKIPME"),
                                    flags: arg::OPTIONAL,
                                    ..Argument::new("yes/no", ArgumentKind::Text)
                                },
                            ],
                            ..Argument::new("new-format", ArgumentKind::OneOf)
                        },
                    ],
                    ..Argument::new("filter", ArgumentKind::OneOf)
                }],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "client|list",
                arity: -2,
                flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS | category::CONNECTION),
                internal: internal::SENTINEL,
                tips: &["nondeterministic_output"],
                summary: "What is known about all connections",
                since: "2.4.0",
                group: "connection",
                complexity: "O(N)",
                history: &[
                    ("2.8.12", "With client `id` field"),
                    ("5.0.0", "The filter `TYPE`"),
                    ("6.0.0", "With `user` field"),
                    ("6.2.0", "With `argv-mem`, `tot-mem`, `laddr` and `redir` fields and the optional `ID` filter"),
                    ("7.0.0", "With `resp`, `multi-mem`, `rbs` and `rbp` fields"),
                    ("7.0.3", "With `ssub` field"),
                ],
                arguments: &[
                    Argument {
                        token: Some("TYPE"),
                        since: "5.0.0",
                        flags: arg::OPTIONAL,
                        arguments: &[
                            Argument { token: Some("NORMAL"), ..Argument::new("normal", ArgumentKind::PureToken) },
                            Argument { token: Some("MASTER"), ..Argument::new("master", ArgumentKind::PureToken) },
                            Argument { token: Some("REPLICA"), ..Argument::new("replica", ArgumentKind::PureToken) },
                            Argument { token: Some("PUBSUB"), ..Argument::new("pubsub", ArgumentKind::PureToken) },
                        ],
                        ..Argument::new("normal_master_replica_pubsub", ArgumentKind::OneOf)
                    },
                    Argument {
                        token: Some("ID"),
                        since: "6.2.0",
                        flags: arg::OPTIONAL,
                        arguments: &[Argument {
                            flags: arg::MULTIPLE,
                            ..Argument::new("client-id", ArgumentKind::Integer)
                        }],
                        ..Argument::new("id", ArgumentKind::Block)
                    },
                ],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "client|no-evict",
                arity: 3,
                flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS | category::CONNECTION),
                internal: internal::SENTINEL,
                summary: "Whether the connection may be closed to save memory",
                since: "7.0.0",
                group: "connection",
                complexity: "O(1)",
                arguments: &[Argument {
                    arguments: &[
                        Argument { token: Some("ON"), ..Argument::new("on", ArgumentKind::PureToken) },
                        Argument { token: Some("OFF"), ..Argument::new("off", ArgumentKind::PureToken) },
                    ],
                    ..Argument::new("enabled", ArgumentKind::OneOf)
                }],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "client|pause",
                arity: -3,
                flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS | category::CONNECTION),
                internal: internal::SENTINEL,
                summary: "Holds back the commands of all clients for a while",
                since: "2.9.50",
                group: "connection",
                complexity: "O(1)",
                history: &[("6.2.0", "A `mode`: `WRITE` or `ALL`")],
                arguments: &[
                    Argument::new("timeout", ArgumentKind::Integer),
                    Argument {
                        since: "6.2.0",
                        flags: arg::OPTIONAL,
                        arguments: &[
                            Argument { token: Some("WRITE"), ..Argument::new("write", ArgumentKind::PureToken) },
                            Argument { token: Some("ALL"), ..Argument::new("all", ArgumentKind::PureToken) },
                        ],
                        ..Argument::new("mode", ArgumentKind::OneOf)
                    },
                ],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "client|reply",
                arity: 3,
                flags: Flags(flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::SLOW | category::CONNECTION),
                internal: internal::SENTINEL,
                summary: "Whether the server answers",
                since: "3.2.0",
                group: "connection",
                complexity: "O(1)",
                arguments: &[Argument {
                    arguments: &[
                        Argument { token: Some("ON"), ..Argument::new("on", ArgumentKind::PureToken) },
                        Argument { token: Some("OFF"), ..Argument::new("off", ArgumentKind::PureToken) },
                        Argument { token: Some("SKIP"), ..Argument::new("skip", ArgumentKind::PureToken) },
                    ],
                    ..Argument::new("on_off_skip", ArgumentKind::OneOf)
                }],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "client|setname",
                arity: 3,
                flags: Flags(flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::SLOW | category::CONNECTION),
                internal: internal::SENTINEL,
                summary: "Names the connection",
                since: "2.6.9",
                group: "connection",
                complexity: "O(1)",
                arguments: &[Argument::new("connection-name", ArgumentKind::Text)],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "client|tracking",
                arity: -3,
                flags: Flags(flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::SLOW | category::CONNECTION),
                internal: internal::SENTINEL,
                summary: "Whether the server reports changes of keys that the client has read",
                since: "6.0.0",
                group: "connection",
                complexity: "O(1)",
                arguments: &[
                    Argument {
                        arguments: &[
                            Argument { token: Some("ON"), ..Argument::new("on", ArgumentKind::PureToken) },
                            Argument { token: Some("OFF"), ..Argument::new("off", ArgumentKind::PureToken) },
                        ],
                        ..Argument::new("status", ArgumentKind::OneOf)
                    },
                    Argument {
                        token: Some("REDIRECT"),
                        flags: arg::OPTIONAL,
                        ..Argument::new("client-id", ArgumentKind::Integer)
                    },
                    Argument {
                        token: Some("PREFIX"),
                        flags: arg::OPTIONAL | arg::MULTIPLE | arg::MULTIPLE_TOKEN,
                        ..Argument::new("prefix", ArgumentKind::Text)
                    },
                    Argument {
                        token: Some("BCAST"),
                        flags: arg::OPTIONAL,
                        ..Argument::new("bcast", ArgumentKind::PureToken)
                    },
                    Argument {
                        token: Some("OPTIN"),
                        flags: arg::OPTIONAL,
                        ..Argument::new("optin", ArgumentKind::PureToken)
                    },
                    Argument {
                        token: Some("OPTOUT"),
                        flags: arg::OPTIONAL,
                        ..Argument::new("optout", ArgumentKind::PureToken)
                    },
                    Argument {
                        token: Some("NOLOOP"),
                        flags: arg::OPTIONAL,
                        ..Argument::new("noloop", ArgumentKind::PureToken)
                    },
                ],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "client|trackinginfo",
                arity: 2,
                flags: Flags(flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::SLOW | category::CONNECTION),
                internal: internal::SENTINEL,
                summary: "How tracking is set for the connection",
                since: "6.2.0",
                group: "connection",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "client|unblock",
                arity: -3,
                flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS | category::CONNECTION),
                internal: internal::SENTINEL,
                summary: "Wakes a client that waits in a blocking command",
                since: "5.0.0",
                group: "connection",
                complexity: "O(log N)",
                arguments: &[
                    Argument::new("client-id", ArgumentKind::Integer),
                    Argument {
                        flags: arg::OPTIONAL,
                        arguments: &[
                            Argument { token: Some("TIMEOUT"), ..Argument::new("timeout", ArgumentKind::PureToken) },
                            Argument { token: Some("ERROR"), ..Argument::new("error", ArgumentKind::PureToken) },
                        ],
                        ..Argument::new("timeout_error", ArgumentKind::OneOf)
                    },
                ],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "client|unpause",
                arity: 2,
                flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS | category::CONNECTION),
                internal: internal::SENTINEL,
                summary: "Ends CLIENT PAUSE",
                since: "6.2.0",
                group: "connection",
                complexity: "O(N)",
                ..CommandDoc::EMPTY
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "echo",
        arity: 2,
        flags: Flags(flag::LOADING | flag::STALE | flag::FAST),
        acl: AclCategories(category::FAST | category::CONNECTION),
        summary: "Returns its argument",
        since: "1.0.0",
        group: "connection",
        complexity: "O(1)",
        arguments: &[Argument::new("message", ArgumentKind::Text)],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "hello",
        arity: -1,
        flags: Flags(flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::FAST | flag::NO_AUTH | flag::ALLOW_BUSY),
        acl: AclCategories(category::FAST | category::CONNECTION),
        internal: internal::SENTINEL,
        secrets: Secrets::Behind { from: 1, words: &[("auth", 2)], until: None },
        summary: "Chooses the protocol, and introduces the client",
        since: "6.0.0",
        group: "connection",
        complexity: "O(1)",
        history: &[("6.2.0", "`protover` may be left out, to see how the connection is set")],
        arguments: &[Argument {
            flags: arg::OPTIONAL,
            arguments: &[
                Argument::new("protover", ArgumentKind::Integer),
                Argument {
                    token: Some("AUTH"),
                    flags: arg::OPTIONAL,
                    arguments: &[
                        Argument::new("username", ArgumentKind::Text),
                        Argument::new("password", ArgumentKind::Text),
                    ],
                    ..Argument::new("username_password", ArgumentKind::Block)
                },
                Argument {
                    token: Some("SETNAME"),
                    flags: arg::OPTIONAL,
                    ..Argument::new("clientname", ArgumentKind::Text)
                },
            ],
            ..Argument::new("arguments", ArgumentKind::Block)
        }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "ping",
        arity: -1,
        flags: Flags(flag::FAST),
        acl: AclCategories(category::FAST | category::CONNECTION),
        internal: internal::SENTINEL,
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        summary: "Answers, to show that the server does",
        since: "1.0.0",
        group: "connection",
        complexity: "O(1)",
        arguments: &[Argument { flags: arg::OPTIONAL, ..Argument::new("message", ArgumentKind::Text) }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "quit",
        arity: -1,
        flags: Flags(flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::FAST | flag::NO_AUTH | flag::ALLOW_BUSY),
        acl: AclCategories(category::FAST | category::CONNECTION),
        summary: "Closes the connection",
        since: "1.0.0",
        group: "connection",
        complexity: "O(1)",
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "reset",
        arity: 1,
        flags: Flags(flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::FAST | flag::NO_AUTH | flag::ALLOW_BUSY),
        acl: AclCategories(category::FAST | category::CONNECTION),
        summary: "Puts the connection back to how it began",
        since: "6.2.0",
        group: "connection",
        complexity: "O(1)",
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "select",
        arity: 2,
        flags: Flags(flag::LOADING | flag::STALE | flag::FAST),
        acl: AclCategories(category::FAST | category::CONNECTION),
        summary: "Chooses the database",
        since: "1.0.0",
        group: "connection",
        complexity: "O(1)",
        arguments: &[Argument::new("index", ArgumentKind::Integer)],
        ..CommandDoc::EMPTY
    },
];
