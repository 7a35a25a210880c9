//! What COMMAND tells about the hyperloglog commands. Facts are those of Redis 7.0.15; the prose is ours.

use crate::dispatch::doc::{
    AclCategories, Argument, ArgumentKind, Begin, CommandDoc, Find, Flags, KeyFlags, KeySpec, arg, category, doc_flag,
    flag, internal, key,
};

/// By name.
pub static DOCS: &[CommandDoc] = &[
    CommandDoc {
        name: "pfadd",
        arity: -2,
        flags: Flags(flag::WRITE | flag::DENYOOM | flag::FAST),
        acl: AclCategories(category::WRITE | category::HYPERLOGLOG | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::INSERT),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Adds elements to a HyperLogLog",
        since: "2.8.9",
        group: "hyperloglog",
        complexity: "O(1)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument { flags: arg::OPTIONAL | arg::MULTIPLE, ..Argument::new("element", ArgumentKind::Text) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "pfcount",
        arity: -2,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::READ | category::HYPERLOGLOG | category::SLOW),
        internal: internal::MAY_REPLICATE,
        key_specs: &[KeySpec {
            notes: "Reading may rewrite the cached count, which goes to replicas",
            flags: KeyFlags(key::RW | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(-1, 1, 0),
        }],
        legacy_keys: (1, -1, 1),
        summary: "Estimates how many different elements one or more HyperLogLogs have seen",
        since: "2.8.9",
        group: "hyperloglog",
        complexity: "O(1) or O(N)",
        arguments: &[Argument { key_spec: Some(0), flags: arg::MULTIPLE, ..Argument::new("key", ArgumentKind::Key) }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "pfdebug",
        arity: 3,
        flags: Flags(flag::WRITE | flag::DENYOOM | flag::ADMIN),
        acl: AclCategories(
            category::WRITE | category::HYPERLOGLOG | category::ADMIN | category::SLOW | category::DANGEROUS,
        ),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::ACCESS),
            begin: Begin::Index(2),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (2, 2, 1),
        summary: "Looks inside a HyperLogLog",
        since: "2.8.9",
        group: "hyperloglog",
        complexity: "Depends on what is called",
        doc_flags: doc_flag::SYSCMD,
        arguments: &[
            Argument::new("subcommand", ArgumentKind::Text),
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "pfmerge",
        arity: -2,
        flags: Flags(flag::WRITE | flag::DENYOOM),
        acl: AclCategories(category::WRITE | category::HYPERLOGLOG | category::SLOW),
        key_specs: &[
            KeySpec {
                notes: "",
                flags: KeyFlags(key::RW | key::ACCESS | key::INSERT),
                begin: Begin::Index(1),
                find: Find::Range(0, 1, 0),
            },
            KeySpec {
                notes: "",
                flags: KeyFlags(key::RO | key::ACCESS),
                begin: Begin::Index(2),
                find: Find::Range(-1, 1, 0),
            },
        ],
        legacy_keys: (1, -1, 1),
        summary: "Merges HyperLogLogs into one",
        since: "2.8.9",
        group: "hyperloglog",
        complexity: "O(N)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("destkey", ArgumentKind::Key) },
            Argument { key_spec: Some(1), flags: arg::MULTIPLE, ..Argument::new("sourcekey", ArgumentKind::Key) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "pfselftest",
        arity: 1,
        flags: Flags(flag::ADMIN),
        acl: AclCategories(category::HYPERLOGLOG | category::ADMIN | category::SLOW | category::DANGEROUS),
        summary: "Tests the HyperLogLog code",
        since: "2.8.9",
        group: "hyperloglog",
        complexity: "Depends on what is called",
        doc_flags: doc_flag::SYSCMD,
        ..CommandDoc::EMPTY
    },
];
