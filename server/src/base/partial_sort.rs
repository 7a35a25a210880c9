//! Partial sorting: a quicksort that skips the parts that cannot fall into the wanted range.
//!
//! # Background
//! This is the quicksort of Bentley and McIlroy from BSD, and follows Redis's `pqsort` step by step. The algorithm is not
//! stable, so if elements compare as equal, the reply to SORT with LIMIT depends on these steps.

use std::cmp::Ordering;
use std::ops::Range;

/// Slices shorter than this are sorted by insertion.
const SMALL: usize = 7;
/// From this length on the pivot is chosen among nine elements.
const LARGE: usize = 40;

/// Fills `range` with the elements that it would hold if the whole slice were sorted.
pub fn partial_sort<T>(items: &mut [T], range: Range<usize>, compare: &mut impl FnMut(&T, &T) -> Ordering) {
    let wanted = |part: &Range<usize>| part.len() > 1 && range.end > part.start && range.start < part.end;
    if range.is_empty() {
        return;
    }
    // A loop rather than recursion, so that input with bad pivots cannot exhaust the stack.
    let whole = 0..items.len();
    let mut parts = vec![whole];
    while let Some(part) = parts.pop() {
        let (start, len) = (part.start, part.len());
        if len < SMALL {
            for at in start + 1..part.end {
                let mut at = at;
                while at > start && compare(&items[at - 1], &items[at]).is_gt() {
                    items.swap(at - 1, at);
                    at -= 1;
                }
            }
            continue;
        }
        let pivot = pivot(items, &part, compare);
        items.swap(start, pivot);
        // Equal elements gather at both ends, [start, a) and (d, end), and go to the middle afterwards.
        let (mut a, mut b) = (start + 1, start + 1);
        let (mut c, mut d) = (part.end - 1, part.end - 1);
        loop {
            while b <= c {
                match compare(&items[b], &items[start]) {
                    Ordering::Greater => break,
                    Ordering::Equal => {
                        items.swap(a, b);
                        a += 1;
                    }
                    Ordering::Less => {}
                }
                b += 1;
            }
            while b <= c {
                match compare(&items[c], &items[start]) {
                    Ordering::Less => break,
                    Ordering::Equal => {
                        items.swap(c, d);
                        d -= 1;
                    }
                    Ordering::Greater => {}
                }
                c -= 1;
            }
            if b > c {
                break;
            }
            items.swap(b, c);
            b += 1;
            c -= 1;
        }
        let moved = (a - start).min(b - a);
        (0..moved).for_each(|step| items.swap(start + step, b - moved + step));
        let moved = (d - c).min(part.end - 1 - d);
        (0..moved).for_each(|step| items.swap(b + step, part.end - moved + step));
        let (below, above) = (start..start + (b - a), part.end - (d - c)..part.end);
        parts.extend([below, above].into_iter().filter(wanted));
    }
}

fn pivot<T>(items: &[T], part: &Range<usize>, compare: &mut impl FnMut(&T, &T) -> Ordering) -> usize {
    let (start, len) = (part.start, part.len());
    let middle = start + len / 2;
    if len == SMALL {
        return middle;
    }
    let mut median = |a: usize, b: usize, c: usize| {
        if compare(&items[a], &items[b]).is_lt() {
            if compare(&items[b], &items[c]).is_lt() {
                b
            } else if compare(&items[a], &items[c]).is_lt() {
                c
            } else {
                a
            }
        } else if compare(&items[b], &items[c]).is_gt() {
            b
        } else if compare(&items[a], &items[c]).is_lt() {
            a
        } else {
            c
        }
    };
    let (mut low, mut mid, mut high) = (start, middle, part.end - 1);
    if len > LARGE {
        let eighth = len / 8;
        low = median(low, low + eighth, low + 2 * eighth);
        mid = median(mid - eighth, mid, mid + eighth);
        high = median(high - 2 * eighth, high - eighth, high);
    }
    median(low, mid, high)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_range_holds_what_a_whole_sort_would_put_there(items: Vec<u8>, start: usize, len: usize) {
            let start = start % (items.len() + 1);
            let range = start..start + len % (items.len() - start + 1);
            let mut sorted = items.clone();
            sorted.sort_unstable();
            let mut partly = items;
            partial_sort(&mut partly, range.clone(), &mut |a, b| a.cmp(b));
            prop_assert_eq!(&partly[range.clone()], &sorted[range]);
            partly.sort_unstable();
            prop_assert_eq!(partly, sorted);
        }
    }
}
