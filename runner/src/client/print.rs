//! Replies as redis-cli prints them.

use super::Reply;

/// How a reply is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// As on a terminal: quoted strings, numbered arrays, kinds named.
    Terminal,
    /// As into a pipe: the bare values, one a line.
    Raw,
    /// As on a terminal, but with what a terminal hides: the two nulls of RESP2, and the formats of verbatim strings.
    Exact,
}

/// The reply as text, without a newline at its end.
pub fn print(reply: &Reply, style: Style) -> String {
    match style {
        Style::Raw => raw(reply),
        Style::Terminal | Style::Exact => tree(reply, style, ""),
    }
}

fn tree(reply: &Reply, style: Style, prefix: &str) -> String {
    match reply {
        Reply::Status(text) => text.clone(),
        Reply::Error(text) => format!("(error) {text}"),
        Reply::Integer(number) => format!("(integer) {number}"),
        Reply::Bulk(bytes) => quote(bytes),
        Reply::NullArray if style == Style::Exact => "(nil array)".into(),
        Reply::NullBulk if style == Style::Exact => "(nil bulk)".into(),
        Reply::NullBulk | Reply::NullArray | Reply::Null => "(nil)".into(),
        Reply::Double(text) => format!("(double) {text}"),
        Reply::Boolean(value) => format!("({value})"),
        Reply::BigNumber(text) => format!("(big number) {text}"),
        Reply::Verbatim(format, text) if style == Style::Exact => {
            format!("({format}) {}", quote(text))
        }
        Reply::Verbatim(_, text) => String::from_utf8_lossy(text).into_owned(),
        Reply::Array(items) => list(items, ')', "(empty array)", style, prefix),
        Reply::Set(items) => list(items, '~', "(empty set)", style, prefix),
        Reply::Push(items) => list(items, '>', "(empty push)", style, prefix),
        Reply::Map(entries) => map(entries, style, prefix),
    }
}

fn list(items: &[Reply], mark: char, empty: &str, style: Style, prefix: &str) -> String {
    let width = items.len().to_string().len();
    let inner = format!("{prefix}{}", " ".repeat(width + 2));
    let lines = items.iter().enumerate().map(|(i, item)| {
        let indent = if i == 0 { "" } else { prefix };
        format!("{indent}{:>width$}{mark} {}", i + 1, tree(item, style, &inner))
    });
    joined(lines, empty)
}

fn map(entries: &[(Reply, Reply)], style: Style, prefix: &str) -> String {
    let width = entries.len().to_string().len();
    let inner = format!("{prefix}{}", " ".repeat(width + 2));
    let lines = entries.iter().enumerate().map(|(i, (key, value))| {
        let indent = if i == 0 { "" } else { prefix };
        let key = tree(key, style, &inner);
        let value = match value {
            Reply::Array(items) | Reply::Set(items) if !items.is_empty() => {
                format!("\n{inner}{}", tree(value, style, &inner))
            }
            Reply::Map(items) if !items.is_empty() => {
                format!("\n{inner}{}", tree(value, style, &inner))
            }
            _ => format!(" {}", tree(value, style, &inner)),
        };
        format!("{indent}{:>width$}# {key} =>{value}", i + 1)
    });
    joined(lines, "(empty hash)")
}

fn joined(lines: impl Iterator<Item = String>, empty: &str) -> String {
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() { empty.into() } else { lines.join("\n") }
}

fn raw(reply: &Reply) -> String {
    match reply {
        Reply::Status(text) | Reply::Error(text) => text.clone(),
        Reply::Integer(number) => number.to_string(),
        Reply::Bulk(bytes) | Reply::Verbatim(_, bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Reply::NullBulk | Reply::NullArray | Reply::Null => String::new(),
        Reply::Double(text) | Reply::BigNumber(text) => text.clone(),
        Reply::Boolean(value) => value.to_string(),
        Reply::Array(items) | Reply::Set(items) | Reply::Push(items) => {
            items.iter().map(raw).collect::<Vec<_>>().join("\n")
        }
        Reply::Map(entries) => {
            let lines = entries.iter().map(|(key, value)| format!("{}\n{}", raw(key), raw(value)));
            lines.collect::<Vec<_>>().join("\n")
        }
    }
}

/// A string in double quotes with the escapes of redis-cli.
fn quote(bytes: &[u8]) -> String {
    let mut out = String::from('"');
    for &byte in bytes {
        match byte {
            b'\\' | b'"' => out.extend(['\\', char::from(byte)]),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            7 => out.push_str("\\a"),
            8 => out.push_str("\\b"),
            b' '..=b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("\\x{other:02x}")),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Reply {
        Reply::Bulk(text.into())
    }

    #[test]
    fn nested_arrays_are_indented_as_redis_cli_indents_them() {
        let inner = Reply::Array(vec![bulk("x"), Reply::Integer(1)]);
        let reply = Reply::Array(vec![bulk("a\n"), inner, Reply::Array(vec![])]);
        let expected = "1) \"a\\n\"\n2) 1) \"x\"\n   2) (integer) 1\n3) (empty array)";
        assert_eq!(print(&reply, Style::Terminal), expected);
    }

    #[test]
    fn a_map_is_printed_with_its_keys_as_redis_cli_prints_it() {
        let reply = Reply::Map(vec![(bulk("a"), Reply::Integer(1)), (bulk("b"), Reply::Null)]);
        assert_eq!(print(&reply, Style::Terminal), "1# \"a\" => (integer) 1\n2# \"b\" => (nil)");
    }
}
