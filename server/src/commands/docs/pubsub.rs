//! What COMMAND tells about the pubsub commands. Facts are those of Redis 7.0.15; the prose is ours.

use crate::dispatch::doc::{
    AclCategories, Argument, ArgumentKind, Begin, CommandDoc, Find, Flags, KeyFlags, KeySpec, arg, category, flag,
    internal, key,
};

/// By name.
pub static DOCS: &[CommandDoc] = &[
    CommandDoc {
        name: "psubscribe",
        arity: -2,
        flags: Flags(flag::PUBSUB | flag::NOSCRIPT | flag::LOADING | flag::STALE),
        acl: AclCategories(category::PUBSUB | category::SLOW),
        internal: internal::SENTINEL | internal::PUSHES,
        summary: "Listens to channels that match patterns",
        since: "2.0.0",
        group: "pubsub",
        complexity: "O(N)",
        arguments: &[Argument {
            flags: arg::MULTIPLE,
            arguments: &[Argument::new("pattern", ArgumentKind::Pattern)],
            ..Argument::new("pattern", ArgumentKind::Block)
        }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "publish",
        arity: 3,
        flags: Flags(flag::PUBSUB | flag::LOADING | flag::STALE | flag::FAST),
        acl: AclCategories(category::PUBSUB | category::FAST),
        internal: internal::MAY_REPLICATE | internal::SENTINEL,
        summary: "Sends a message to a channel",
        since: "2.0.0",
        group: "pubsub",
        complexity: "O(N+M)",
        arguments: &[Argument::new("channel", ArgumentKind::Text), Argument::new("message", ArgumentKind::Text)],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "pubsub",
        arity: -2,
        acl: AclCategories(category::SLOW),
        summary: "Container of commands about channels",
        since: "2.8.0",
        group: "pubsub",
        complexity: "Depends on what is called",
        subcommands: &[
            CommandDoc {
                name: "pubsub|channels",
                arity: -2,
                flags: Flags(flag::PUBSUB | flag::LOADING | flag::STALE),
                acl: AclCategories(category::PUBSUB | category::SLOW),
                summary: "Channels that someone listens to",
                since: "2.8.0",
                group: "pubsub",
                complexity: "O(N)",
                arguments: &[Argument { flags: arg::OPTIONAL, ..Argument::new("pattern", ArgumentKind::Pattern) }],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "pubsub|help",
                arity: 2,
                flags: Flags(flag::LOADING | flag::STALE),
                acl: AclCategories(category::SLOW),
                summary: "Describes the subcommands",
                since: "6.2.0",
                group: "pubsub",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "pubsub|numpat",
                arity: 2,
                flags: Flags(flag::PUBSUB | flag::LOADING | flag::STALE),
                acl: AclCategories(category::PUBSUB | category::SLOW),
                summary: "Counts the patterns that someone listens to",
                since: "2.8.0",
                group: "pubsub",
                complexity: "O(1)",
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "pubsub|numsub",
                arity: -2,
                flags: Flags(flag::PUBSUB | flag::LOADING | flag::STALE),
                acl: AclCategories(category::PUBSUB | category::SLOW),
                summary: "Counts the listeners of channels",
                since: "2.8.0",
                group: "pubsub",
                complexity: "O(N)",
                arguments: &[Argument {
                    flags: arg::OPTIONAL | arg::MULTIPLE,
                    ..Argument::new("channel", ArgumentKind::Text)
                }],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "pubsub|shardchannels",
                arity: -2,
                flags: Flags(flag::PUBSUB | flag::LOADING | flag::STALE),
                acl: AclCategories(category::PUBSUB | category::SLOW),
                summary: "Shard channels that someone listens to",
                since: "7.0.0",
                group: "pubsub",
                complexity: "O(N)",
                arguments: &[Argument { flags: arg::OPTIONAL, ..Argument::new("pattern", ArgumentKind::Pattern) }],
                ..CommandDoc::EMPTY
            },
            CommandDoc {
                name: "pubsub|shardnumsub",
                arity: -2,
                flags: Flags(flag::PUBSUB | flag::LOADING | flag::STALE),
                acl: AclCategories(category::PUBSUB | category::SLOW),
                summary: "Counts the listeners of shard channels",
                since: "7.0.0",
                group: "pubsub",
                complexity: "O(N)",
                arguments: &[Argument {
                    flags: arg::OPTIONAL | arg::MULTIPLE,
                    ..Argument::new("shardchannel", ArgumentKind::Text)
                }],
                ..CommandDoc::EMPTY
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "punsubscribe",
        arity: -1,
        flags: Flags(flag::PUBSUB | flag::NOSCRIPT | flag::LOADING | flag::STALE),
        acl: AclCategories(category::PUBSUB | category::SLOW),
        internal: internal::SENTINEL | internal::PUSHES,
        summary: "Stops listening to patterns",
        since: "2.0.0",
        group: "pubsub",
        complexity: "O(N+M)",
        arguments: &[Argument {
            flags: arg::OPTIONAL | arg::MULTIPLE,
            ..Argument::new("pattern", ArgumentKind::Pattern)
        }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "spublish",
        arity: 3,
        flags: Flags(flag::PUBSUB | flag::LOADING | flag::STALE | flag::FAST),
        acl: AclCategories(category::PUBSUB | category::FAST),
        internal: internal::MAY_REPLICATE,
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::NOT_KEY),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Sends a message to a shard channel",
        since: "7.0.0",
        group: "pubsub",
        complexity: "O(N)",
        arguments: &[Argument::new("shardchannel", ArgumentKind::Text), Argument::new("message", ArgumentKind::Text)],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "ssubscribe",
        arity: -2,
        flags: Flags(flag::PUBSUB | flag::NOSCRIPT | flag::LOADING | flag::STALE),
        acl: AclCategories(category::PUBSUB | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::NOT_KEY),
            begin: Begin::Index(1),
            find: Find::Range(-1, 1, 0),
        }],
        legacy_keys: (1, -1, 1),
        internal: internal::PUSHES,
        summary: "Listens to shard channels",
        since: "7.0.0",
        group: "pubsub",
        complexity: "O(N)",
        arguments: &[Argument { flags: arg::MULTIPLE, ..Argument::new("shardchannel", ArgumentKind::Text) }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "subscribe",
        arity: -2,
        flags: Flags(flag::PUBSUB | flag::NOSCRIPT | flag::LOADING | flag::STALE),
        acl: AclCategories(category::PUBSUB | category::SLOW),
        internal: internal::SENTINEL | internal::PUSHES,
        summary: "Listens to channels",
        since: "2.0.0",
        group: "pubsub",
        complexity: "O(N)",
        arguments: &[Argument { flags: arg::MULTIPLE, ..Argument::new("channel", ArgumentKind::Text) }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "sunsubscribe",
        arity: -1,
        flags: Flags(flag::PUBSUB | flag::NOSCRIPT | flag::LOADING | flag::STALE),
        acl: AclCategories(category::PUBSUB | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::NOT_KEY),
            begin: Begin::Index(1),
            find: Find::Range(-1, 1, 0),
        }],
        legacy_keys: (1, -1, 1),
        internal: internal::PUSHES,
        summary: "Stops listening to shard channels",
        since: "7.0.0",
        group: "pubsub",
        complexity: "O(N)",
        arguments: &[Argument {
            flags: arg::OPTIONAL | arg::MULTIPLE,
            ..Argument::new("shardchannel", ArgumentKind::Text)
        }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "unsubscribe",
        arity: -1,
        flags: Flags(flag::PUBSUB | flag::NOSCRIPT | flag::LOADING | flag::STALE),
        acl: AclCategories(category::PUBSUB | category::SLOW),
        internal: internal::SENTINEL | internal::PUSHES,
        summary: "Stops listening to channels",
        since: "2.0.0",
        group: "pubsub",
        complexity: "O(N)",
        arguments: &[Argument { flags: arg::OPTIONAL | arg::MULTIPLE, ..Argument::new("channel", ArgumentKind::Text) }],
        ..CommandDoc::EMPTY
    },
];
