//! What COMMAND tells about the geo commands. Facts are those of Redis 7.0.15; the prose is ours.

use crate::dispatch::doc::{
    AclCategories, Argument, ArgumentKind, Begin, CommandDoc, Find, Flags, KeyFlags, KeySpec, arg, category, doc_flag,
    flag, key,
};

/// By name.
pub static DOCS: &[CommandDoc] = &[
    CommandDoc {
        name: "geoadd",
        arity: -5,
        flags: Flags(flag::WRITE | flag::DENYOOM),
        acl: AclCategories(category::WRITE | category::GEO | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RW | key::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Adds places by longitude and latitude",
        since: "3.2.0",
        group: "geo",
        complexity: "O(log(N))",
        history: &[("6.2.0", "With `CH`, `NX` and `XX` options")],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument {
                since: "6.2.0",
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument { token: Some("NX"), ..Argument::new("nx", ArgumentKind::PureToken) },
                    Argument { token: Some("XX"), ..Argument::new("xx", ArgumentKind::PureToken) },
                ],
                ..Argument::new("condition", ArgumentKind::OneOf)
            },
            Argument {
                token: Some("CH"),
                since: "6.2.0",
                flags: arg::OPTIONAL,
                ..Argument::new("change", ArgumentKind::PureToken)
            },
            Argument {
                flags: arg::MULTIPLE,
                arguments: &[
                    Argument::new("longitude", ArgumentKind::Double),
                    Argument::new("latitude", ArgumentKind::Double),
                    Argument::new("member", ArgumentKind::Text),
                ],
                ..Argument::new("longitude_latitude_member", ArgumentKind::Block)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "geodist",
        arity: -4,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::READ | category::GEO | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Distance between two places",
        since: "3.2.0",
        group: "geo",
        complexity: "O(log(N))",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("member1", ArgumentKind::Text),
            Argument::new("member2", ArgumentKind::Text),
            Argument {
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument { token: Some("M"), ..Argument::new("m", ArgumentKind::PureToken) },
                    Argument { token: Some("KM"), ..Argument::new("km", ArgumentKind::PureToken) },
                    Argument { token: Some("FT"), ..Argument::new("ft", ArgumentKind::PureToken) },
                    Argument { token: Some("MI"), ..Argument::new("mi", ArgumentKind::PureToken) },
                ],
                ..Argument::new("unit", ArgumentKind::OneOf)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "geohash",
        arity: -2,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::READ | category::GEO | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Geohash texts of places",
        since: "3.2.0",
        group: "geo",
        complexity: "O(log(N))",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument { flags: arg::MULTIPLE, ..Argument::new("member", ArgumentKind::Text) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "geopos",
        arity: -2,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::READ | category::GEO | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Longitudes and latitudes of places",
        since: "3.2.0",
        group: "geo",
        complexity: "O(N)",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument { flags: arg::MULTIPLE, ..Argument::new("member", ArgumentKind::Text) },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "georadius",
        arity: -6,
        flags: Flags(flag::WRITE | flag::DENYOOM | flag::MOVABLEKEYS),
        acl: AclCategories(category::WRITE | category::GEO | category::SLOW),
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
                begin: Begin::Keyword("STORE", 6),
                find: Find::Range(0, 1, 0),
            },
            KeySpec {
                notes: "",
                flags: KeyFlags(key::OW | key::UPDATE),
                begin: Begin::Keyword("STOREDIST", 6),
                find: Find::Range(0, 1, 0),
            },
        ],
        legacy_keys: (1, 1, 1),
        summary: "Places within a distance of a point, returned or stored",
        since: "3.2.0",
        group: "geo",
        complexity: "O(N+log(M))",
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: "6.2.0",
        replaced_by: "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument",
        history: &[("6.2.0", "With `ANY` option for `COUNT`"), ("7.0.0", "Units in upper case")],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("longitude", ArgumentKind::Double),
            Argument::new("latitude", ArgumentKind::Double),
            Argument::new("radius", ArgumentKind::Double),
            Argument {
                arguments: &[
                    Argument { token: Some("M"), ..Argument::new("m", ArgumentKind::PureToken) },
                    Argument { token: Some("KM"), ..Argument::new("km", ArgumentKind::PureToken) },
                    Argument { token: Some("FT"), ..Argument::new("ft", ArgumentKind::PureToken) },
                    Argument { token: Some("MI"), ..Argument::new("mi", ArgumentKind::PureToken) },
                ],
                ..Argument::new("unit", ArgumentKind::OneOf)
            },
            Argument {
                token: Some("WITHCOORD"),
                flags: arg::OPTIONAL,
                ..Argument::new("withcoord", ArgumentKind::PureToken)
            },
            Argument {
                token: Some("WITHDIST"),
                flags: arg::OPTIONAL,
                ..Argument::new("withdist", ArgumentKind::PureToken)
            },
            Argument {
                token: Some("WITHHASH"),
                flags: arg::OPTIONAL,
                ..Argument::new("withhash", ArgumentKind::PureToken)
            },
            Argument {
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument { token: Some("COUNT"), ..Argument::new("count", ArgumentKind::Integer) },
                    Argument {
                        token: Some("ANY"),
                        since: "6.2.0",
                        flags: arg::OPTIONAL,
                        ..Argument::new("any", ArgumentKind::PureToken)
                    },
                ],
                ..Argument::new("count", ArgumentKind::Block)
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
                key_spec: Some(1),
                token: Some("STORE"),
                flags: arg::OPTIONAL,
                ..Argument::new("key", ArgumentKind::Key)
            },
            Argument {
                key_spec: Some(2),
                token: Some("STOREDIST"),
                flags: arg::OPTIONAL,
                ..Argument::new("key", ArgumentKind::Key)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "georadius_ro",
        arity: -6,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::READ | category::GEO | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Places within a distance of a point",
        since: "3.2.10",
        group: "geo",
        complexity: "O(N+log(M))",
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: "6.2.0",
        replaced_by: "`GEOSEARCH` with the `BYRADIUS` argument",
        history: &[("6.2.0", "With `ANY` option for `COUNT`")],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("longitude", ArgumentKind::Double),
            Argument::new("latitude", ArgumentKind::Double),
            Argument::new("radius", ArgumentKind::Double),
            Argument {
                arguments: &[
                    Argument { token: Some("M"), ..Argument::new("m", ArgumentKind::PureToken) },
                    Argument { token: Some("KM"), ..Argument::new("km", ArgumentKind::PureToken) },
                    Argument { token: Some("FT"), ..Argument::new("ft", ArgumentKind::PureToken) },
                    Argument { token: Some("MI"), ..Argument::new("mi", ArgumentKind::PureToken) },
                ],
                ..Argument::new("unit", ArgumentKind::OneOf)
            },
            Argument {
                token: Some("WITHCOORD"),
                flags: arg::OPTIONAL,
                ..Argument::new("withcoord", ArgumentKind::PureToken)
            },
            Argument {
                token: Some("WITHDIST"),
                flags: arg::OPTIONAL,
                ..Argument::new("withdist", ArgumentKind::PureToken)
            },
            Argument {
                token: Some("WITHHASH"),
                flags: arg::OPTIONAL,
                ..Argument::new("withhash", ArgumentKind::PureToken)
            },
            Argument {
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument { token: Some("COUNT"), ..Argument::new("count", ArgumentKind::Integer) },
                    Argument {
                        token: Some("ANY"),
                        since: "6.2.0",
                        flags: arg::OPTIONAL,
                        ..Argument::new("any", ArgumentKind::PureToken)
                    },
                ],
                ..Argument::new("count", ArgumentKind::Block)
            },
            Argument {
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument { token: Some("ASC"), ..Argument::new("asc", ArgumentKind::PureToken) },
                    Argument { token: Some("DESC"), ..Argument::new("desc", ArgumentKind::PureToken) },
                ],
                ..Argument::new("order", ArgumentKind::OneOf)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "georadiusbymember",
        arity: -5,
        flags: Flags(flag::WRITE | flag::DENYOOM | flag::MOVABLEKEYS),
        acl: AclCategories(category::WRITE | category::GEO | category::SLOW),
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
                begin: Begin::Keyword("STORE", 5),
                find: Find::Range(0, 1, 0),
            },
            KeySpec {
                notes: "",
                flags: KeyFlags(key::OW | key::UPDATE),
                begin: Begin::Keyword("STOREDIST", 5),
                find: Find::Range(0, 1, 0),
            },
        ],
        legacy_keys: (1, 1, 1),
        summary: "Places within a distance of another one, returned or stored",
        since: "3.2.0",
        group: "geo",
        complexity: "O(N+log(M))",
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: "6.2.0",
        replaced_by: "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments",
        history: &[("7.0.0", "Units in upper case")],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("member", ArgumentKind::Text),
            Argument::new("radius", ArgumentKind::Double),
            Argument {
                arguments: &[
                    Argument { token: Some("M"), ..Argument::new("m", ArgumentKind::PureToken) },
                    Argument { token: Some("KM"), ..Argument::new("km", ArgumentKind::PureToken) },
                    Argument { token: Some("FT"), ..Argument::new("ft", ArgumentKind::PureToken) },
                    Argument { token: Some("MI"), ..Argument::new("mi", ArgumentKind::PureToken) },
                ],
                ..Argument::new("unit", ArgumentKind::OneOf)
            },
            Argument {
                token: Some("WITHCOORD"),
                flags: arg::OPTIONAL,
                ..Argument::new("withcoord", ArgumentKind::PureToken)
            },
            Argument {
                token: Some("WITHDIST"),
                flags: arg::OPTIONAL,
                ..Argument::new("withdist", ArgumentKind::PureToken)
            },
            Argument {
                token: Some("WITHHASH"),
                flags: arg::OPTIONAL,
                ..Argument::new("withhash", ArgumentKind::PureToken)
            },
            Argument {
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument { token: Some("COUNT"), ..Argument::new("count", ArgumentKind::Integer) },
                    Argument {
                        token: Some("ANY"),
                        flags: arg::OPTIONAL,
                        ..Argument::new("any", ArgumentKind::PureToken)
                    },
                ],
                ..Argument::new("count", ArgumentKind::Block)
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
                key_spec: Some(1),
                token: Some("STORE"),
                flags: arg::OPTIONAL,
                ..Argument::new("key", ArgumentKind::Key)
            },
            Argument {
                key_spec: Some(2),
                token: Some("STOREDIST"),
                flags: arg::OPTIONAL,
                ..Argument::new("key", ArgumentKind::Key)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "georadiusbymember_ro",
        arity: -5,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::READ | category::GEO | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Places within a distance of another one",
        since: "3.2.10",
        group: "geo",
        complexity: "O(N+log(M))",
        doc_flags: doc_flag::DEPRECATED,
        deprecated_since: "6.2.0",
        replaced_by: "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments",
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument::new("member", ArgumentKind::Text),
            Argument::new("radius", ArgumentKind::Double),
            Argument {
                arguments: &[
                    Argument { token: Some("M"), ..Argument::new("m", ArgumentKind::PureToken) },
                    Argument { token: Some("KM"), ..Argument::new("km", ArgumentKind::PureToken) },
                    Argument { token: Some("FT"), ..Argument::new("ft", ArgumentKind::PureToken) },
                    Argument { token: Some("MI"), ..Argument::new("mi", ArgumentKind::PureToken) },
                ],
                ..Argument::new("unit", ArgumentKind::OneOf)
            },
            Argument {
                token: Some("WITHCOORD"),
                flags: arg::OPTIONAL,
                ..Argument::new("withcoord", ArgumentKind::PureToken)
            },
            Argument {
                token: Some("WITHDIST"),
                flags: arg::OPTIONAL,
                ..Argument::new("withdist", ArgumentKind::PureToken)
            },
            Argument {
                token: Some("WITHHASH"),
                flags: arg::OPTIONAL,
                ..Argument::new("withhash", ArgumentKind::PureToken)
            },
            Argument {
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument { token: Some("COUNT"), ..Argument::new("count", ArgumentKind::Integer) },
                    Argument {
                        token: Some("ANY"),
                        flags: arg::OPTIONAL,
                        ..Argument::new("any", ArgumentKind::PureToken)
                    },
                ],
                ..Argument::new("count", ArgumentKind::Block)
            },
            Argument {
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument { token: Some("ASC"), ..Argument::new("asc", ArgumentKind::PureToken) },
                    Argument { token: Some("DESC"), ..Argument::new("desc", ArgumentKind::PureToken) },
                ],
                ..Argument::new("order", ArgumentKind::OneOf)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "geosearch",
        arity: -7,
        flags: Flags(flag::READONLY),
        acl: AclCategories(category::READ | category::GEO | category::SLOW),
        key_specs: &[KeySpec {
            notes: "",
            flags: KeyFlags(key::RO | key::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range(0, 1, 0),
        }],
        legacy_keys: (1, 1, 1),
        summary: "Places within a circle or a box",
        since: "6.2.0",
        group: "geo",
        complexity: "O(N+log(M))",
        history: &[("7.0.0", "Units in upper case")],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("key", ArgumentKind::Key) },
            Argument {
                arguments: &[
                    Argument { token: Some("FROMMEMBER"), ..Argument::new("member", ArgumentKind::Text) },
                    Argument {
                        token: Some("FROMLONLAT"),
                        arguments: &[
                            Argument::new("longitude", ArgumentKind::Double),
                            Argument::new("latitude", ArgumentKind::Double),
                        ],
                        ..Argument::new("longitude_latitude", ArgumentKind::Block)
                    },
                ],
                ..Argument::new("from", ArgumentKind::OneOf)
            },
            Argument {
                arguments: &[
                    Argument {
                        arguments: &[
                            Argument { token: Some("BYRADIUS"), ..Argument::new("radius", ArgumentKind::Double) },
                            Argument {
                                arguments: &[
                                    Argument { token: Some("M"), ..Argument::new("m", ArgumentKind::PureToken) },
                                    Argument { token: Some("KM"), ..Argument::new("km", ArgumentKind::PureToken) },
                                    Argument { token: Some("FT"), ..Argument::new("ft", ArgumentKind::PureToken) },
                                    Argument { token: Some("MI"), ..Argument::new("mi", ArgumentKind::PureToken) },
                                ],
                                ..Argument::new("unit", ArgumentKind::OneOf)
                            },
                        ],
                        ..Argument::new("circle", ArgumentKind::Block)
                    },
                    Argument {
                        arguments: &[
                            Argument { token: Some("BYBOX"), ..Argument::new("width", ArgumentKind::Double) },
                            Argument::new("height", ArgumentKind::Double),
                            Argument {
                                arguments: &[
                                    Argument { token: Some("M"), ..Argument::new("m", ArgumentKind::PureToken) },
                                    Argument { token: Some("KM"), ..Argument::new("km", ArgumentKind::PureToken) },
                                    Argument { token: Some("FT"), ..Argument::new("ft", ArgumentKind::PureToken) },
                                    Argument { token: Some("MI"), ..Argument::new("mi", ArgumentKind::PureToken) },
                                ],
                                ..Argument::new("unit", ArgumentKind::OneOf)
                            },
                        ],
                        ..Argument::new("box", ArgumentKind::Block)
                    },
                ],
                ..Argument::new("by", ArgumentKind::OneOf)
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
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument { token: Some("COUNT"), ..Argument::new("count", ArgumentKind::Integer) },
                    Argument {
                        token: Some("ANY"),
                        flags: arg::OPTIONAL,
                        ..Argument::new("any", ArgumentKind::PureToken)
                    },
                ],
                ..Argument::new("count", ArgumentKind::Block)
            },
            Argument {
                token: Some("WITHCOORD"),
                flags: arg::OPTIONAL,
                ..Argument::new("withcoord", ArgumentKind::PureToken)
            },
            Argument {
                token: Some("WITHDIST"),
                flags: arg::OPTIONAL,
                ..Argument::new("withdist", ArgumentKind::PureToken)
            },
            Argument {
                token: Some("WITHHASH"),
                flags: arg::OPTIONAL,
                ..Argument::new("withhash", ArgumentKind::PureToken)
            },
        ],
        ..CommandDoc::EMPTY
    },
    CommandDoc {
        name: "geosearchstore",
        arity: -8,
        flags: Flags(flag::WRITE | flag::DENYOOM),
        acl: AclCategories(category::WRITE | category::GEO | category::SLOW),
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
                find: Find::Range(0, 1, 0),
            },
        ],
        legacy_keys: (1, 2, 1),
        summary: "Stores the places within a circle or a box",
        since: "6.2.0",
        group: "geo",
        complexity: "O(N+log(M))",
        history: &[("7.0.0", "Units in upper case")],
        arguments: &[
            Argument { key_spec: Some(0), ..Argument::new("destination", ArgumentKind::Key) },
            Argument { key_spec: Some(1), ..Argument::new("source", ArgumentKind::Key) },
            Argument {
                arguments: &[
                    Argument { token: Some("FROMMEMBER"), ..Argument::new("member", ArgumentKind::Text) },
                    Argument {
                        token: Some("FROMLONLAT"),
                        arguments: &[
                            Argument::new("longitude", ArgumentKind::Double),
                            Argument::new("latitude", ArgumentKind::Double),
                        ],
                        ..Argument::new("longitude_latitude", ArgumentKind::Block)
                    },
                ],
                ..Argument::new("from", ArgumentKind::OneOf)
            },
            Argument {
                arguments: &[
                    Argument {
                        arguments: &[
                            Argument { token: Some("BYRADIUS"), ..Argument::new("radius", ArgumentKind::Double) },
                            Argument {
                                arguments: &[
                                    Argument { token: Some("M"), ..Argument::new("m", ArgumentKind::PureToken) },
                                    Argument { token: Some("KM"), ..Argument::new("km", ArgumentKind::PureToken) },
                                    Argument { token: Some("FT"), ..Argument::new("ft", ArgumentKind::PureToken) },
                                    Argument { token: Some("MI"), ..Argument::new("mi", ArgumentKind::PureToken) },
                                ],
                                ..Argument::new("unit", ArgumentKind::OneOf)
                            },
                        ],
                        ..Argument::new("circle", ArgumentKind::Block)
                    },
                    Argument {
                        arguments: &[
                            Argument { token: Some("BYBOX"), ..Argument::new("width", ArgumentKind::Double) },
                            Argument::new("height", ArgumentKind::Double),
                            Argument {
                                arguments: &[
                                    Argument { token: Some("M"), ..Argument::new("m", ArgumentKind::PureToken) },
                                    Argument { token: Some("KM"), ..Argument::new("km", ArgumentKind::PureToken) },
                                    Argument { token: Some("FT"), ..Argument::new("ft", ArgumentKind::PureToken) },
                                    Argument { token: Some("MI"), ..Argument::new("mi", ArgumentKind::PureToken) },
                                ],
                                ..Argument::new("unit", ArgumentKind::OneOf)
                            },
                        ],
                        ..Argument::new("box", ArgumentKind::Block)
                    },
                ],
                ..Argument::new("by", ArgumentKind::OneOf)
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
                flags: arg::OPTIONAL,
                arguments: &[
                    Argument { token: Some("COUNT"), ..Argument::new("count", ArgumentKind::Integer) },
                    Argument {
                        token: Some("ANY"),
                        flags: arg::OPTIONAL,
                        ..Argument::new("any", ArgumentKind::PureToken)
                    },
                ],
                ..Argument::new("count", ArgumentKind::Block)
            },
            Argument {
                token: Some("STOREDIST"),
                flags: arg::OPTIONAL,
                ..Argument::new("storedist", ArgumentKind::PureToken)
            },
        ],
        ..CommandDoc::EMPTY
    },
];
