//! Splitting lines into words and quoting words, by the rules of configuration files and inline commands.

/// Splits a line into words. Double quotes allow `
/// \r \t \b \a \xHH` and `\` before any other byte; single quotes allow `\'` only. `None` if a quote is not closed, or
/// closed and not followed by a space.
pub fn split(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut rest = line;
    loop {
        let start = rest.iter().position(|byte| !is_space(*byte)).unwrap_or(rest.len());
        rest = &rest[start..];
        if rest.is_empty() || rest[0] == 0 {
            return Some(words);
        }
        let (word, after) = next_word(rest)?;
        words.push(word);
        rest = after;
    }
}

/// Whether C's `isspace` holds for the byte.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn next_word(line: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut word = Vec::new();
    let mut rest = line;
    loop {
        match rest {
            [] | [b' ' | b'\n' | b'\r' | b'\t' | 0, ..] => return Some((word, rest)),
            [b'"', tail @ ..] => {
                rest = quoted(tail, &mut word)?;
                return closed(rest).then_some((word, rest));
            }
            [b'\'', tail @ ..] => {
                rest = single_quoted(tail, &mut word)?;
                return closed(rest).then_some((word, rest));
            }
            [byte, tail @ ..] => {
                word.push(*byte);
                rest = tail;
            }
        }
    }
}

fn closed(rest: &[u8]) -> bool {
    rest.first().is_none_or(|byte| is_space(*byte) || *byte == 0)
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

/// Reads up to the closing quote and returns what follows it.
fn quoted<'a>(line: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    let mut rest = line;
    loop {
        rest = match rest {
            [] | [0, ..] => return None,
            [b'"', tail @ ..] => return Some(tail),
            [b'\\', b'x', high, low, tail @ ..] if hex(*high).is_some() && hex(*low).is_some() => {
                word.push(hex(*high)? << 4 | hex(*low)?);
                tail
            }
            [b'\\', escaped, tail @ ..] => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => *other,
                });
                tail
            }
            [byte, tail @ ..] => {
                word.push(*byte);
                tail
            }
        };
    }
}

fn single_quoted<'a>(line: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    let mut rest = line;
    loop {
        rest = match rest {
            [] | [0, ..] => return None,
            [b'\'', tail @ ..] => return Some(tail),
            [b'\\', b'\'', tail @ ..] => {
                word.push(b'\'');
                tail
            }
            [byte, tail @ ..] => {
                word.push(*byte);
                tail
            }
        };
    }
}

/// Whether a text contains control characters, such as line ends, which no value of Sentinel's may.
pub fn has_control(text: &[u8]) -> bool {
    text.iter().any(u8::is_ascii_control)
}

/// Appends a word so that [`split`] reads it back: unquoted if possible.
pub fn quote_if_needed(out: &mut Vec<u8>, text: &[u8]) {
    let special = |byte: &u8| byte.is_ascii_control() || matches!(byte, b' ' | b'"' | b'\'');
    if text.is_empty() || text.iter().any(special) {
        quote(out, text);
    } else {
        out.extend_from_slice(text);
    }
}

/// Appends `text` in double quotes, escaping everything that is not printable ASCII.
pub fn quote(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for &byte in text {
        match byte {
            b'\\' | b'"' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            7 => out.extend_from_slice(b"\\a"),
            8 => out.extend_from_slice(b"\\b"),
            b' '..=b'~' => out.push(byte),
            other => out.extend_from_slice(format!("\\x{other:02x}").as_bytes()),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Option<Vec<String>> {
        Some(split(line.as_bytes())?.into_iter().map(|word| String::from_utf8(word).unwrap()).collect())
    }

    #[test]
    fn lines_split_with_quotes_and_escapes() {
        assert_eq!(words("  a\tb  "), Some(vec!["a".into(), "b".into()]));
        assert_eq!(words(r#"save "" x"#), Some(vec!["save".into(), String::new(), "x".into()]));
        assert_eq!(words(r#""a\n\x41\"b\q" 'it\'s \n'"#), Some(vec!["a\nA\"bq".into(), "it's \\n".into()]));
        assert_eq!(words(r#"foo"bar""#), Some(vec!["foobar".into()]));
        for bad in [r#""open"#, "'open", r#""a"b"#, r#"'a'b"#, r#""\"#] {
            assert_eq!(words(bad), None, "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_quoted_splits_to_itself(text: Vec<u8>) {
            let mut line = Vec::new();
            quote(&mut line, &text);
            proptest::prop_assert_eq!(split(&line), Some(vec![text]));
        }

        #[test]
        fn a_word_that_is_written_is_read_back(text: Vec<u8>) {
            let mut line = b"name ".to_vec();
            quote_if_needed(&mut line, &text);
            proptest::prop_assert_eq!(split(&line), Some(vec![b"name".to_vec(), text]));
            proptest::prop_assert!(!line.contains(&b'\n'));
        }

        #[test]
        fn any_line_is_split_without_panic(line: Vec<u8>) {
            let _ = split(&line);
        }
    }
}
