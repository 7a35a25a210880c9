//! Reading values in encodings that Redis 7.0 no longer writes, and converting them to listpacks.
//!
//! As in Redis, duplicates are always checked here, because the old encodings were the targets of crafted payloads.

use std::io::Read;

use crate::store::types::{listpack::Listpack, ziplist::Ziplist, zipmap::Zipmap};

use super::{
    error::RdbError,
    object::{ListNode, RdbValue},
    reader::Reader,
};

fn repack(list: &Ziplist<'_>, bytes: usize) -> Listpack {
    let mut pack = Listpack::with_capacity(bytes);
    for entry in list.iter() {
        // A ziplist written long ago may hold the text of an integer as a string; a listpack never does.
        match entry {
            crate::store::types::listpack::Entry::Str(text) => pack.push_back(text),
            int => pack.push_back_entry(int),
        }
    }
    pack.shrink_to_fit();
    pack
}

fn ziplist<R: Read>(reader: &mut Reader<R>, complaint: &'static str) -> Result<Listpack, RdbError> {
    let bytes = reader.text()?;
    let list = Ziplist::parse(&bytes).map_err(|_| reader.corrupt(complaint))?;
    Ok(repack(&list, bytes.len()))
}

pub(super) fn hash_ziplist<R: Read>(reader: &mut Reader<R>) -> Result<RdbValue, RdbError> {
    const COMPLAINT: &str = "Hash ziplist integrity check failed.";
    let pack = ziplist(reader, COMPLAINT)?;
    reader.check_pairs(&pack, true, COMPLAINT)?;
    Ok(RdbValue::HashListpack(pack))
}

pub(super) fn zset_ziplist<R: Read>(reader: &mut Reader<R>) -> Result<RdbValue, RdbError> {
    let pack = ziplist(reader, "Zset ziplist integrity check failed.")?;
    reader.check_zset_pairs(&pack, true)?;
    Ok(RdbValue::ZsetListpack(pack))
}

pub(super) fn list_ziplist<R: Read>(reader: &mut Reader<R>) -> Result<RdbValue, RdbError> {
    let pack = ziplist(reader, "List ziplist integrity check failed.")?;
    let nodes = if pack.is_empty() { Vec::new() } else { vec![ListNode::Packed(pack)] };
    reader.non_empty_nodes(nodes)
}

pub(super) fn list_quicklist<R: Read>(reader: &mut Reader<R>) -> Result<RdbValue, RdbError> {
    let size = reader.size()?;
    let mut nodes = Vec::new();
    for _ in 0..size {
        let pack = ziplist(reader, "Ziplist integrity check failed.")?;
        if !pack.is_empty() {
            nodes.push(ListNode::Packed(pack));
        }
    }
    reader.non_empty_nodes(nodes)
}

pub(super) fn hash_zipmap<R: Read>(reader: &mut Reader<R>) -> Result<RdbValue, RdbError> {
    const COMPLAINT: &str = "Zipmap integrity check failed.";
    let bytes = reader.text()?;
    let map = Zipmap::parse(&bytes).map_err(|_| reader.corrupt(COMPLAINT))?;
    let pairs: Vec<(Vec<u8>, Vec<u8>)> = map.iter().map(|(field, value)| (field.to_vec(), value.to_vec())).collect();
    let mut fields: Vec<&[u8]> = pairs.iter().map(|(field, _)| field.as_slice()).collect();
    fields.sort_unstable();
    if pairs.is_empty() || fields.windows(2).any(|two| two[0] == two[1]) {
        return Err(reader.corrupt(COMPLAINT));
    }
    // Not necessarily a listpack: with long values it becomes a table, according to the present settings.
    Ok(RdbValue::Hash(pairs))
}
