//! A typed line into words, by redis-cli's rules of quoting.

/// Splits a line: `"..."` with `\n \r \t \b \a \xHH` escapes, `'...'` with `\'`, words by white space.
///
/// As in redis-cli, a closing quote ends its word: something other than white space behind it is an error.
pub fn split_words(line: &str) -> Result<Vec<Vec<u8>>, String> {
    let bytes = line.as_bytes();
    let mut words = Vec::new();
    let mut at = 0;
    loop {
        while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
            at += 1;
        }
        if at == bytes.len() {
            return Ok(words);
        }
        let mut word = Vec::new();
        while let Some(&byte) = bytes.get(at) {
            if byte.is_ascii_whitespace() {
                break;
            }
            if byte == b'"' || byte == b'\'' {
                at = quoted(bytes, at, &mut word)
                    .ok_or_else(|| format!("a quote is not closed, or more follows it: {line}"))?;
                break;
            }
            word.push(byte);
            at += 1;
        }
        words.push(word);
    }
}

/// A word as `split_words` and a configuration file of Redis read it back: in double quotes where it needs them.
pub fn quote_word(word: &str) -> String {
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !['"', '\'', '\\'].contains(&c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    let mut quoted = String::from('"');
    for c in word.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_ascii_control() => quoted.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Reads the quoted part that starts at `at` into `word`; returns where it ends.
fn quoted(bytes: &[u8], mut at: usize, word: &mut Vec<u8>) -> Option<usize> {
    let quote = *bytes.get(at)?;
    at += 1;
    loop {
        match (*bytes.get(at)?, quote) {
            (b'\\', b'"') => at = escaped(bytes, at + 1, word)?,
            (b'\\', b'\'') if bytes.get(at + 1) == Some(&b'\'') => {
                word.push(b'\'');
                at += 2;
            }
            (byte, _) if byte == quote => {
                let ends = bytes.get(at + 1).is_none_or(u8::is_ascii_whitespace);
                return ends.then_some(at + 1);
            }
            (byte, _) => {
                word.push(byte);
                at += 1;
            }
        }
    }
}

/// Reads one escape behind its backslash.
fn escaped(bytes: &[u8], at: usize, word: &mut Vec<u8>) -> Option<usize> {
    let byte = *bytes.get(at)?;
    if byte == b'x'
        && let Some(digits) = bytes.get(at + 1..at + 3)
        && let Ok(digits) = std::str::from_utf8(digits)
        && let Ok(value) = u8::from_str_radix(digits, 16)
    {
        word.push(value);
        return Some(at + 3);
    }
    word.push(match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        other => other,
    });
    Some(at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_quoted_word_is_read_back_unchanged(word in "\\PC*|[ -~\n\t\r\x00-\x1f'\"\\\\]{0,20}") {
            let line = format!("directive {}", quote_word(&word));
            prop_assert!(!line.contains(['\n', '\r']));
            prop_assert_eq!(split_words(&line).unwrap(), [b"directive".to_vec(), word.into_bytes()]);
        }
    }

    #[test]
    fn quotes_and_escapes_follow_redis_cli() {
        let words = split_words(r#" SET  user:1 "Al\x41\n" 'it\'s' "" "#).unwrap();
        let expected: [&[u8]; 5] = [b"SET", b"user:1", b"AlA\n", b"it's", b""];
        assert_eq!(words, expected);
        assert!(split_words("GET \"open").is_err());
        assert!(split_words("GET \"a\"b").is_err());
    }
}
