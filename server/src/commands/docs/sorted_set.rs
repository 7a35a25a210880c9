//! What COMMAND tells about the sorted set commands. Facts are those of Redis 7.0.15; the prose is ours.

use crate::dispatch::doc::{
    AclCategories, Argument, ArgumentKind, Begin, CommandDoc, Find, Flags, KeyFlags, KeySpec, arg, category, flag, key,
};

/// By name.
pub static DOCS: &[CommandDoc] = &[
    CommandDoc {
        name: "bzmpop",
        arity: -5,
        flags: Flags(flag::WRITE | flag::BLOCKING | flag::MOVABLEKEYS),
        acl: AclCategories(category::WRITE | category::SORTEDSET | category::SLOW | category::BLOCKING),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::ACCESS | key::DELETE),
            begin: Begin::Index(2),
            find: Find::KeyNum(0, 1, 1),
        }],
        summary: "Pops members of extreme score from the first non-empty of several sorted sets, waiting for one",
        since: "7.0.0",
        group: "sorted-set",
        complexity: "O(K) or O(M*log(N))",
        arguments: &[
            Argument::new("timeout", ArgumentKind::Double),
            Argument::new("numkeys", ArgumentKind::Integer),
            Argument { key_spec: Some(0), flags: arg::MULTIPLE, ..Argument::new("key", ArgumentKind::Key) },
            Argument {
                arguments: &[
                    Argument { token: Some("MIN"), ..Argument::new("min", ArgumentKind::PureToken) },
                    Argument { token: Some("MAX"), ..Argument::new("max", ArgumentKind::PureToken) },
                ],
                ..Argument::new("where", ArgumentKind::OneOf)
            },
            Argument { token: Some("COUNT"), flags: arg::OPTIONAL, ..Argument::new("count", ArgumentKind::Integer) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "bzpopmax",
        arity: -3,
        flags: Flags(flag::WRITE | flag::NOSCRIPT | flag::BLOCKING | flag::FAST),
        acl: AclCategories(category::WRITE | category::SORTEDSET | category::FAST | category::BLOCKING),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::ACCESS | key::DELETE),
            begin: Begin::Index(1),
            find: Find::Range(-2, 1, 0),
        }],
        legacy_keys: (1, -2, 1),
        summary: "Pops the member of highest score from the first non-empty of several sorted sets, waiting for one",
        since: "5.0.0",
        group: "sorted-set",
        complexity: "O(log(N))",
        history: &[("6.0.0", "Fractions of a second as `timeout`")],
        arguments: &[
            Argument { key_spec: Some(0), flags: arg::MULTIPLE, ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("timeout", ArgumentKind::Double),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "bzpopmin",
        arity: -3,
        flags: Flags(flag::WRITE | flag::NOSCRIPT | flag::BLOCKING | flag::FAST),
        acl: AclCategories(category::WRITE | category::SORTEDSET | category::FAST | category::BLOCKING),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::ACCESS | key::DELETE),
            begin: Begin::Index(1),
            find: Find::Range(-2, 1, 0),
        }],
        legacy_keys: (1, -2, 1),
        summary: "Pops the member of lowest score from the first non-empty of several sorted sets, waiting for one",
        since: "5.0.0",
        group: "sorted-set",
        complexity: "O(log(N))",
        history: &[("6.0.0", "Fractions of a second as `timeout`")],
        arguments: &[
            Argument { key_spec: Some(0), flags: arg::MULTIPLE, ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("timeout", ArgumentKind::Double),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "zadd",
        arity: -4,
        flags: Flags(flag::WRITE | flag::DENYOOM | flag::FAST),
        acl: AclCategories(category::WRITE | category::SORTEDSET | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Adds members with scores, or changes the scores of those there are",
        since: "1.2.0",
        group: "sorted-set",
        complexity: "O(log(N))",
        history: &[
            ("2.4.0", "Several elements"),
            ("3.0.2", "With `XX`, `NX`, `CH` and `INCR` options"),
            ("6.2.0", "With `GT` and `LT` options"),
        ],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument {
                since: "3.0.2",
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument { token: Some("NX"), ..Argument::new("nx", ArgumentKind::PureToken) },
                    Argument { token: Some("XX"), ..Argument::new("xx", ArgumentKind::PureToken) },
                ],
                ..Argument::new("condition", ArgumentKind::OneOf)
            },
            Argument {
                since: "6.2.0",
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument { token: Some("GT"), ..Argument::new("gt", ArgumentKind::PureToken) },
                    Argument { token: Some("LT"), ..Argument::new("lt", ArgumentKind::PureToken) },
                ],
                ..Argument::new("comparison", ArgumentKind::OneOf)
            },
            Argument {
                token: Some("CH"),
                since: "3.0.2",
                flags: arg::OPTIONAL,
                ..Argument::new("change", ArgumentKind::PureToken)
            },
            Argument {
                token: Some("INCR"),
                since: "3.0.2",
                flags: arg::OPTIONAL,
                ..Argument::new("increment", ArgumentKind::PureToken)
            },
            Argument {
                flags: arg::MULTIPLE,
                arguments: &[Argument::new("score", ArgumentKind::Double), Argument::new("member", ArgumentKind::Text)],
                ..Argument::new("score_member", ArgumentKind::Block)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "zcard",
        arity: 2,
        flags: Flags(flag::READONLY | flag::FAST),
        acl: AclCategories(category::READ | category::SORTEDSET | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Counts the members",
        since: "1.2.0",
        group: "sorted-set",
        complexity: "O(1)",
        arguments: &[Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) }],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "zcount",
        arity: 4,
        flags: Flags(flag::READONLY | flag::FAST),
        acl: AclCategories(category::READ | category::SORTEDSET | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Counts the members whose scores lie in a range",
        since: "2.0.0",
        group: "sorted-set",
        complexity: "O(log(N))",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("min", ArgumentKind::Double),
            Argument::new("max", ArgumentKind::Double),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "zdiff",
        arity: -3,
        flags: Flags(flag::READONLY | flag::MOVABLEKEYS),
        acl: AclCategories(category::READ | category::SORTEDSET | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::KeyNum(0, 1, 1),
        }],
        summary: "Members of the first sorted set that are in none of the others",
        since: "6.2.0",
        group: "sorted-set",
        complexity: "O(L + (N-K)log(N))",
        arguments: &[
            Argument::new("numkeys", ArgumentKind::Integer),
            Argument { key_spec: Some(0), flags: arg::MULTIPLE, ..Argument::new("key", ArgumentKind::Key) },
            Argument {
                token: Some("WITHSCORES"),
                flags: arg::OPTIONAL,
                ..Argument::new("withscores", ArgumentKind::PureToken)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "zdiffstore",
        arity: -4,
        flags: Flags(flag::WRITE | flag::DENYOOM | flag::MOVABLEKEYS),
        acl: AclCategories(category::WRITE | category::SORTEDSET | category::SLOW),
        key_specs: &[
            KeySpec {
                notes: "",
                flags: KeyFlags(key::OW | key::UPDATE),
                begin: Begin::Index(1),
                find: Find::Range(0, 1, 0),
            },
            KeySpec {
                notes: "",
                flags: KeyFlags(key::RO | key::ACCESS),
                begin: Begin::Index(2),
                find: Find::KeyNum(0, 1, 1),
            },
        ],
        legacy_keys: (1, 1, 1),
        summary: "Stores the members of the first sorted set that are in none of the others",
        since: "6.2.0",
        group: "sorted-set",
        complexity: "O(L + (N-K)log(N))",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("destination", ArgumentKind::Key) },
            Argument::new("numkeys", ArgumentKind::Integer),
            Argument { key_spec: Some(1), flags: arg::MULTIPLE, ..Argument::new("key", ArgumentKind::Key) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "zincrby",
        arity: 4,
        flags: Flags(flag::WRITE | flag::DENYOOM | flag::FAST),
        acl: AclCategories(category::WRITE | category::SORTEDSET | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::ACCESS | key::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Adds to a member's score",
        since: "1.2.0",
        group: "sorted-set",
        complexity: "O(log(N))",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("increment", ArgumentKind::Integer),
            Argument::new("member", ArgumentKind::Text),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "zinter",
        arity: -3,
        flags: Flags(flag::READONLY | flag::MOVABLEKEYS),
        acl: AclCategories(category::READ | category::SORTEDSET | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::KeyNum(0, 1, 1),
        }],
        summary: "Members common to several sorted sets",
        since: "6.2.0",
        group: "sorted-set",
        complexity: "O(N*K) or O(M*log(M))",
        arguments: &[
            Argument::new("numkeys", ArgumentKind::Integer),
            Argument { key_spec: Some(0), flags: arg::MULTIPLE, ..Argument::new("key", ArgumentKind::Key) },
            Argument {
                token: Some("WEIGHTS"),
                flags: arg::OPTIONAL | arg::MULTIPLE,
                ..Argument::new("weight", ArgumentKind::Integer)
            },
            Argument {
                token: Some("AGGREGATE"),
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument { token: Some("SUM"), ..Argument::new("sum", ArgumentKind::PureToken) },
                    Argument { token: Some("MIN"), ..Argument::new("min", ArgumentKind::PureToken) },
                    Argument { token: Some("MAX"), ..Argument::new("max", ArgumentKind::PureToken) },
                ],
                ..Argument::new("aggregate", ArgumentKind::OneOf)
            },
            Argument {
                token: Some("WITHSCORES"),
                flags: arg::OPTIONAL,
                ..Argument::new("withscores", ArgumentKind::PureToken)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "zintercard",
        arity: -3,
        flags: Flags(flag::READONLY | flag::MOVABLEKEYS),
        acl: AclCategories(category::READ | category::SORTEDSET | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::KeyNum(0, 1, 1),
        }],
        summary: "Counts the members common to several sorted sets",
        since: "7.0.0",
        group: "sorted-set",
        complexity: "O(N*K)",
        arguments: &[
            Argument::new("numkeys", ArgumentKind::Integer),
            Argument { key_spec: Some(0), flags: arg::MULTIPLE, ..Argument::new("key", ArgumentKind::Key) },
            Argument { token: Some("LIMIT"), flags: arg::OPTIONAL, ..Argument::new("limit", ArgumentKind::Integer) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "zinterstore",
        arity: -4,
        flags: Flags(flag::WRITE | flag::DENYOOM | flag::MOVABLEKEYS),
        acl: AclCategories(category::WRITE | category::SORTEDSET | category::SLOW),
        key_specs: &[
            KeySpec {
                notes: "",
                flags: KeyFlags(key::OW | key::UPDATE),
                begin: Begin::Index(1),
                find: Find::Range(0, 1, 0),
            },
            KeySpec {
                notes: "",
                flags: KeyFlags(key::RO | key::ACCESS),
                begin: Begin::Index(2),
                find: Find::KeyNum(0, 1, 1),
            },
        ],
        legacy_keys: (1, 1, 1),
        summary: "Stores the members common to several sorted sets",
        since: "2.0.0",
        group: "sorted-set",
        complexity: "O(N*K) or O(M*log(M))",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("destination", ArgumentKind::Key) },
            Argument::new("numkeys", ArgumentKind::Integer),
            Argument { key_spec: Some(1), flags: arg::MULTIPLE, ..Argument::new("key", ArgumentKind::Key) },
            Argument {
                token: Some("WEIGHTS"),
                flags: arg::OPTIONAL | arg::MULTIPLE,
                ..Argument::new("weight", ArgumentKind::Integer)
            },
            Argument {
                token: Some("AGGREGATE"),
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument { token: Some("SUM"), ..Argument::new("sum", ArgumentKind::PureToken) },
                    Argument { token: Some("MIN"), ..Argument::new("min", ArgumentKind::PureToken) },
                    Argument { token: Some("MAX"), ..Argument::new("max", ArgumentKind::PureToken) },
                ],
                ..Argument::new("aggregate", ArgumentKind::OneOf)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "zlexcount",
        arity: 4,
        flags: Flags(flag::READONLY | flag::FAST),
        acl: AclCategories(category::READ | category::SORTEDSET | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Counts the members in a lexicographical range",
        since: "2.8.9",
        group: "sorted-set",
        complexity: "O(log(N))",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("min", ArgumentKind::Text),
            Argument::new("max", ArgumentKind::Text),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "zmpop",
        arity: -4,
        flags: Flags(flag::WRITE | flag::MOVABLEKEYS),
        acl: AclCategories(category::WRITE | category::SORTEDSET | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::ACCESS | key::DELETE),
            begin: Begin::Index(1),
            find: Find::KeyNum(0, 1, 1),
        }],
        summary: "Pops members of extreme score from the first non-empty of several sorted sets",
        since: "7.0.0",
        group: "sorted-set",
        complexity: "O(K) or O(M*log(N))",
        arguments: &[
            Argument::new("numkeys", ArgumentKind::Integer),
            Argument { key_spec: Some(0), flags: arg::MULTIPLE, ..Argument::new("key", ArgumentKind::Key) },
            Argument {
                arguments: &[
                    Argument { token: Some("MIN"), ..Argument::new("min", ArgumentKind::PureToken) },
                    Argument { token: Some("MAX"), ..Argument::new("max", ArgumentKind::PureToken) },
                ],
                ..Argument::new("where", ArgumentKind::OneOf)
            },
            Argument { token: Some("COUNT"), flags: arg::OPTIONAL, ..Argument::new("count", ArgumentKind::Integer) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "zmscore",
        arity: -3,
        flags: Flags(flag::READONLY | flag::FAST),
        acl: AclCategories(category::READ | category::SORTEDSET | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Scores of several members",
        since: "6.2.0",
        group: "sorted-set",
        complexity: "O(N)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument { flags: arg::MULTIPLE, ..Argument::new("member", ArgumentKind::Text) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "zpopmax",
        arity: -2,
        flags: Flags(flag::WRITE | flag::FAST),
        acl: AclCategories(category::WRITE | category::SORTEDSET | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::ACCESS | key::DELETE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Pops the members of highest score",
        since: "5.0.0",
        group: "sorted-set",
        complexity: "O(log(N)*M)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument { flags: arg::OPTIONAL, ..Argument::new("count", ArgumentKind::Integer) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "zpopmin",
        arity: -2,
        flags: Flags(flag::WRITE | flag::FAST),
        acl: AclCategories(category::WRITE | category::SORTEDSET | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::ACCESS | key::DELETE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Pops the members of lowest score",
        since: "5.0.0",
        group: "sorted-set",
        complexity: "O(log(N)*M)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument { flags: arg::OPTIONAL, ..Argument::new("count", ArgumentKind::Integer) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "zrandmember",
        arity: -2,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::READ | category::SORTEDSET | category::SLOW),
        tips: &["nondeterministic_output"],
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Members chosen at random",
        since: "6.2.0",
        group: "sorted-set",
        complexity: "O(N)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument {
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument::new("count", ArgumentKind::Integer),
                    Argument {
                        token: Some("WITHSCORES"),
                        flags: arg::OPTIONAL,
                        ..Argument::new("withscores", ArgumentKind::PureToken)
                    },
                ],
                ..Argument::new("options", ArgumentKind::Block)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "zrank",
        arity: 3,
        flags: Flags(flag::READONLY | flag::FAST),
        acl: AclCategories(category::READ | category::SORTEDSET | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Rank of a member, counted from the lowest score",
        since: "2.0.0",
        group: "sorted-set",
        complexity: "O(log(N))",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("member", ArgumentKind::Text),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "zrem",
        arity: -3,
        flags: Flags(flag::WRITE | flag::FAST),
        acl: AclCategories(category::WRITE | category::SORTEDSET | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::DELETE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Removes members",
        since: "1.2.0",
        group: "sorted-set",
        complexity: "O(M*log(N))",
        history: &[("2.4.0", "Several elements")],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument { flags: arg::MULTIPLE, ..Argument::new("member", ArgumentKind::Text) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "zscan",
        arity: -3,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::READ | category::SORTEDSET | category::SLOW),
        tips: &["nondeterministic_output"],
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Goes through members and scores step by step",
        since: "2.8.0",
        group: "sorted-set",
        complexity: "O(1) or O(N)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("cursor", ArgumentKind::Integer),
            Argument { token: Some("MATCH"), flags: arg::OPTIONAL, ..Argument::new("pattern", ArgumentKind::Pattern) },
            Argument { token: Some("COUNT"), flags: arg::OPTIONAL, ..Argument::new("count", ArgumentKind::Integer) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "zscore",
        arity: 3,
        flags: Flags(flag::READONLY | flag::FAST),
        acl: AclCategories(category::READ | category::SORTEDSET | category::FAST),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Score of a member",
        since: "1.2.0",
        group: "sorted-set",
        complexity: "O(1)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("member", ArgumentKind::Text),
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "zunion",
        arity: -3,
        flags: Flags(flag::READONLY | flag::MOVABLEKEYS),
        acl: AclCategories(category::READ | category::SORTEDSET | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::KeyNum(0, 1, 1),
        }],
        summary: "Members of any of several sorted sets",
        since: "6.2.0",
        group: "sorted-set",
        complexity: "O(N) or O(M*log(M))",
        arguments: &[
            Argument::new("numkeys", ArgumentKind::Integer),
            Argument { key_spec: Some(0), flags: arg::MULTIPLE, ..Argument::new("key", ArgumentKind::Key) },
            Argument {
                token: Some("WEIGHTS"),
                flags: arg::OPTIONAL | arg::MULTIPLE,
                ..Argument::new("weight", ArgumentKind::Integer)
            },
            Argument {
                token: Some("AGGREGATE"),
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument { token: Some("SUM"), ..Argument::new("sum", ArgumentKind::PureToken) },
                    Argument { token: Some("MIN"), ..Argument::new("min", ArgumentKind::PureToken) },
                    Argument { token: Some("MAX"), ..Argument::new("max", ArgumentKind::PureToken) },
                ],
                ..Argument::new("aggregate", ArgumentKind::OneOf)
            },
            Argument {
                token: Some("WITHSCORES"),
                flags: arg::OPTIONAL,
                ..Argument::new("withscores", ArgumentKind::PureToken)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "zunionstore",
        arity: -4,
        flags: Flags(flag::WRITE | flag::DENYOOM | flag::MOVABLEKEYS),
        acl: AclCategories(category::WRITE | category::SORTEDSET | category::SLOW),
        key_specs: &[
            KeySpec {
                notes: "",
                flags: KeyFlags(key::OW | key::UPDATE),
                begin: Begin::Index(1),
                find: Find::Range(0, 1, 0),
            },
            KeySpec {
                notes: "",
                flags: KeyFlags(key::RO | key::ACCESS),
                begin: Begin::Index(2),
                find: Find::KeyNum(0, 1, 1),
            },
        ],
        legacy_keys: (1, 1, 1),
        summary: "Stores the members of any of several sorted sets",
        since: "2.0.0",
        group: "sorted-set",
        complexity: "O(N) or O(M log(M))",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("destination", ArgumentKind::Key) },
            Argument::new("numkeys", ArgumentKind::Integer),
            Argument { key_spec: Some(1), flags: arg::MULTIPLE, ..Argument::new("key", ArgumentKind::Key) },
            Argument {
                token: Some("WEIGHTS"),
                flags: arg::OPTIONAL | arg::MULTIPLE,
                ..Argument::new("weight", ArgumentKind::Integer)
            },
            Argument {
                token: Some("AGGREGATE"),
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument { token: Some("SUM"), ..Argument::new("sum", ArgumentKind::PureToken) },
                    Argument { token: Some("MIN"), ..Argument::new("min", ArgumentKind::PureToken) },
                    Argument { token: Some("MAX"), ..Argument::new("max", ArgumentKind::PureToken) },
                ],
                ..Argument::new("aggregate", ArgumentKind::OneOf)
            },
        ],
        ..CommandDoc::EMPTY
    },
];
