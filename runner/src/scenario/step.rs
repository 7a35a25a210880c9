//! A step as it is played: one deed, with what belongs to it and nothing else. How files say it: see `schema`.

use super::schema::{Reshard, Turn};
use super::writes::WriteMix;
use crate::fleet::Action;
use crate::yaml::{Located, Ordered, Position};

/// A step that was read and checked.
#[derive(Debug, Clone)]
pub struct Step {
    /// A remark that stands in the transcript.
    pub(super) note: Option<String>,
    pub(super) deed: Deed,
    /// Where the file says it.
    pub(crate) at: Position,
}

/// Who speaks to a node: over the main connection to it, or a named one.
#[derive(Debug, Clone, Default)]
pub(super) struct Speaker {
    pub(super) node: String,
    pub(super) connection: Option<String>,
}

impl Speaker {
    /// Over the main connection.
    pub(super) fn to(node: &str) -> Self {
        Self { node: node.to_owned(), connection: None }
    }

    /// By this a connection is found again.
    pub(super) fn key(&self) -> (String, String) {
        (self.node.clone(), self.connection.clone().unwrap_or_default())
    }

    /// In the transcript: a node, and the connection where it is not the only one.
    pub(super) fn name(&self) -> String {
        match &self.connection {
            Some(connection) => format!("{} ({connection})", self.node),
            None => self.node.clone(),
        }
    }
}

/// What a text must be like.
#[derive(Debug, Clone, Default)]
pub(super) struct Condition {
    pub(super) is: Option<String>,
    pub(super) has: Option<String>,
    pub(super) lacks: Option<String>,
}

impl Condition {
    /// In words: `has up and lacks down`.
    pub(super) fn words(&self) -> String {
        let all = [("is", &self.is), ("has", &self.has), ("lacks", &self.lacks)];
        let said = all.iter().filter_map(|(word, text)| Some(format!("{word} {}", text.as_ref()?)));
        said.collect::<Vec<_>>().join(" and ")
    }

    /// Whether a text is like that.
    pub(super) fn holds(&self, text: &str) -> bool {
        self.is.as_ref().is_none_or(|is| text == is)
            && self.has.as_ref().is_none_or(|has| text.contains(has))
            && self.lacks.as_ref().is_none_or(|lacks| !text.contains(lacks))
    }
}

/// Commands, which are sent one after the other.
#[derive(Debug, Clone)]
pub(super) struct Send {
    pub(super) who: Speaker,
    pub(super) lines: Vec<String>,
    /// So many times, `${n}` counting from 1.
    pub(super) repeat: Option<u64>,
    /// Values to keep, by paths into the last reply.
    pub(super) capture: Ordered<String>,
    /// Whether the reply's elements are shown in order.
    pub(super) sorted: bool,
    /// An integer within these bounds is shown as the bounds.
    pub(super) between: Option<(i64, i64)>,
}

/// What a step does. Times are in seconds.
#[derive(Debug, Clone)]
pub(super) enum Deed {
    /// Nothing: it is a remark.
    Remark,
    Send(Send),
    Raw {
        who: Speaker,
        bytes: String,
        replies: Option<usize>,
    },
    Info {
        who: Speaker,
        section: String,
        fields: Vec<String>,
        capture: Ordered<String>,
    },
    Until {
        who: Speaker,
        command: String,
        condition: Condition,
        within: Option<u64>,
    },
    Script {
        node: String,
        name: String,
        text: String,
    },
    Remove {
        node: String,
        name: String,
    },
    Flips {
        command: String,
        among: Vec<Located<String>>,
        has: String,
        within: Option<u64>,
    },
    Read {
        node: String,
        name: String,
        has: Option<String>,
        fields: Vec<String>,
        within: Option<u64>,
    },
    Act {
        node: String,
        action: Action,
    },
    Fault(String),
    Traffic(Turn),
    Reshard(Reshard),
    Tool(String),
    Synced {
        nodes: Vec<Located<String>>,
        acknowledged: bool,
        within: Option<u64>,
    },
    Digest {
        nodes: Vec<Located<String>>,
        by_chance: bool,
    },
    Writes {
        node: String,
        mix: WriteMix,
    },
    Close(Speaker),
}
