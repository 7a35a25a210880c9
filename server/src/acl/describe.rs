//! Describing a set of commands as rules, for ACL LIST and GETUSER.
//!
//! Background. The algorithm is Redis's, so that both servers describe a user alike. Begin with all commands or with none.
//! Then, as long as there is a category with more matching commands than others, take the one with the fewest others (among
//! those, the one with the most matching ones). Finally, name single commands. A command that Redis does not have is not
//! counted.

use super::catalogue::{Catalogue, CommandId};
use super::selector::{CommandSet, Selector};

impl Selector {
    /// The allowed commands as rules.
    pub fn describe_commands(&self, catalogue: &Catalogue) -> Vec<u8> {
        // Start from all commands or from none.
        let from_all = self.commands.with_future;
        let mut reached = CommandSet::all_or_none(catalogue, from_all);
        let mut rules = vec![if from_all { b"+@all".to_vec() } else { b"-@all".to_vec() }];
        let sign = |on: bool| if on { b'+' } else { b'-' };
        for category in categories(&self.commands, catalogue, !from_all) {
            let name = &catalogue.categories[category.trailing_zeros() as usize];
            rules.push([&[sign(!from_all), b'@'], name.as_bytes()].concat());
            for id in catalogue.of_category(category) {
                reached.set(catalogue, id, !from_all);
            }
        }
        for id in catalogue.all() {
            let (wanted, name) = (self.commands.has(id), catalogue.fact(id).name.as_bytes());
            if wanted != reached.has(id) {
                rules.push([&[sign(wanted)], name].concat());
                reached.set(catalogue, id, wanted);
            }
            let first_args = self.first_args.get(&id).filter(|_| !wanted);
            rules.extend(first_args.into_iter().flatten().map(|argument| [b"+", name, b"|", argument].concat()));
        }
        debug_assert!(catalogue.all().all(|id| reached.has(id) == self.commands.has(id)));
        rules.join(&b' ')
    }
}

/// The categories to name, in order. The commands of each count as settled when the next one is chosen.
fn categories(wanted: &CommandSet, catalogue: &Catalogue, adding: bool) -> Vec<u32> {
    let mut left = wanted.clone();
    let mut chosen = Vec::new();
    loop {
        let weighed = (0..catalogue.categories.len()).map(|bit| 1 << bit).filter(|category| !chosen.contains(category));
        let fits = weighed.filter_map(|category| {
            let counted = |id: &CommandId| catalogue.fact(*id).is_standard;
            let (mut same, mut different) = (0_usize, 0_usize);
            for id in catalogue.of_category(category).filter(counted) {
                if left.has(id) == adding { same += 1 } else { different += 1 }
            }
            (same > different).then_some((different, same, category))
        });
        // Of equals, take the first.
        let best = fits.reduce(|best, next| {
            let better = next.0 < best.0 || (next.0 == best.0 && next.1 > best.1);
            if better { next } else { best }
        });
        let Some((_, _, category)) = best else { return chosen };
        chosen.push(category);
        for id in catalogue.of_category(category) {
            left.set(catalogue, id, !adding);
        }
    }
}
