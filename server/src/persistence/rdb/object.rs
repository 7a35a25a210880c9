//! Values as read from RDB bytes, neutral to how the store keeps them.

use std::{collections::HashSet, io::Read};

use crate::store::types::{
    intset::Intset,
    listpack::{Entry, Listpack},
    stream::Stream,
};

use super::{
    error::{ErrorKind, RdbError},
    legacy,
    primitives::ValueType,
    reader::{RdbString, Reader},
    stream,
};

/// The most elements that a collection's announced size reserves memory for; more is allocated as elements arrive.
const RESERVE: u64 = 4096;

/// A node of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListNode {
    /// Several elements.
    Packed(Listpack),
    /// One large element.
    Plain(Vec<u8>),
}

/// A value.
///
/// Collections are never empty. Compact encodings are checked and safe to walk; what is stored as pairs has an even number of
/// entries, and a sorted set's scores are numbers. In the forms that are not compact, elements may repeat: the store
/// notices when it inserts them, and should then fail with [`Reader::corrupt`].
#[derive(Debug, Clone, PartialEq)]
pub enum RdbValue {
    /// A string.
    String(RdbString),
    /// A list as its elements (before Redis 3.2).
    List(Vec<Vec<u8>>),
    /// A list as its nodes.
    ListNodes(Vec<ListNode>),
    /// A set as its members.
    Set(Vec<Vec<u8>>),
    /// A small set of integers.
    SetIntset(Intset),
    /// A sorted set as members with scores, in any order (Redis writes the highest first). No score is NaN.
    Zset(Vec<(Vec<u8>, f64)>),
    /// A small sorted set: members and scores alternating.
    ZsetListpack(Listpack),
    /// A hash as fields with values.
    Hash(Vec<(Vec<u8>, Vec<u8>)>),
    /// A small hash: fields and values alternating.
    HashListpack(Listpack),
    /// A stream.
    Stream(Box<Stream>),
}

impl<R: Read> Reader<R> {
    /// Reads a value of a type.
    ///
    /// `deep` also checks compact encodings for duplicates, as `sanitize-dump-payload` requires.
    ///
    /// # Errors
    /// [`ErrorKind::EmptyKey`] for a collection without elements, which has then been read completely; after anything else,
    /// reading cannot continue.
    pub fn value(&mut self, value_type: ValueType, deep: bool) -> Result<RdbValue, RdbError> {
        match value_type {
            ValueType::String => Ok(RdbValue::String(self.string()?)),
            ValueType::List => self.texts().map(RdbValue::List),
            ValueType::Set => self.texts().map(RdbValue::Set),
            ValueType::Hash => self.hash(),
            ValueType::Zset => self.zset(Reader::double),
            ValueType::ZsetText => self.zset(Reader::double_text),
            ValueType::SetIntset => self.intset(),
            ValueType::HashListpack => {
                let pack = self.listpack("Hash listpack integrity check failed.")?;
                self.check_pairs(&pack, deep, "Hash listpack integrity check failed.")?;
                Ok(RdbValue::HashListpack(pack))
            }
            ValueType::ZsetListpack => {
                let pack = self.listpack("Zset listpack integrity check failed.")?;
                self.check_zset_pairs(&pack, deep)?;
                Ok(RdbValue::ZsetListpack(pack))
            }
            ValueType::ListQuicklist2 => self.list_nodes(),
            ValueType::StreamListpacks => stream::read(self, false).map(|it| RdbValue::Stream(Box::new(it))),
            ValueType::StreamListpacks2 => stream::read(self, true).map(|it| RdbValue::Stream(Box::new(it))),
            ValueType::ModulePreGa => Err(self.corrupt("This RDB contains a module value of a pre-release format")),
            ValueType::Module => {
                let name = super::file::module_name(self.length()?);
                Err(self.error(ErrorKind::Module { name, auxiliary: false }))
            }
            ValueType::HashZipmap => legacy::hash_zipmap(self),
            ValueType::HashZiplist => legacy::hash_ziplist(self),
            ValueType::ZsetZiplist => legacy::zset_ziplist(self),
            ValueType::ListZiplist => legacy::list_ziplist(self),
            ValueType::ListQuicklist => legacy::list_quicklist(self),
        }
    }

    /// A size that may not be zero.
    pub(super) fn size(&mut self) -> Result<u64, RdbError> {
        match self.length()? {
            0 => Err(self.error(ErrorKind::EmptyKey)),
            size => Ok(size),
        }
    }

