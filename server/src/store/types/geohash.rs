//! Places as numbers: 52 bits of interleaved latitude and longitude, which sorted sets keep as scores.
//!
//! # Background
//! Near places mostly share the high bits of their numbers, so that the places around a point are in a few ranges of scores:
//! the cell of the point, at a size that suits the search, and its eight neighbours. Which cells are searched, and in which
//! order, determines the order of an unsorted reply, so both are as in Redis. Latitudes end at 85.05112878 degrees, where a
//! Mercator map is square. Distances are those on a sphere.

use std::f64::consts::PI;

const LATITUDE_MAX: f64 = 85.051_128_78;
const LONGITUDE_MAX: f64 = 180.0;
/// Bits of each coordinate.
const STEPS: u32 = 26;
const EARTH_RADIUS: f64 = 6_372_797.560_856;
/// Half of the equator on a Mercator map, in metres.
const MERCATOR_MAX: f64 = 20_037_726.37;

/// Whether coordinates (in degrees) can be encoded.
pub fn is_valid(longitude: f64, latitude: f64) -> bool {
    (-LONGITUDE_MAX..=LONGITUDE_MAX).contains(&longitude) && (-LATITUDE_MAX..=LATITUDE_MAX).contains(&latitude)
}

/// The score of a place.
pub fn encode(longitude: f64, latitude: f64) -> u64 {
    Cell::containing(longitude, latitude, STEPS, LATITUDE_MAX).bits
}

/// Longitude and latitude of a score: the middle of its cell.
pub fn decode(score: u64) -> (f64, f64) {
    let area = Cell { bits: score, steps: STEPS }.area();
    let middle = |(min, max): (f64, f64), limit: f64| ((min + max) / 2.0).clamp(-limit, limit);
    (middle(area.longitude, LONGITUDE_MAX), middle(area.latitude, LATITUDE_MAX))
}

/// The eleven letters that other programs use for a place. The last one is always `0`: 52 bits make ten letters and a bit.
pub fn text(score: u64) -> [u8; 11] {
    const LETTERS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
    let (longitude, latitude) = decode(score);
    // The common geohash covers latitudes up to the poles.
    let bits = Cell::containing(longitude, latitude, STEPS, 90.0).bits;
    let mut text = [b'0'; 11];
    for (place, letter) in text.iter_mut().take(10).enumerate() {
        *letter = LETTERS[(bits >> (52 - (place + 1) * 5) & 31) as usize];
    }
    text
}

/// Metres between two places.
pub fn distance(longitude1: f64, latitude1: f64, longitude2: f64, latitude2: f64) -> f64 {
    let (lat1, lat2) = (radians(latitude1), radians(latitude2));
    let u = ((lat2 - lat1) / 2.0).sin();
    let v = ((radians(longitude2) - radians(longitude1)) / 2.0).sin();
    if v == 0.0 {
        return latitude_distance(latitude1, latitude2);
    }
    2.0 * EARTH_RADIUS * (u * u + lat1.cos() * lat2.cos() * v * v).sqrt().asin()
}

fn latitude_distance(latitude1: f64, latitude2: f64) -> f64 {
    EARTH_RADIUS * (radians(latitude2) - radians(latitude1)).abs()
}

fn radians(degrees: f64) -> f64 {
    degrees * (PI / 180.0)
}

fn degrees(radians: f64) -> f64 {
    radians / (PI / 180.0)
}

/// The area to search around a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// Everything up to `radius` metres away.
    Circle {
        /// The radius, in metres.
        radius: f64,
    },
    /// Everything in a box around the point.
    Box {
        /// The width from west to east, in metres.
        width: f64,
        /// The height from south to north, in metres.
        height: f64,
    },
}

/// A search around a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Search {
    /// Longitude of the point.
    pub longitude: f64,
    /// Latitude of the point.
    pub latitude: f64,
    /// The area around the point.
    pub shape: Shape,
}

