//! Geospatial commands: places in sorted sets (`https://redis.io/commands/?group=geo`). A score is 52 interleaved bits of
//! longitude and latitude.

use super::sorted_set::{add_places, read};
use crate::base::numbers::{parse_f64, parse_i64};
use crate::config::NotifyFlags;
use crate::persistence::limits::sorted_set_limits;
use crate::resp::Args;
use crate::server::error::*;
use crate::server::{CommandError, CommandResult, DataContext, Family, Handler};
use crate::store::entry::ValueRef;
use crate::store::types::geohash::{self, Search, Shape};
use crate::store::types::sorted_set::{ScoreBound, SortedSet};
use crate::store::value::Object;

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("geoadd", Handler::Data(geoadd)),
    ("geodist", Handler::Data(geodist)),
    ("geohash", Handler::Data(geohash)),
    ("geopos", Handler::Data(geopos)),
    ("georadius", Handler::Data(georadius)),
    ("georadius_ro", Handler::Data(georadius_ro)),
    ("georadiusbymember", Handler::Data(georadiusbymember)),
    ("georadiusbymember_ro", Handler::Data(georadiusbymember_ro)),
    ("geosearch", Handler::Data(geosearch)),
    ("geosearchstore", Handler::Data(geosearchstore)),
];

/// Parses longitude and latitude, and checks their ranges.
fn place(longitude: &[u8], latitude: &[u8]) -> CommandResult<(f64, f64)> {
    let longitude = parse_f64(longitude).ok_or(NOT_FLOAT)?;
    let latitude = parse_f64(latitude).ok_or(NOT_FLOAT)?;
    if !geohash::is_valid(longitude, latitude) {
        return Err(CommandError::text(format!("ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}")));
    }
    Ok((longitude, latitude))
}

/// The number of metres in a unit.
fn unit(word: &[u8]) -> CommandResult<f64> {
    const UNITS: [(&[u8], f64); 4] = [(b"m", 1.0), (b"km", 1000.0), (b"ft", 0.3048), (b"mi", 1609.34)];
    let found = UNITS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name));
    found
        .map(|(_, metres)| *metres)
        .ok_or(CommandError::Static("ERR unsupported unit provided. please use M, KM, FT, MI"))
}

/// `GEOADD key [NX|XX] [CH] longitude latitude member [...]`.
fn geoadd(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let (mut nx, mut xx, mut ch) = (false, false, false);
    let mut at = 2;
    while at < args.len() {
        match () {
            () if args.is(at, "nx") => nx = true,
            () if args.is(at, "xx") => xx = true,
            () if args.is(at, "ch") => ch = true,
            () => break,
        }
        at += 1;
    }
    if !(args.len() - at).is_multiple_of(3) || (nx && xx) {
        return Err(SYNTAX);
    }
    let mut pairs = Vec::with_capacity((args.len() - at) / 3);
    while at < args.len() {
        let (longitude, latitude) = place(args.get(at), args.get(at + 1))?;
        pairs.push((args.get(at + 2), geohash::encode(longitude, latitude) as f64));
        at += 3;
    }
    let key = args.get(1);
    add_places(ctx, key, &pairs, (nx, xx, ch))?;
    let mut words: Vec<&[u8]> = vec![b"ZADD", key];
    words.extend([(nx, &b"NX"[..]), (xx, b"XX"), (ch, b"CH")].iter().filter(|(on, _)| *on).map(|(_, word)| *word));
    let scores: Vec<String> = pairs.iter().map(|(_, score)| format!("{score}")).collect();
    pairs.iter().zip(&scores).for_each(|((member, _), score)| words.extend([score.as_bytes(), member]));
    if ctx.effects.dirty > 0 {
        ctx.propagate_as(&words);
    }
    Ok(())
}

/// The sorted set under a key that was looked up before.
fn looked_up<'a>(ctx: &'a mut DataContext<'_>, key: &[u8]) -> Option<&'a SortedSet> {
    match ctx.keyspace.peek(ctx.db, key)?.value() {
        ValueRef::Object(Object::SortedSet(set)) => Some(set),
        _ => None,
    }
}

/// `GEODIST key member1 member2 [M|KM|FT|MI]`.
fn geodist(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let metres = match args.len() {
        4 => 1.0,
        5 => unit(args.get(4))?,
        _ => return Err(SYNTAX),
    };
    let ends = read(ctx, args.get(1))?.and_then(|set| Some((set.score(args.get(2))?, set.score(args.get(3))?)));
    let Some((from, to)) = ends else {
        ctx.reply.null();
        return Ok(());
    };
    let (from, to) = (geohash::decode(from as u64), geohash::decode(to as u64));
    reply_distance(ctx, geohash::distance(from.0, from.1, to.0, to.1) / metres);
    Ok(())
}

