//! Glob patterns as KEYS, SCAN, PSUBSCRIBE, CONFIG GET and ACLs use them, over bytes.
//!
//! For: `*`, `?`, `[abc]`, `[^a-z]`, `\x`. Not for: file names (no special `/`, no leading-dot rule, no `{a,b}`).

/// Whether `text` matches `pattern` as a whole.
///
/// Only the last `*` seen is ever retried, so the time is bounded by the product of the two lengths however many
/// stars there are. As in Redis, an empty text matches nothing but an empty pattern; an unclosed class runs to the end
/// of the pattern.
pub fn matches(pattern: &[u8], text: &[u8], ignore_case: bool) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            p += 1;
            if p == pattern.len() {
                return true;
            }
            retry = Some((p, t));
            continue;
        }
        if let Some(next) = match_one(&pattern[p..], text[t], ignore_case) {
            p += next;
            t += 1;
            continue;
        }
        let Some((star, from)) = retry else {
            return false;
        };
        p = star;
        t = from + 1;
        retry = Some((star, t));
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

/// Matches one byte against the pattern's first element, and returns the element's length if it matches.
fn match_one(pattern: &[u8], byte: u8, ignore_case: bool) -> Option<usize> {
    match pattern {
        [] => None,
        [b'?', ..] => Some(1),
        [b'[', class @ ..] => {
            let (matched, used) = match_class(class, byte, ignore_case);
            matched.then_some(used + 1)
        }
        [b'\\', literal, ..] => same(*literal, byte, ignore_case).then_some(2),
        [literal, ..] => same(*literal, byte, ignore_case).then_some(1),
    }
}

#[inline]
fn same(a: u8, b: u8, ignore_case: bool) -> bool {
    a == b || (ignore_case && a.eq_ignore_ascii_case(&b))
}

/// Matches one byte against the class that follows `[`. Returns whether it matches, and the length of the class up to and
/// including `]`.
fn match_class(class: &[u8], byte: u8, ignore_case: bool) -> (bool, usize) {
    let negated = class.first() == Some(&b'^');
    let mut at = usize::from(negated);
    let mut found = false;
    let fold = |byte: u8| {
        if ignore_case { byte.to_ascii_lowercase() } else { byte }
    };
    loop {
        match &class[at..] {
            [] => break,
            [b'\\', literal, ..] => {
                found |= *literal == byte;
                at += 2;
            }
            [b']', ..] => {
                at += 1;
                break;
            }
            [start, b'-', end, ..] => {
                let (low, high) = (start.min(end), start.max(end));
                found |= (fold(*low)..=fold(*high)).contains(&fold(byte));
                at += 3;
            }
            [literal, ..] => {
                found |= same(*literal, byte, ignore_case);
                at += 1;
            }
        }
    }
    (found != negated, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_documented() {
        let cases: &[(&str, &str, bool)] = &[
            ("*", "a", true),
            ("", "", true),
            ("*", "", false),
            ("a*", "a", true),
            ("a**", "a", true),
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h*llo", "heeeello", true),
            ("h[ae]llo", "hallo", true),
            ("h[ae]llo", "hillo", false),
            ("h[^e]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[a-b]llo", "hbllo", true),
            ("h[b-a]llo", "hallo", true),
            ("h[a-b]llo", "hcllo", false),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("a\\", "a\\", true),
            ("[\\]]", "]", true),
            ("[abc", "c", true),
            ("[", "[", false),
            ("[^", "x", true),
            ("[a-]", "-", false),
            ("[a-]", "]", true),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXbY", false),
            ("*a*", "bab", true),
            ("??", "ab", true),
            ("*?", "a", true),
            ("a?*", "a", false),
            ("[]a]", "a", false),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes(), false), *expected, "{pattern} {text}");
        }
    }

    #[test]
    fn case_is_ignored_on_demand() {
        assert!(matches(b"SAVE*", b"save", true));
        assert!(!matches(b"SAVE*", b"save", false));
        assert!(matches(b"[A-C]x", b"bX", true));
    }

    #[test]
    fn many_stars_take_bounded_time() {
        let text = vec![b'a'; 5000];
        let mut pattern = b"a*".repeat(2000);
        pattern.push(b'b');
        assert!(!matches(&pattern, &text, false));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_matched_without_panic(pattern in "[\\[\\]^*?\\\\a-c-]{0,12}", text in "[a-c\\]-]{0,8}", fold: bool) {
            let _ = matches(pattern.as_bytes(), text.as_bytes(), fold);
        }
    }
}