impl Search {
    /// The distance of a place in metres, if it is within the shape.
    pub fn distance_inside(&self, longitude: f64, latitude: f64) -> Option<f64> {
        match self.shape {
            Shape::Circle { radius } => {
                let metres = distance(self.longitude, self.latitude, longitude, latitude);
                (metres <= radius).then_some(metres)
            }
            Shape::Box { width, height } => {
                if latitude_distance(latitude, self.latitude) > height / 2.0
                    || distance(longitude, latitude, self.longitude, latitude) > width / 2.0
                {
                    return None;
                }
                Some(distance(self.longitude, self.latitude, longitude, latitude))
            }
        }
    }

    /// Degrees that the shape spans: longitudes and latitudes.
    fn bounds(&self) -> Area {
        let (width, height) = match self.shape {
            Shape::Circle { radius } => (radius, radius),
            Shape::Box { width, height } => (width / 2.0, height / 2.0),
        };
        let lat_delta = degrees(height / EARTH_RADIUS);
        // The side nearer to the pole spans more degrees.
        let pole_side = if self.latitude < 0.0 { self.latitude - lat_delta } else { self.latitude + lat_delta };
        let long_delta = degrees(width / EARTH_RADIUS / radians(pole_side).cos());
        Area {
            longitude: (self.longitude - long_delta, self.longitude + long_delta),
            latitude: (self.latitude - lat_delta, self.latitude + lat_delta),
        }
    }

    /// The ranges of scores (the end is outside) in which all places of the shape lie, in the order in which to look.
    pub fn score_ranges(&self) -> Vec<(u64, u64)> {
        let bounds = self.bounds();
        let reach = match self.shape {
            Shape::Circle { radius } => radius,
            Shape::Box { width, height } => ((width / 2.0).powi(2) + (height / 2.0).powi(2)).sqrt(),
        };
        let mut steps = steps_for(reach, self.latitude);
        let mut cell = Cell::containing(self.longitude, self.latitude, steps, LATITUDE_MAX);
        if steps > 1 && Self::sticks_out(cell, &bounds) {
            steps -= 1;
            cell = Cell::containing(self.longitude, self.latitude, steps, LATITUDE_MAX);
        }
        let area = cell.area();
        // With large cells, none may be left out.
        let exact = steps >= 2;
        let south = !(exact && area.latitude.0 < bounds.latitude.0);
        let north = !(exact && area.latitude.1 > bounds.latitude.1);
        let west = !(exact && area.longitude.0 < bounds.longitude.0);
        let east = !(exact && area.longitude.1 > bounds.longitude.1);
        let directions = [
            (0, 0, true),
            (0, 1, north),
            (0, -1, south),
            (1, 0, east),
            (-1, 0, west),
            (1, 1, north && east),
            (-1, 1, north && west),
            (1, -1, south && east),
            (-1, -1, south && west),
        ];
        let mut cells: Vec<Cell> = Vec::with_capacity(9);
        for (x, y, _) in directions.into_iter().filter(|(_, _, wanted)| *wanted) {
            let neighbour = cell.moved(x, y);
            // If the world has few cells, the same one may occur twice. Redis compares each with its predecessor, but not
            // with the middle.
            let repeated = cells.len() > 1 && cells.last() == Some(&neighbour);
            if !repeated {
                cells.push(neighbour);
            }
        }
        cells.into_iter().map(Cell::scores).collect()
    }

    /// Whether the shape reaches beyond the neighbours of the cell that holds its middle.
    fn sticks_out(cell: Cell, bounds: &Area) -> bool {
        cell.moved(0, 1).area().latitude.1 < bounds.latitude.1
            || cell.moved(0, -1).area().latitude.0 > bounds.latitude.0
            || cell.moved(1, 0).area().longitude.1 < bounds.longitude.1
            || cell.moved(-1, 0).area().longitude.0 > bounds.longitude.0
    }
}

