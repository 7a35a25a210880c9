//! Requests as bytes in which only numbers change: built once, patched in place, sent.

use crate::client::encode;

/// Digits of a patched number.
const WIDTH: usize = 12;

/// Where numbers come from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Numbers {
    /// A number below this one, each with the same chance.
    Random(u64),
    /// 0, 1, 2, ...
    Sequence,
}

/// A run of one kind of request.
#[derive(Debug, Clone)]
pub(super) struct Template {
    bytes: Vec<u8>,
    slots: Vec<Slot>,
    numbers: Numbers,
}

/// Twelve digits in a request.
#[derive(Debug, Clone, Copy)]
struct Slot {
    at: usize,
    kind: SlotKind,
}

#[derive(Debug, Clone, Copy)]
enum SlotKind {
    /// A new number, divided: elements 0-99 of a collection share the collection's number.
    New { divisor: u64 },
    /// The number before, undivided.
    Same,
}

impl Template {
    /// From words that may end in a mark: `#` a new number, `@100` a new number divided by 100, `=` the number before.
    pub(super) fn new<A: AsRef<str>>(words: &[A], numbers: Numbers) -> Self {
        let mut kinds = Vec::new();
        let expanded: Vec<String> = words.iter().map(|word| expand(word.as_ref(), &mut kinds)).collect();
        let bytes = encode(&expanded);
        let mut slots = Vec::new();
        let mut at = 0;
        for kind in kinds {
            while bytes[at..at + WIDTH] != PLACE {
                at += 1;
            }
            slots.push(Slot { at, kind });
            at += WIDTH;
        }
        Self { bytes, slots, numbers }
    }

    /// A pipeline of this request.
    pub(super) fn pipeline(&self, depth: usize) -> Pipeline {
        let bytes = self.bytes.repeat(depth);
        let slots = (0..depth).flat_map(|i| {
            let base = i * self.bytes.len();
            self.slots.iter().map(move |slot| Slot { at: base + slot.at, ..*slot })
        });
        Pipeline { bytes, slots: slots.collect(), numbers: self.numbers, depth }
    }
}

/// What a number's place holds until there is one.
const PLACE: [u8; WIDTH] = [b'#'; WIDTH];

fn expand(word: &str, kinds: &mut Vec<SlotKind>) -> String {
    let place = "#".repeat(WIDTH);
    if let Some((head, divisor)) = word.split_once('@')
        && let Ok(divisor) = divisor.parse()
    {
        kinds.push(SlotKind::New { divisor });
        return format!("{head}{place}");
    }
    if let Some(head) = word.strip_suffix('#') {
        kinds.push(SlotKind::New { divisor: 1 });
        return format!("{head}{place}");
    }
    if let Some(head) = word.strip_suffix('=') {
        kinds.push(SlotKind::Same);
        return format!("{head}{place}");
    }
    word.to_owned()
}

/// The bytes that a connection sends at once.
#[derive(Debug)]
pub(super) struct Pipeline {
    pub(super) bytes: Vec<u8>,
    slots: Vec<Slot>,
    numbers: Numbers,
    pub(super) depth: usize,
}

impl Pipeline {
    /// Puts the next numbers in.
    pub(super) fn renumber(&mut self, source: &mut Source) {
        let mut last = 0;
        for slot in &self.slots {
            let mut rest = match slot.kind {
                SlotKind::New { divisor } => {
                    last = source.next(self.numbers);
                    last / divisor
                }
                SlotKind::Same => last,
            };
            for digit in self.bytes[slot.at..slot.at + WIDTH].iter_mut().rev() {
                *digit = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
        }
    }
}

/// The numbers of a run; the same seed gives the same numbers to every engine.
#[derive(Debug)]
pub(super) struct Source {
    state: u64,
    next: u64,
}

impl Source {
    pub(super) fn new(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1, next: 0 }
    }

    fn next(&mut self, numbers: Numbers) -> u64 {
        match numbers {
            Numbers::Random(below) => {
                // xorshift64*: quick, and good enough to spread keys.
                self.state ^= self.state >> 12;
                self.state ^= self.state << 25;
                self.state ^= self.state >> 27;
                (self.state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % below
            }
            Numbers::Sequence => {
                self.next += 1;
                self.next - 1
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_patched_and_groups_share_theirs() {
        let template = Template::new(&["SADD", "s:@2", "m:="], Numbers::Sequence);
        let mut pipeline = template.pipeline(3);
        pipeline.renumber(&mut Source::new(1));
        let text = String::from_utf8_lossy(&pipeline.bytes).into_owned();
        let words: Vec<&str> = text.lines().filter(|line| line.contains(':')).collect();
        let pairs = [(0, 0), (0, 1), (1, 2)];
        let expected = pairs.iter().flat_map(|(s, m)| [format!("s:{s:012}"), format!("m:{m:012}")]);
        assert_eq!(words, expected.collect::<Vec<_>>());
    }
}
