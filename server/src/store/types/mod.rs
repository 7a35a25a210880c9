//! The value types and the compact encodings that they share with RDB files and DUMP payloads.

pub mod geohash;
pub mod hash;
pub mod hyperloglog;
pub mod intset;
pub mod list;
pub mod listpack;
mod members;
pub mod order_tree;
pub mod packed_set;
pub mod score_tree;
pub mod set;
pub mod sorted_set;
pub mod stream;
pub mod stream_group;
pub mod stream_id;
mod stream_nodes;
pub mod ziplist;
pub mod zipmap;

/// Estimates the total size of `count` parts from `samples` of them; 0 measures all of them.
pub fn sampled(count: usize, sizes: impl Iterator<Item = usize>, samples: usize) -> usize {
    let most = if samples == 0 { usize::MAX } else { samples };
    let (seen, sum) = sizes.take(most).fold((0, 0), |(seen, sum), size| (seen + 1, sum + size));
    if seen == count { sum } else { (sum as f64 / seen as f64 * count as f64) as usize }
}