/// Writes a distance: a bulk string with four decimals, also in RESP3.
fn reply_distance(ctx: &mut DataContext<'_>, distance: f64) {
    ctx.reply.bulk(format!("{distance:.4}").as_bytes());
}

/// `GEOHASH key [member ...]`.
fn geohash(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    for_each_member(ctx, args, |ctx, score| match score {
        Some(score) => ctx.reply.bulk(&geohash::text(score as u64)),
        None => ctx.reply.null(),
    })
}

/// `GEOPOS key [member ...]`.
fn geopos(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    for_each_member(ctx, args, |ctx, score| match score {
        Some(score) => reply_place(ctx, geohash::decode(score as u64)),
        None => ctx.reply.null_array(),
    })
}

fn for_each_member(
    ctx: &mut DataContext<'_>,
    args: &Args<'_>,
    mut reply: impl FnMut(&mut DataContext<'_>, Option<f64>),
) -> CommandResult {
    let scores: Vec<Option<f64>> = match read(ctx, args.get(1))? {
        Some(set) => args.from(2).map(|member| set.score(member)).collect(),
        None => vec![None; args.len() - 2],
    };
    ctx.reply.array(scores.len());
    scores.into_iter().for_each(|score| reply(ctx, score));
    Ok(())
}

fn reply_place(ctx: &mut DataContext<'_>, (longitude, latitude): (f64, f64)) {
    ctx.reply.array(2);
    ctx.reply.human_double(longitude);
    ctx.reply.human_double(latitude);
}

/// How the syntax of one search command differs from that of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Form {
    /// The centre comes first, as in GEORADIUS: a member if true, coordinates if false; `None` if options name it.
    centre_first: Option<bool>,
    /// The index of the first option.
    options_at: usize,
    /// STORE and STOREDIST are options.
    may_store: bool,
    /// The destination is the first word: GEOSEARCHSTORE.
    stores: bool,
}

/// `GEORADIUS key longitude latitude radius unit [...]`.
fn georadius(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    search(ctx, args, Form { centre_first: Some(false), options_at: 6, may_store: true, stores: false })
}

/// `GEORADIUS_RO`: without STORE.
fn georadius_ro(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    search(ctx, args, Form { centre_first: Some(false), options_at: 6, may_store: false, stores: false })
}

/// `GEORADIUSBYMEMBER key member radius unit [...]`.
fn georadiusbymember(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    search(ctx, args, Form { centre_first: Some(true), options_at: 5, may_store: true, stores: false })
}

/// `GEORADIUSBYMEMBER_RO`: without STORE.
fn georadiusbymember_ro(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    search(ctx, args, Form { centre_first: Some(true), options_at: 5, may_store: false, stores: false })
}

/// `GEOSEARCH key FROMMEMBER m|FROMLONLAT x y BYRADIUS r unit|BYBOX w h unit [...]`.
fn geosearch(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    search(ctx, args, Form { centre_first: None, options_at: 2, may_store: false, stores: false })
}

/// `GEOSEARCHSTORE destination source ...`.
fn geosearchstore(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    search(ctx, args, Form { centre_first: None, options_at: 3, may_store: false, stores: true })
}

/// The arguments of a search command.
#[derive(Default)]
struct Query<'a> {
    centre: Option<(f64, f64)>,
    shape: Option<Shape>,
    /// Metres in the unit of the request.
    metres: f64,
    with_distance: bool,
    with_hash: bool,
    with_place: bool,
    count: Option<usize>,
    any: bool,
    descending: Option<bool>,
    store: Option<&'a [u8]>,
    store_distance: bool,
}

fn non_negative(word: &[u8], none: &'static str, negative: &'static str) -> CommandResult<f64> {
    let number = parse_f64(word).ok_or(CommandError::Static(none))?;
    if number < 0.0 { Err(CommandError::Static(negative)) } else { Ok(number) }
}

fn circle(radius: &[u8], unit_word: &[u8]) -> CommandResult<(Shape, f64)> {
    let radius = non_negative(radius, "ERR need numeric radius", "ERR radius cannot be negative")?;
    let metres = unit(unit_word)?;
    Ok((Shape::Circle { radius: radius * metres }, metres))
}