/// Bits of each coordinate at which a cell is about as large as the reach of a search.
fn steps_for(reach: f64, latitude: f64) -> u32 {
    if reach == 0.0 {
        return STEPS;
    }
    let (mut steps, mut reach) = (1i32, reach);
    while reach < MERCATOR_MAX {
        reach *= 2.0;
        steps += 1;
    }
    // Two steps larger, so that the neighbours usually cover the shape; and larger still where meridians converge.
    steps -= 2;
    if latitude.abs() > 66.0 {
        steps -= 1;
    }
    if latitude.abs() > 80.0 {
        steps -= 1;
    }
    steps.clamp(1, STEPS as i32) as u32
}

/// Degrees from west to east and from south to north.
#[derive(Debug, Clone, Copy)]
struct Area {
    longitude: (f64, f64),
    latitude: (f64, f64),
}

/// A cell of the map: `steps` bits of each coordinate, latitude in the even bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cell {
    bits: u64,
    steps: u32,
}

const EVEN: u64 = 0x5555_5555_5555_5555;
const ODD: u64 = !EVEN;

/// Spreads 32 bits over the even ones of 64.
fn spread(value: u32) -> u64 {
    let mut bits = u64::from(value);
    for (shift, mask) in [
        (16, 0x0000_ffff_0000_ffff),
        (8, 0x00ff_00ff_00ff_00ff),
        (4, 0x0f0f_0f0f_0f0f_0f0f),
        (2, 0x3333_3333_3333_3333),
        (1, EVEN),
    ] {
        bits = (bits | bits << shift) & mask;
    }
    bits
}

/// The opposite of [`spread`].
fn gather(bits: u64) -> u32 {
    let mut bits = bits & EVEN;
    for (shift, mask) in [
        (1, 0x3333_3333_3333_3333),
        (2, 0x0f0f_0f0f_0f0f_0f0f),
        (4, 0x00ff_00ff_00ff_00ff),
        (8, 0x0000_ffff_0000_ffff),
        (16, 0x0000_0000_ffff_ffff),
    ] {
        bits = (bits | bits >> shift) & mask;
    }
    bits as u32
}

impl Cell {
    fn containing(longitude: f64, latitude: f64, steps: u32, latitude_max: f64) -> Self {
        let scale = f64::from(1u32 << steps);
        let part = |value: f64, limit: f64| ((value + limit) / (limit * 2.0) * scale) as u32;
        let bits = spread(part(latitude, latitude_max)) | spread(part(longitude, LONGITUDE_MAX)) << 1;
        Self { bits, steps }
    }

    fn area(&self) -> Area {
        let scale = f64::from(1u32 << self.steps);
        let range = |index: u32, limit: f64| {
            let at = |index: f64| -limit + index / scale * (limit * 2.0);
            (at(f64::from(index)), at(f64::from(index) + 1.0))
        };
        Area {
            longitude: range(gather(self.bits >> 1), LONGITUDE_MAX),
            latitude: range(gather(self.bits), LATITUDE_MAX),
        }
    }

    /// The cell that many cells to the east and to the north, wrapping around the world.
    fn moved(self, east: i8, north: i8) -> Self {
        let mask = u64::MAX >> (64 - self.steps * 2);
        let step = |bits: u64, own: u64, other: u64, by: i8| {
            // The other coordinate's bits are set so that carries propagate through them.
            let fill = other & mask;
            match by {
                0 => bits & own,
                1.. => ((bits & own) + fill + 1) & own & mask,
                _ => ((bits & own) | fill).wrapping_sub(fill + 1) & own & mask,
            }
        };
        Self { bits: step(self.bits, ODD, EVEN, east) | step(self.bits, EVEN, ODD, north), steps: self.steps }
    }

    fn scores(self) -> (u64, u64) {
        let shift = 52 - self.steps * 2;
        (self.bits << shift, (self.bits + 1) << shift)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::{long_double::LongDouble, random::Random},
        upstream::Upstream,
    };

    fn places(random: &mut Random, count: usize, spread: f64) -> Vec<(String, f64, f64)> {
        let (longitude, latitude) = (random.unit() * 360.0 - 180.0, random.unit() * 160.0 - 80.0);
        let near = |middle: f64, limit: f64, part: f64| (middle + (part - 0.5) * spread).clamp(-limit, limit);
        (0..count)
            .map(|n| (format!("p{n}"), near(longitude, 180.0, random.unit()), near(latitude, 85.0, random.unit())))
            .collect()
    }

