//! What COMMAND tells about the cluster commands. Facts are those of Redis 7.0.15; the prose is ours.

use crate::dispatch::doc::{
    AclCategories, Argument, ArgumentKind, CommandDoc, Flags, arg, category, doc_flag, flag, internal,
};

/// By name.
pub static DOCS: &[CommandDoc] = &[
    CommandDoc {
        name: "asking",
        arity: 1,
        flags: Flags(flag::FAST),
        acl: AclCategories(category::FAST | category::CONNECTION),
        summary: "Announces a command that follows an ASK redirection",
        since: "3.0.0",
        group: "cluster",
        complexity: "O(1)",
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "cluster",
        arity: -2,
        acl: AclCategories(category::SLOW),
        summary: "Container of cluster commands",
        since: "3.0.0",
        group: "cluster",
        complexity: "Depends on what is called",
        subcommands: &[
            CommandDoc {
                name: "cluster|addslots",
                arity: -3,
                flags: Flags(flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                summary: "Assigns slots to this node",
                since: "3.0.0",
                group: "cluster",
                complexity: "O(N)",
                arguments: &[Argument { flags: arg::MULTIPLE, ..Argument::new("slot", ArgumentKind::Integer) }],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "cluster|addslotsrange",
                arity: -4,
                flags: Flags(flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                summary: "Assigns ranges of slots to this node",
                since: "7.0.0",
                group: "cluster",
                complexity: "O(N)",
                arguments: &[Argument {
                    flags: arg::MULTIPLE,
                    arguments: &[
                        Argument::new("start-slot", ArgumentKind::Integer),
                        Argument::new("end-slot", ArgumentKind::Integer),
                    ],
                    ..Argument::new("start-slot_end-slot", ArgumentKind::Block)
                }],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "cluster|bumpepoch",
                arity: 2,
                flags: Flags(flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                tips: &["nondeterministic_output"],
                summary: "Gives this node the highest configuration epoch",
                since: "3.0.0",
                group: "cluster",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "cluster|count-failure-reports",
                arity: 3,
                flags: Flags(flag::ADMIN | flag::STALE),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                tips: &["nondeterministic_output"],
                summary: "Counts the nodes that report a node as failing",
                since: "3.0.0",
                group: "cluster",
                complexity: "O(N)",
                arguments: &[Argument::new("node-id", ArgumentKind::Text)],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "cluster|countkeysinslot",
                arity: 3,
                flags: Flags(flag::STALE),
                acl: AclCategories(category::SLOW),
                summary: "Counts the keys of a slot",
                since: "3.0.0",
                group: "cluster",
                complexity: "O(1)",
                arguments: &[Argument::new("slot", ArgumentKind::Integer)],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "cluster|delslots",
                arity: -3,
                flags: Flags(flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                summary: "Takes slots from their owner, as far as this node knows",
                since: "3.0.0",
                group: "cluster",
                complexity: "O(N)",
                arguments: &[Argument { flags: arg::MULTIPLE, ..Argument::new("slot", ArgumentKind::Integer) }],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "cluster|delslotsrange",
                arity: -4,
                flags: Flags(flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                summary: "Takes ranges of slots from their owner, as far as this node knows",
                since: "7.0.0",
                group: "cluster",
                complexity: "O(N)",
                arguments: &[Argument {
                    flags: arg::MULTIPLE,
                    arguments: &[
                        Argument::new("start-slot", ArgumentKind::Integer),
                        Argument::new("end-slot", ArgumentKind::Integer),
                    ],
                    ..Argument::new("start-slot_end-slot", ArgumentKind::Block)
                }],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "cluster|failover",
                arity: -2,
                flags: Flags(flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                summary: "Makes this replica the master of its shard",
                since: "3.0.0",
                group: "cluster",
                complexity: "O(1)",
                arguments: &[Argument {
                    flags: arg::OPTIONAL,
                    arguments: &[
                        Argument { token: Some("FORCE"), ..Argument::new("force", ArgumentKind::PureToken) },
                        Argument { token: Some("TAKEOVER"), ..Argument::new("takeover", ArgumentKind::PureToken) },
                    ],
                    ..Argument::new("options", ArgumentKind::OneOf)
                }],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "cluster|flushslots",
                arity: 2,
                flags: Flags(flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                summary: "Takes all slots from this node",
                since: "3.0.0",
                group: "cluster",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "cluster|forget",
                arity: 3,
                flags: Flags(flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                summary: "Removes a node from the nodes known here",
                since: "3.0.0",
                group: "cluster",
                complexity: "O(1)",
                arguments: &[Argument::new("node-id", ArgumentKind::Text)],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "cluster|getkeysinslot",
                arity: 4,
                flags: Flags(flag::STALE),
                acl: AclCategories(category::SLOW),
                tips: &["nondeterministic_output"],
                summary: "Some keys of a slot",
                since: "3.0.0",
                group: "cluster",
                complexity: "O(log(N))",
                arguments: &[
                    Argument::new("slot", ArgumentKind::Integer),
                    Argument::new("count", ArgumentKind::Integer),
                ],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "cluster|help",
                arity: 2,
                flags: Flags(flag::LOADING | flag::STALE),
                acl: AclCategories(category::SLOW),
                summary: "Describes the subcommands",
                since: "5.0.0",
                group: "cluster",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "cluster|info",
                arity: 2,
                flags: Flags(flag::STALE),
                acl: AclCategories(category::SLOW),
                tips: &["nondeterministic_output"],
                summary: "State of the cluster",
                since: "3.0.0",
                group: "cluster",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "cluster|keyslot",
                arity: 3,
                flags: Flags(flag::STALE),
                acl: AclCategories(category::SLOW),
                summary: "Slot of a key",
                since: "3.0.0",
                group: "cluster",
                complexity: "O(N)",
                arguments: &[Argument::new("key", ArgumentKind::Text)],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "cluster|links",
                arity: 2,
                flags: Flags(flag::STALE),
                acl: AclCategories(category::SLOW),
                tips: &["nondeterministic_output"],
                summary: "Connections to other nodes",
                since: "7.0.0",
                group: "cluster",
                complexity: "O(N)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "cluster|meet",
                arity: -4,
                flags: Flags(flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                summary: "Introduces this node to another one",
                since: "3.0.0",
                group: "cluster",
                complexity: "O(1)",
                history: &[("4.0.0", "With optional `cluster_bus_port` argument")],
                arguments: &[
                    Argument::new("ip", ArgumentKind::Text),
                    Argument::new("port", ArgumentKind::Integer),
                    Argument {
                        since: "4.0.0",
                        flags: arg::OPTIONAL,
                        ..Argument::new("cluster_bus_port", ArgumentKind::Integer)
                    },
                ],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "cluster|myid",
                arity: 2,
                flags: Flags(flag::STALE),
                acl: AclCategories(category::SLOW),
                summary: "Name of this node",
                since: "3.0.0",
                group: "cluster",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "cluster|nodes",
                arity: 2,
                flags: Flags(flag::STALE),
                acl: AclCategories(category::SLOW),
                tips: &["nondeterministic_output"],
                summary: "All nodes with their slots",
                since: "3.0.0",
                group: "cluster",
                complexity: "O(N)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "cluster|replicas",
                arity: 3,
                flags: Flags(flag::ADMIN | flag::STALE),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                tips: &["nondeterministic_output"],
                summary: "The replicas of a master",
                since: "5.0.0",
                group: "cluster",
                complexity: "O(1)",
                arguments: &[Argument::new("node-id", ArgumentKind::Text)],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "cluster|replicate",
                arity: 3,
                flags: Flags(flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                summary: "Makes this node a replica of another one",
                since: "3.0.0",
                group: "cluster",
                complexity: "O(1)",
                arguments: &[Argument::new("node-id", ArgumentKind::Text)],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "cluster|reset",
                arity: -2,
                flags: Flags(flag::ADMIN | flag::NOSCRIPT | flag::STALE),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                summary: "Makes this node forget the cluster",
                since: "3.0.0",
                group: "cluster",
                complexity: "O(N)",
                arguments: &[Argument {
                    flags: arg::OPTIONAL,
                    arguments: &[
                        Argument { token: Some("HARD"), ..Argument::new("hard", ArgumentKind::PureToken) },
                        Argument { token: Some("SOFT"), ..Argument::new("soft", ArgumentKind::PureToken) },
                    ],
                    ..Argument::new("hard_soft", ArgumentKind::OneOf)
                }],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "cluster|saveconfig",
                arity: 2,
                flags: Flags(flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                summary: "Writes the cluster's state to disk",
                since: "3.0.0",
                group: "cluster",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "cluster|set-config-epoch",
                arity: 3,
                flags: Flags(flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                summary: "Sets the configuration epoch of a fresh node",
                since: "3.0.0",
                group: "cluster",
                complexity: "O(1)",
                arguments: &[Argument::new("config-epoch", ArgumentKind::Integer)],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "cluster|setslot",
                arity: -4,
                flags: Flags(flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                summary: "Changes the state or owner of a slot",
                since: "3.0.0",
                group: "cluster",
                complexity: "O(1)",
                arguments: &[
                    Argument::new("slot", ArgumentKind::Integer),
                    Argument {
                        arguments: &[
                            Argument { token: Some("IMPORTING"), ..Argument::new("node-id", ArgumentKind::Text) },
                            Argument { token: Some("MIGRATING"), ..Argument::new("node-id", ArgumentKind::Text) },
                            Argument { token: Some("NODE"), ..Argument::new("node-id", ArgumentKind::Text) },
                            Argument { token: Some("STABLE"), ..Argument::new("stable", ArgumentKind::PureToken) },
                        ],
                        ..Argument::new("subcommand", ArgumentKind::OneOf)
                    },
                ],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "cluster|shards",
                arity: 2,
                flags: Flags(flag::STALE),
                acl: AclCategories(category::SLOW),
                tips: &["nondeterministic_output"],
                summary: "Shards with their slots and nodes",
                since: "7.0.0",
                group: "cluster",
                complexity: "O(N)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "cluster|slaves",
                arity: 3,
                flags: Flags(flag::ADMIN | flag::STALE),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                tips: &["nondeterministic_output"],
                summary: "The replicas of a master",
                since: "3.0.0",
                group: "cluster",
                complexity: "O(1)",
                doc_flags: doc_flag::DEPRECATED,
                deprecated_since: "5.0.0",
                replaced_by: "`CLUSTER REPLICAS`",
                arguments: &[Argument::new("node-id", ArgumentKind::Text)],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "cluster|cancelslotmigrations",
                arity: 2,
                flags: Flags(flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                internal: internal::OURS,
                summary: "Gives up all migrations of slots that this node began",
                since: "7.0.15",
                group: "cluster",
                complexity: "O(N)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "cluster|getslotmigrations",
                arity: 2,
                flags: Flags(flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                internal: internal::OURS,
                summary: "Migrations of slots from and to this node, those that are over included",
                since: "7.0.15",
                group: "cluster",
                complexity: "O(N)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "cluster|migrateslots",
                arity: -7,
                flags: Flags(flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                internal: internal::OURS,
                summary: "Hands slots over to another node, all at once",
                since: "7.0.15",
                group: "cluster",
                complexity: "O(N)",
                arguments: &[Argument {
                    flags: arg::MULTIPLE,
                    arguments: &[
                        Argument {
                            token: Some("SLOTSRANGE"),
                            flags: arg::MULTIPLE,
                            arguments: &[
                                Argument::new("start-slot", ArgumentKind::Integer),
                                Argument::new("end-slot", ArgumentKind::Integer),
                            ],
                            ..Argument::new("start-slot_end-slot", ArgumentKind::Block)
                        },
                        Argument { token: Some("NODE"), ..Argument::new("node-id", ArgumentKind::Text) },
                    ],
                    ..Argument::new("migration", ArgumentKind::Block)
                }],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "cluster|syncslots",
                arity: -3,
                flags: Flags(flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING),
                acl: AclCategories(category::ADMIN | category::SLOW | category::DANGEROUS),
                internal: internal::OURS,
                summary: "What nodes say to each other while slots migrate",
                since: "7.0.15",
                group: "cluster",
                complexity: "O(N)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "cluster|slots",
                arity: 2,
                flags: Flags(flag::STALE),
                acl: AclCategories(category::SLOW),
                tips: &["nondeterministic_output"],
                summary: "Ranges of slots with their nodes",
                since: "3.0.0",
                group: "cluster",
                complexity: "O(N)",
                doc_flags: doc_flag::DEPRECATED,
                deprecated_since: "7.0.0",
                replaced_by: "`CLUSTER SHARDS`",
                history: &[("4.0.0", "With node IDs"), ("7.0.0", "More about the network of a node")],
                ..CommandDoc::EMPTY
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "readonly",
        arity: 1,
        flags: Flags(flag::LOADING | flag::STALE | flag::FAST),
        acl: AclCategories(category::FAST | category::CONNECTION),
        summary: "Allows reads from this replica of a cluster",
        since: "3.0.0",
        group: "cluster",
        complexity: "O(1)",
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "readwrite",
        arity: 1,
        flags: Flags(flag::LOADING | flag::STALE | flag::FAST),
        acl: AclCategories(category::FAST | category::CONNECTION),
        summary: "Sends reads to the master again",
        since: "3.0.0",
        group: "cluster",
        complexity: "O(1)",
        ..CommandDoc::EMPTY
    },
];
