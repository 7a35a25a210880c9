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
pub mod ziplist;
pub mod zipmap;