    fn texts(&mut self) -> Result<Vec<Vec<u8>>, RdbError> {
        let size = self.size()?;
        let mut texts = Vec::with_capacity(size.min(RESERVE) as usize);
        for _ in 0..size {
            texts.push(self.text()?);
        }
        Ok(texts)
    }

    fn hash(&mut self) -> Result<RdbValue, RdbError> {
        let size = self.size()?;
        let mut pairs = Vec::with_capacity(size.min(RESERVE) as usize);
        for _ in 0..size {
            pairs.push((self.text()?, self.text()?));
        }
        Ok(RdbValue::Hash(pairs))
    }

    fn zset(&mut self, score: fn(&mut Self) -> Result<f64, RdbError>) -> Result<RdbValue, RdbError> {
        let size = self.size()?;
        let mut pairs = Vec::with_capacity(size.min(RESERVE) as usize);
        for _ in 0..size {
            let member = self.text()?;
            let score = score(self)?;
            if score.is_nan() {
                return Err(self.corrupt("Zset with NAN score detected"));
            }
            pairs.push((member, score));
        }
        Ok(RdbValue::Zset(pairs))
    }

    fn intset(&mut self) -> Result<RdbValue, RdbError> {
        let bytes = self.text()?;
        match Intset::from_bytes(bytes) {
            Ok(set) => Ok(RdbValue::SetIntset(set)),
            Err(_) => Err(self.corrupt("Intset integrity check failed.")),
        }
    }

    pub(super) fn listpack(&mut self, complaint: &'static str) -> Result<Listpack, RdbError> {
        let bytes = self.text()?;
        Listpack::from_bytes(bytes).map_err(|_| self.corrupt(complaint))
    }

    fn list_nodes(&mut self) -> Result<RdbValue, RdbError> {
        let size = self.size()?;
        let mut nodes = Vec::with_capacity(size.min(RESERVE) as usize);
        for _ in 0..size {
            match self.length()? {
                1 => match self.text()? {
                    text if text.is_empty() => return Err(self.error(ErrorKind::EmptyKey)),
                    text => nodes.push(ListNode::Plain(text)),
                },
                2 => {
                    let pack = self.listpack("Listpack integrity check failed.")?;
                    if !pack.is_empty() {
                        nodes.push(ListNode::Packed(pack));
                    }
                }
                _ => return Err(self.corrupt("Quicklist integrity check failed.")),
            }
        }
        self.non_empty_nodes(nodes)
    }

    pub(super) fn non_empty_nodes(&self, nodes: Vec<ListNode>) -> Result<RdbValue, RdbError> {
        if nodes.is_empty() { Err(self.error(ErrorKind::EmptyKey)) } else { Ok(RdbValue::ListNodes(nodes)) }
    }

    /// Checks a listpack of pairs: not empty, even, and if asked without repeated first halves.
    pub(super) fn check_pairs(&self, pack: &Listpack, unique: bool, complaint: &'static str) -> Result<(), RdbError> {
        if pack.is_empty() {
            return Err(self.error(ErrorKind::EmptyKey));
        }
        if !pack.len().is_multiple_of(2) || (unique && has_duplicates(pack.pairs().map(|(first, _)| first))) {
            return Err(self.corrupt(complaint));
        }
        Ok(())
    }

    pub(super) fn check_zset_pairs(&self, pack: &Listpack, unique: bool) -> Result<(), RdbError> {
        const COMPLAINT: &str = "Zset listpack integrity check failed.";
        self.check_pairs(pack, unique, COMPLAINT)?;
        if pack.pairs().any(|(_, score)| score.as_f64().is_none()) {
            return Err(self.corrupt(COMPLAINT));
        }
        Ok(())
    }
}

fn has_duplicates<'a>(mut entries: impl Iterator<Item = Entry<'a>>) -> bool {
    let mut seen = HashSet::new();
    !entries.all(|entry| seen.insert(entry.to_vec()))
}

impl RdbValue {
    /// The type under which Redis 7.0 writes the value.
    pub fn value_type(&self) -> ValueType {
        match self {
            RdbValue::String(_) => ValueType::String,
            RdbValue::List(_) => ValueType::List,
            RdbValue::ListNodes(_) => ValueType::ListQuicklist2,
            RdbValue::Set(_) => ValueType::Set,
            RdbValue::SetIntset(_) => ValueType::SetIntset,
            RdbValue::Zset(_) => ValueType::Zset,
            RdbValue::ZsetListpack(_) => ValueType::ZsetListpack,
            RdbValue::Hash(_) => ValueType::Hash,
            RdbValue::HashListpack(_) => ValueType::HashListpack,
            RdbValue::Stream(_) => ValueType::StreamListpacks2,
        }
    }
}
