//! What a play showed: one entry a step, each a title and the lines that came back.

use serde::Serialize;

/// One step's part of a transcript.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// What was done: `master: SET user:1 "Alice"`.
    pub title: String,
    /// What came back, with interned values.
    pub lines: Vec<String>,
}

/// All that a play showed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Transcript {
    /// The steps that were played.
    pub entries: Vec<Entry>,
    /// Why the play ended before its last step.
    pub stopped: Option<String>,
}

impl Transcript {
    /// The number of the step at which the play stopped, from 0.
    pub fn stopped_at(&self) -> Option<usize> {
        self.stopped.as_ref().map(|_| self.entries.len())
    }
}

impl Transcript {
    /// The transcript as text, as it is kept in snapshots.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for entry in &self.entries {
            text.push_str(&entry.to_text());
        }
        if let Some(why) = &self.stopped {
            text.push_str(&format!("stopped: {why}\n"));
        }
        text
    }
}

impl Entry {
    /// The entry as text: the title, and the lines indented below it.
    pub fn to_text(&self) -> String {
        let lines = self.lines.iter().map(|line| format!("    {line}\n"));
        format!("{}\n{}", self.title, lines.collect::<String>())
    }
}