    #[test]
    fn scores_positions_texts_and_distances_equal_the_real_servers() {
        let Some(mut redis) = Upstream::start(&[]) else { return };
        let mut random = Random::from_seed(1);
        let mut all = places(&mut random, 200, 300.0);
        all.extend([
            ("zero".to_owned(), 0.0, 0.0),
            ("corner".to_owned(), 180.0, 85.05112878),
            ("other".to_owned(), -180.0, -85.05112878),
        ]);
        for (name, longitude, latitude) in &all {
            redis.call(&["GEOADD", "g", &longitude.to_string(), &latitude.to_string(), name]);
            // Beyond 2^53, at the very edge, a score loses its last bit.
            let score = encode(*longitude, *latitude) as f64 as u64;
            assert_eq!(
                redis.call(&["ZSCORE", "g", name]).bytes(),
                score.to_string().as_bytes(),
                "{longitude} {latitude}"
            );
            assert_eq!(redis.call(&["GEOHASH", "g", name]).array().remove(0).bytes(), text(score));
            let (longitude, latitude) = decode(score);
            let theirs = redis.call(&["GEOPOS", "g", name]).array().remove(0).array();
            for (ours, theirs) in [longitude, latitude].into_iter().zip(theirs) {
                let mut text = Vec::new();
                LongDouble::from_f64(ours).write_human(&mut text);
                assert_eq!(text, theirs.bytes());
            }
            let (from_longitude, from_latitude) = decode(encode(all[0].1, all[0].2));
            let metres = distance(from_longitude, from_latitude, longitude, latitude);
            let theirs = redis.call(&["GEODIST", "g", "p0", name]).bytes();
            assert_eq!(format!("{metres:.4}").as_bytes(), theirs);
        }
    }

    #[test]
    fn searches_find_the_same_places_in_the_same_order_as_the_real_server() {
        let Some(mut redis) = Upstream::start(&[]) else { return };
        for seed in 0..150 {
            let mut random = Random::from_seed(seed);
            let spread = [0.01, 0.5, 5.0, 60.0, 400.0][random.below(5)];
            let all = places(&mut random, 150, spread);
            redis.call(&["DEL", "g"]);
            let mut scores: Vec<(u64, String)> = Vec::new();
            for (name, longitude, latitude) in &all {
                redis.call(&["GEOADD", "g", &longitude.to_string(), &latitude.to_string(), name]);
                scores.push((encode(*longitude, *latitude), name.clone()));
            }
            scores.sort();
            for _ in 0..5 {
                let (_, longitude, latitude) = all[random.below(all.len())].clone();
                let metres = spread * 111_000.0 * random.unit();
                let (shape, words) = if random.below(2) == 0 {
                    (Shape::Circle { radius: metres }, vec!["BYRADIUS".to_owned(), metres.to_string()])
                } else {
                    let height = metres * random.unit();
                    (
                        Shape::Box { width: metres, height },
                        vec!["BYBOX".to_owned(), metres.to_string(), height.to_string()],
                    )
                };
                let mut call = vec![
                    "GEOSEARCH".to_owned(),
                    "g".to_owned(),
                    "FROMLONLAT".to_owned(),
                    longitude.to_string(),
                    latitude.to_string(),
                ];
                call.extend(words);
                call.push("M".to_owned());
                let theirs: Vec<Vec<u8>> = redis.call(&call).array().into_iter().map(|it| it.bytes()).collect();
                let search = Search { longitude, latitude, shape };
                let mut ours = Vec::new();
                for (min, max) in search.score_ranges() {
                    for (score, name) in scores.iter().filter(|(score, _)| (min..max).contains(score)) {
                        let (longitude, latitude) = decode(*score);
                        if search.distance_inside(longitude, latitude).is_some() {
                            ours.push(name.clone().into_bytes());
                        }
                    }
                }
                assert_eq!(ours, theirs, "seed {seed}: {call:?}");
            }
        }
    }
}