fn rectangle(width: &[u8], height: &[u8], unit_word: &[u8]) -> CommandResult<(Shape, f64)> {
    const NEGATIVE: &str = "ERR height or width cannot be negative";
    let width = parse_f64(width).ok_or(CommandError::Static("ERR need numeric width"))?;
    let height = parse_f64(height).ok_or(CommandError::Static("ERR need numeric height"))?;
    if width < 0.0 || height < 0.0 {
        return Err(CommandError::Static(NEGATIVE));
    }
    let metres = unit(unit_word)?;
    Ok((Shape::Box { width: width * metres, height: height * metres }, metres))
}

impl<'a> Query<'a> {
    /// `absent` says that the key does not exist, so that the position of a member cannot be looked up and is not needed.
    fn parse(ctx: &mut DataContext<'_>, args: &Args<'a>, form: Form, absent: bool) -> CommandResult<Self> {
        let key = args.get(if form.stores { 2 } else { 1 });
        let name = String::from_utf8_lossy(args.get(0));
        let mut query = Self { store: form.stores.then(|| args.get(1)), ..Self::default() };
        let centre_of = |ctx: &mut DataContext<'_>, member: &[u8]| -> CommandResult<(f64, f64)> {
            let score = looked_up(ctx, key).and_then(|set| set.score(member));
            let score = score.ok_or(CommandError::Static("ERR could not decode requested zset member"))?;
            Ok(geohash::decode(score as u64))
        };
        if let Some(by_member) = form.centre_first {
            let radius_at = form.options_at - 2;
            // As in Redis, neither the member nor the radius is checked if the key does not exist.
            if !(by_member && absent) {
                let centre = if by_member { centre_of(ctx, args.get(2))? } else { place(args.get(2), args.get(3))? };
                let (shape, metres) = circle(args.get(radius_at), args.get(radius_at + 1))?;
                (query.centre, query.shape, query.metres) = (Some(centre), Some(shape), metres);
            }
        }
        let free = form.centre_first.is_none();
        let (mut from_member, mut from_place, mut by_radius, mut by_box) = (false, false, false, false);
        let mut at = form.options_at;
        while at < args.len() {
            let left = args.len() - at - 1;
            let mut used = 1;
            match () {
                () if args.is(at, "withdist") => query.with_distance = true,
                () if args.is(at, "withhash") => query.with_hash = true,
                () if args.is(at, "withcoord") => query.with_place = true,
                () if args.is(at, "any") => query.any = true,
                () if args.is(at, "asc") => query.descending = Some(false),
                () if args.is(at, "desc") => query.descending = Some(true),
                () if args.is(at, "count") && left >= 1 => {
                    let count = parse_i64(args.get(at + 1)).ok_or(NOT_INTEGER)?;
                    if count <= 0 {
                        return Err(CommandError::Static("ERR COUNT must be > 0"));
                    }
                    query.count = Some(count as usize);
                    used = 2;
                }
                () if form.may_store && left >= 1 && (args.is(at, "store") || args.is(at, "storedist")) => {
                    query.store = Some(args.get(at + 1));
                    query.store_distance = args.is(at, "storedist");
                    used = 2;
                }
                () if free && args.is(at, "frommember") && left >= 1 && !from_place => {
                    if !absent {
                        query.centre = Some(centre_of(ctx, args.get(at + 1))?);
                    }
                    (from_member, used) = (true, 2);
                }
                () if free && args.is(at, "fromlonlat") && left >= 2 && !from_member => {
                    query.centre = Some(place(args.get(at + 1), args.get(at + 2))?);
                    (from_place, used) = (true, 3);
                }
                () if free && args.is(at, "byradius") && left >= 2 && !by_box => {
                    let (shape, metres) = circle(args.get(at + 1), args.get(at + 2))?;
                    (query.shape, query.metres) = (Some(shape), metres);
                    (by_radius, used) = (true, 3);
                }
                () if free && args.is(at, "bybox") && left >= 3 && !by_radius => {
                    let (shape, metres) = rectangle(args.get(at + 1), args.get(at + 2), args.get(at + 3))?;
                    (query.shape, query.metres) = (Some(shape), metres);
                    (by_box, used) = (true, 4);
                }
                () if form.stores && args.is(at, "storedist") => query.store_distance = true,
                () => return Err(SYNTAX),
            }
            at += used;
        }
        if query.store.is_some() && (query.with_distance || query.with_hash || query.with_place) {
            let what = if form.stores { "GEOSEARCHSTORE" } else { "STORE option in GEORADIUS" };
            let text = format!("ERR {what} is not compatible with WITHDIST, WITHHASH and WITHCOORD options");
            return Err(CommandError::text(text));
        }
        if free && !from_member && !from_place {
            let text = format!("ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for {name}");
            return Err(CommandError::text(text));
        }
        if free && !by_radius && !by_box {
            let text = format!("ERR exactly one of BYRADIUS and BYBOX can be specified for {name}");
            return Err(CommandError::text(text));
        }
        if query.any && query.count.is_none() {
            return Err(CommandError::Static("ERR the ANY argument requires COUNT argument"));
        }
        Ok(query)
    }
}

