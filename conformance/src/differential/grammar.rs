//! The little language of the table of commands.
//!
//! `UPPER` stands for itself, `lower` for a word of that kind, `[a|b]` for one of them or nothing, `(a|b)` for one of them;
//! a `+` behind a word or a group repeats it. A number before the line is its weight.

use super::random::Random;
use super::table::{ALWAYS, Lines, SETTINGS, TYPES};
use super::words::{Kind, Words};

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Word(Kind),
    // One of several; `true` where it may also be nothing.
    Choice(Vec<Vec<Part>>, bool),
    Repeat(Box<Part>),
}

/// The commands and arguments that the table allows.
#[derive(Debug, Clone)]
pub(super) struct Grammar {
    lines: Vec<(usize, Vec<Part>)>,
    total: usize,
}

impl Grammar {
    /// Some families of types, and those that are always played.
    pub(super) fn some(random: &mut Random) -> Self {
        let types = (0..1 + random.below(3)).map(|_| *random.pick(TYPES));
        // A type's commands count as often as all others together, or more.
        let types: Vec<Lines> = types.flat_map(|lines| [lines, lines]).collect();
        Self::of(types.iter().chain(ALWAYS).copied())
    }

    /// The commands that set up a case.
    pub(super) fn settings() -> Self {
        Self::of(std::iter::once(SETTINGS))
    }

    fn of(families: impl Iterator<Item = Lines>) -> Self {
        let lines: Vec<_> =
            families.flat_map(|lines| lines.iter()).map(|(weight, line)| (*weight, parse(line))).collect();
        let total = lines.iter().map(|(weight, _)| weight).sum();
        Self { lines, total }
    }

    /// Makes up a command with its arguments.
    pub(super) fn command(&self, words: &mut Words) -> Vec<Vec<u8>> {
        let mut at = words.random.below(self.total);
        let mut chosen = &self.lines[0].1;
        for (weight, line) in &self.lines {
            if at < *weight {
                chosen = line;
                break;
            }
            at -= weight;
        }
        let mut out = Vec::new();
        expand(chosen, words, &mut out);
        out
    }
}

fn expand(parts: &[Part], words: &mut Words, out: &mut Vec<Vec<u8>>) {
    for part in parts {
        match part {
            Part::Literal(text) => out.push(text.clone().into_bytes()),
            Part::Word(kind) => out.push(words.word(*kind)),
            Part::Choice(choices, optional) => {
                if !optional || words.random.one_in(2) {
                    let chosen = words.random.below(choices.len());
                    expand(&choices[chosen], words, out);
                }
            }
            Part::Repeat(part) => {
                let times = *words.random.pick(&[1, 1, 1, 2, 2, 3, 5]);
                for _ in 0..times {
                    expand(std::slice::from_ref(part), words, out);
                }
            }
        }
    }
}

fn parse(line: &str) -> Vec<Part> {
    let spaced: String =
        line.chars().map(|c| if "[]()|+".contains(c) { format!(" {c} ") } else { c.to_string() }).collect();
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let mut choices = alternatives(&tokens, &mut at);
    debug_assert!(at == tokens.len() && choices.len() == 1, "a line is one alternative: {line}");
    choices.swap_remove(0)
}

/// Alternatives up to a closing bracket, or the end.
fn alternatives(tokens: &[&str], at: &mut usize) -> Vec<Vec<Part>> {
    let mut all = vec![Vec::new()];
    while let Some(token) = tokens.get(*at) {
        let parts: &mut Vec<Part> = all.last_mut().expect("there is one from the start");
        match *token {
            "]" | ")" => break,
            "+" => {
                let last = parts.pop().expect("a `+` stands behind something");
                parts.push(Part::Repeat(Box::new(last)));
            }
            "[" | "(" => {
                *at += 1;
                let inner = alternatives(tokens, at);
                parts.push(Part::Choice(inner, *token == "["));
            }
            "|" => all.push(Vec::new()),
            word => parts.push(Kind::named(word).map_or_else(|| Part::Literal(word.into()), Part::Word)),
        }
        *at += 1;
    }
    all
}
