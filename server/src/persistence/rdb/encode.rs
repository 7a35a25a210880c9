//! Values as Redis 7.0 writes them, from borrowed parts, appended to a `Vec<u8>`.
//!
//! Each function writes what follows type and key ([`primitives::write_entry_head`]); its documentation names the
//! [`ValueType`]. `compress` is the `rdbcompression` setting.

use super::{
    object::{ListNode, RdbValue},
    primitives::{self, write_double, write_length, write_string},
    reader::RdbString,
    stream,
};

pub use primitives::{ValueType, write_int_string as int_string, write_string as string};

/// A borrowed node of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeRef<'a> {
    /// The bytes of a listpack.
    Packed(&'a [u8]),
    /// One large element.
    Plain(&'a [u8]),
    /// A node that the list keeps compressed.
    Compressed {
        /// The compressed bytes.
        packed: &'a [u8],
        /// The length before compression, in bytes.
        plain_length: usize,
        /// Whether the node is one large element rather than a listpack.
        plain: bool,
    },
}

/// Writes [`ValueType::HashListpack`], [`ValueType::ZsetListpack`] and [`ValueType::SetIntset`]: the compact encoding's
/// bytes.
pub fn compact(out: &mut Vec<u8>, bytes: &[u8], compress: bool) {
    write_string(out, bytes, compress);
}

/// Writes [`ValueType::Hash`].
pub fn hash<'a>(
    out: &mut Vec<u8>,
    length: usize,
    pairs: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
    compress: bool,
) {
    write_length(out, length as u64);
    for (field, value) in pairs {
        write_string(out, field, compress);
        write_string(out, value, compress);
    }
}

/// Writes [`ValueType::Set`].
pub fn set<'a>(out: &mut Vec<u8>, length: usize, members: impl IntoIterator<Item = &'a [u8]>, compress: bool) {
    write_length(out, length as u64);
    for member in members {
        write_string(out, member, compress);
    }
}

/// Writes [`ValueType::Zset`]. Redis writes the highest score first, so that loading inserts at the front.
pub fn zset<'a>(
    out: &mut Vec<u8>,
    length: usize,
    descending: impl IntoIterator<Item = (&'a [u8], f64)>,
    compress: bool,
) {
    write_length(out, length as u64);
    for (member, score) in descending {
        write_string(out, member, compress);
        write_double(out, score);
    }
}

/// Writes [`ValueType::ListQuicklist2`].
pub fn list<'a>(out: &mut Vec<u8>, length: usize, nodes: impl IntoIterator<Item = NodeRef<'a>>, compress: bool) {
    write_length(out, length as u64);
    for node in nodes {
        let plain = matches!(node, NodeRef::Plain(_) | NodeRef::Compressed { plain: true, .. });
        write_length(out, if plain { 1 } else { 2 });
        match node {
            NodeRef::Packed(bytes) | NodeRef::Plain(bytes) => write_string(out, bytes, compress),
            NodeRef::Compressed { packed, plain_length, .. } => primitives::write_lzf(out, packed, plain_length),
        }
    }
}

/// Writes a neutral value as it was read: for tools that copy values from one file to another.
pub fn value(out: &mut Vec<u8>, value: &RdbValue, compress: bool) {
    match value {
        RdbValue::String(RdbString::Int(number)) => int_string(out, *number),
        RdbValue::String(RdbString::Bytes(text)) => string(out, text, compress),
        RdbValue::List(items) | RdbValue::Set(items) => {
            set(out, items.len(), items.iter().map(Vec::as_slice), compress);
        }
        RdbValue::ListNodes(nodes) => {
            let refs = nodes.iter().map(|node| match node {
                ListNode::Packed(pack) => NodeRef::Packed(pack.as_bytes()),
                ListNode::Plain(bytes) => NodeRef::Plain(bytes),
            });
            list(out, nodes.len(), refs, compress);
        }
        RdbValue::SetIntset(members) => compact(out, members.as_bytes(), compress),
        RdbValue::Zset(pairs) => {
            zset(out, pairs.len(), pairs.iter().map(|(member, score)| (member.as_slice(), *score)), compress);
        }
        RdbValue::Hash(pairs) => {
            hash(out, pairs.len(), pairs.iter().map(|(field, value)| (field.as_slice(), value.as_slice())), compress);
        }
        RdbValue::ZsetListpack(pack) | RdbValue::HashListpack(pack) => compact(out, pack.as_bytes(), compress),
        RdbValue::Stream(stream) => stream::write_stream(out, stream, compress),
    }
}