/// A place that a search found.
struct Found {
    member: Vec<u8>,
    score: f64,
    distance: f64,
}

/// The places of a set within a shape, at most `limit`, in the order of cells and scores.
fn find(set: &SortedSet, search: &Search, limit: usize) -> Vec<Found> {
    let mut found = Vec::new();
    for (low, high) in search.score_ranges() {
        let bound = |score: u64, exclusive| ScoreBound { score: score as f64, exclusive };
        let ranks = set.score_range(bound(low, false), bound(high, true));
        set.visit(ranks.start, ranks.len(), false, |member, score| {
            let (longitude, latitude) = geohash::decode(score as u64);
            if let Some(distance) = search.distance_inside(longitude, latitude) {
                found.push(Found { member: member.to_vec(), score, distance });
            }
            found.len() < limit
        });
        if found.len() >= limit {
            break;
        }
    }
    found
}

fn search(ctx: &mut DataContext<'_>, args: &Args<'_>, form: Form) -> CommandResult {
    let key = args.get(if form.stores { 2 } else { 1 });
    let absent = read(ctx, key)?.is_none();
    let query = Query::parse(ctx, args, form, absent)?;
    let mut found = Vec::new();
    if let (false, Some((longitude, latitude)), Some(shape)) = (absent, query.centre, query.shape) {
        let search = Search { longitude, latitude, shape };
        let limit = if query.any { query.count.unwrap_or(usize::MAX) } else { usize::MAX };
        found = looked_up(ctx, key).map_or_else(Vec::new, |set| find(set, &search, limit));
    }
    // COUNT without an order means the nearest ones, unless ANY is given.
    let descending = query.descending.or((query.count.is_some() && !query.any).then_some(false));
    if let Some(descending) = descending {
        found.sort_by(
            |a, b| if descending { b.distance.total_cmp(&a.distance) } else { a.distance.total_cmp(&b.distance) },
        );
    }
    found.truncate(query.count.unwrap_or(usize::MAX));
    match query.store {
        Some(destination) => store(ctx, destination, &query, found, form.stores),
        None => {
            reply_found(ctx, &query, &found);
            Ok(())
        }
    }
}

fn reply_found(ctx: &mut DataContext<'_>, query: &Query<'_>, found: &[Found]) {
    let extras = [query.with_distance, query.with_hash, query.with_place].into_iter().filter(|with| *with).count();
    ctx.reply.array(found.len());
    for place in found {
        if extras > 0 {
            ctx.reply.array(extras + 1);
        }
        ctx.reply.bulk(&place.member);
        if query.with_distance {
            reply_distance(ctx, place.distance / query.metres);
        }
        if query.with_hash {
            ctx.reply.integer(place.score as i64);
        }
        if query.with_place {
            reply_place(ctx, geohash::decode(place.score as u64));
        }
    }
}

fn store(
    ctx: &mut DataContext<'_>,
    destination: &[u8],
    query: &Query<'_>,
    found: Vec<Found>,
    search: bool,
) -> CommandResult {
    let count = found.len();
    if count == 0 {
        if ctx.delete(destination) {
            ctx.changed(destination, NotifyFlags::GENERIC, "del");
        }
    } else {
        let limits = sorted_set_limits(ctx.config);
        let score = |place: &Found| if query.store_distance { place.distance / query.metres } else { place.score };
        let set = SortedSet::of(found.iter().map(|place| (place.member.as_slice(), score(place))), limits);
        ctx.store_object(destination, Object::SortedSet(set));
        ctx.changed(destination, NotifyFlags::ZSET, if search { "geosearchstore" } else { "georadiusstore" });
        ctx.effects.dirty += count as u64 - 1;
    }
    ctx.reply.integer(count as i64);
    Ok(())
}
