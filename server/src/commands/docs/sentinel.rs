//! What COMMAND tells about the sentinel commands. Facts are those of Redis 7.0.15; the prose is ours.

use crate::dispatch::doc::{
    AclCategories, Argument, ArgumentKind, CommandDoc, Flags, Secrets, arg, category, doc_flag, flag, internal,
};

/// By name.
pub static DOCS: &[CommandDoc] = &[CommandDoc {
    name: "sentinel",
    arity: -2,
    flags: Flags(flag::ADMIN),
    acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
    internal: internal::SENTINEL | internal::ONLY_SENTINEL,
    summary: "Container of Sentinel's commands",
    since: "2.8.4",
    group: "sentinel",
    complexity: "Depends on what is called",
    subcommands: &[
        CommandDoc {
            name: "sentinel|ckquorum",
            arity: 3,
            flags: Flags(flag::ADMIN),
            acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
            internal: internal::SENTINEL | internal::ONLY_SENTINEL,
            summary: "Tells whether enough Sentinels are reachable to fail over",
            since: "2.8.4",
            group: "sentinel",
            arguments: &[Argument::new("master-name", ArgumentKind::Text)],
            ..CommandDoc::EMPTY
        },
        CommandDoc {
            name: "sentinel|config",
            arity: -3,
            flags: Flags(flag::ADMIN),
            acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
            internal: internal::SENTINEL | internal::ONLY_SENTINEL,
            secrets: Secrets::Behind { from: 3, words: &[("sentinel-pass", 1), ("sentinel-user", 1)], until: None },
            summary: "Reads and changes settings of all of Sentinel",
            since: "6.2.0",
            group: "sentinel",
            complexity: "O(1)",
            arguments: &[Argument {
                arguments: &[
                    Argument {
                        token: Some("SET"),
                        flags: arg::MULTIPLE,
                        arguments: &[
                            Argument::new("parameter", ArgumentKind::Text),
                            Argument::new("value", ArgumentKind::Text),
                        ],
                        ..Argument::new("set_param_value", ArgumentKind::Block)
                    },
                    Argument {
                        token: Some("GET"),
                        flags: arg::MULTIPLE,
                        ..Argument::new("parameter", ArgumentKind::Text)
                    },
                ],
                ..Argument::new("set_or_get", ArgumentKind::OneOf)
            }],
            ..CommandDoc::EMPTY
        },
        CommandDoc {
            name: "sentinel|debug",
            arity: -2,
            flags: Flags(flag::ADMIN),
            acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
            internal: internal::SENTINEL | internal::ONLY_SENTINEL,
            summary: "Reads and changes time constants",
            since: "7.0.0",
            group: "sentinel",
            complexity: "O(N)",
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
        CommandDoc {
            name: "sentinel|failover",
            arity: 3,
            flags: Flags(flag::ADMIN),
            acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
            internal: internal::SENTINEL | internal::ONLY_SENTINEL,
            summary: "Starts a failover without asking others",
            since: "2.8.4",
            group: "sentinel",
            arguments: &[Argument::new("master-name", ArgumentKind::Text)],
            ..CommandDoc::EMPTY
        },
        CommandDoc {
            name: "sentinel|flushconfig",
            arity: 2,
            flags: Flags(flag::ADMIN),
            acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
            internal: internal::SENTINEL | internal::ONLY_SENTINEL,
            summary: "Writes the configuration file",
            since: "2.8.4",
            group: "sentinel",
            complexity: "O(1)",
            ..CommandDoc::EMPTY
        },
        CommandDoc {
            name: "sentinel|get-master-addr-by-name",
            arity: 3,
            flags: Flags(flag::ADMIN),
            acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
            internal: internal::SENTINEL | internal::ONLY_SENTINEL,
            summary: "Address of a master",
            since: "2.8.4",
            group: "sentinel",
            complexity: "O(1)",
            arguments: &[Argument::new("master-name", ArgumentKind::Text)],
            ..CommandDoc::EMPTY
        },
        CommandDoc {
            name: "sentinel|help",
            arity: 2,
            flags: Flags(flag::LOADING | flag::STALE),
            acl: AclCategories(category::SLOW),
            internal: internal::SENTINEL | internal::ONLY_SENTINEL,
            summary: "Describes the subcommands",
            since: "6.2.0",
            group: "sentinel",
            complexity: "O(1)",
            ..CommandDoc::EMPTY
        },
        CommandDoc {
            name: "sentinel|info-cache",
            arity: -3,
            flags: Flags(flag::ADMIN),
            acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
            internal: internal::SENTINEL | internal::ONLY_SENTINEL,
            summary: "The last INFO of the servers watched",
            since: "3.2.0",
            group: "sentinel",
            complexity: "O(N)",
            arguments: &[Argument { flags: arg::MULTIPLE, ..Argument::new("nodename", ArgumentKind::Text) }],
            ..CommandDoc::EMPTY
        },
        CommandDoc {
            name: "sentinel|is-master-down-by-addr",
            arity: 6,
            flags: Flags(flag::ADMIN),
            acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
            internal: internal::SENTINEL | internal::ONLY_SENTINEL,
            summary: "Asks for an opinion of a master, and for a vote",
            since: "2.8.4",
            group: "sentinel",
            complexity: "O(1)",
            arguments: &[
                Argument::new("ip", ArgumentKind::Text),
                Argument::new("port", ArgumentKind::Integer),
                Argument::new("current-epoch", ArgumentKind::Integer),
                Argument::new("runid", ArgumentKind::Text),
            ],
            ..CommandDoc::EMPTY
        },
        CommandDoc {
            name: "sentinel|master",
            arity: 3,
            flags: Flags(flag::ADMIN),
            acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
            internal: internal::SENTINEL | internal::ONLY_SENTINEL,
            summary: "State of a master",
            since: "2.8.4",
            group: "sentinel",
            complexity: "O(1)",
            arguments: &[Argument::new("master-name", ArgumentKind::Text)],
            ..CommandDoc::EMPTY
        },
        CommandDoc {
            name: "sentinel|masters",
            arity: 2,
            flags: Flags(flag::ADMIN),
            acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
            internal: internal::SENTINEL | internal::ONLY_SENTINEL,
            summary: "All masters watched",
            since: "2.8.4",
            group: "sentinel",
            complexity: "O(N)",
            ..CommandDoc::EMPTY
        },
        CommandDoc {
            name: "sentinel|monitor",
            arity: 6,
            flags: Flags(flag::ADMIN),
            acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
            internal: internal::SENTINEL | internal::ONLY_SENTINEL,
            summary: "Starts to watch a master",
            since: "2.8.4",
            group: "sentinel",
            complexity: "O(1)",
            arguments: &[
                Argument::new("name", ArgumentKind::Text),
                Argument::new("ip", ArgumentKind::Text),
                Argument::new("port", ArgumentKind::Integer),
                Argument::new("quorum", ArgumentKind::Integer),
            ],
            ..CommandDoc::EMPTY
        },
        CommandDoc {
            name: "sentinel|myid",
            arity: 2,
            flags: Flags(flag::ADMIN),
            acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
            internal: internal::SENTINEL | internal::ONLY_SENTINEL,
            summary: "Id of this Sentinel",
            since: "6.2.0",
            group: "sentinel",
            complexity: "O(1)",
            ..CommandDoc::EMPTY
        },
        CommandDoc {
            name: "sentinel|pending-scripts",
            arity: 2,
            flags: Flags(flag::ADMIN),
            acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
            internal: internal::SENTINEL | internal::ONLY_SENTINEL,
            summary: "Scripts that wait or run",
            since: "2.8.4",
            group: "sentinel",
            ..CommandDoc::EMPTY
        },
        CommandDoc {
            name: "sentinel|remove",
            arity: 3,
            flags: Flags(flag::ADMIN),
            acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
            internal: internal::SENTINEL | internal::ONLY_SENTINEL,
            summary: "Stops watching a master",
            since: "2.8.4",
            group: "sentinel",
            complexity: "O(1)",
            arguments: &[Argument::new("master-name", ArgumentKind::Text)],
            ..CommandDoc::EMPTY
        },
        CommandDoc {
            name: "sentinel|replicas",
            arity: 3,
            flags: Flags(flag::ADMIN),
            acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
            internal: internal::SENTINEL | internal::ONLY_SENTINEL,
            summary: "The replicas of a master",
            since: "5.0.0",
            group: "sentinel",
            complexity: "O(N)",
            arguments: &[Argument::new("master-name", ArgumentKind::Text)],
            ..CommandDoc::EMPTY
        },
        CommandDoc {
            name: "sentinel|reset",
            arity: 3,
            flags: Flags(flag::ADMIN),
            acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
            internal: internal::SENTINEL | internal::ONLY_SENTINEL,
            summary: "Forgets what was learnt of masters that match a pattern",
            since: "2.8.4",
            group: "sentinel",
            complexity: "O(N)",
            arguments: &[Argument::new("pattern", ArgumentKind::Pattern)],
            ..CommandDoc::EMPTY
        },
        CommandDoc {
            name: "sentinel|sentinels",
            arity: 3,
            flags: Flags(flag::ADMIN),
            acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
            internal: internal::SENTINEL | internal::ONLY_SENTINEL,
            summary: "The other Sentinels of a master",
            since: "2.8.4",
            group: "sentinel",
            complexity: "O(N)",
            arguments: &[Argument::new("master-name", ArgumentKind::Text)],
            ..CommandDoc::EMPTY
        },
        CommandDoc {
            name: "sentinel|set",
            arity: -5,
            flags: Flags(flag::ADMIN),
            acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
            internal: internal::SENTINEL | internal::ONLY_SENTINEL,
            secrets: Secrets::Behind { from: 3, words: &[("auth-pass", 1), ("auth-user", 1)], until: None },
            summary: "Changes settings of a master",
            since: "2.8.4",
            group: "sentinel",
            complexity: "O(1)",
            arguments: &[
                Argument::new("master-name", ArgumentKind::Text),
                Argument {
                    flags: arg::MULTIPLE,
                    arguments: &[
                        Argument::new("option", ArgumentKind::Text),
                        Argument::new("value", ArgumentKind::Text),
                    ],
                    ..Argument::new("option_value", ArgumentKind::Block)
                },
            ],
            ..CommandDoc::EMPTY
        },
        CommandDoc {
            name: "sentinel|simulate-failure",
            arity: -3,
            flags: Flags(flag::ADMIN),
            acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
            internal: internal::SENTINEL | internal::ONLY_SENTINEL,
            summary: "Makes Sentinel crash at a chosen moment",
            since: "3.2.0",
            group: "sentinel",
            arguments: &[Argument {
                flags: arg::OPTIONAL | arg::MULTIPLE,
                arguments: &[
                    Argument::new("crash-after-election", ArgumentKind::PureToken),
                    Argument::new("crash-after-promotion", ArgumentKind::PureToken),
                    Argument::new("help", ArgumentKind::PureToken),
                ],
                ..Argument::new("mode", ArgumentKind::OneOf)
            }],
            ..CommandDoc::EMPTY
        },
        CommandDoc {
            name: "sentinel|slaves",
            arity: 3,
            flags: Flags(flag::ADMIN),
            acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
            internal: internal::SENTINEL | internal::ONLY_SENTINEL,
            summary: "The replicas of a master",
            since: "2.8.0",
            group: "sentinel",
            complexity: "O(N)",
            doc_flags: doc_flag::DEPRECATED,
            deprecated_since: "5.0.0",
            replaced_by: "`SENTINEL REPLICAS`",
            arguments: &[Argument::new("master-name", ArgumentKind::Text)],
            ..CommandDoc::EMPTY
        },
    ],
    ..CommandDoc::EMPTY
}];
