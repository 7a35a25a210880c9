//! Times as people write them: `500ms`, `5s`, `2m`.

use std::time::Duration;

/// Reads a whole number with `ms`, `s` or `m` behind it.
///
/// # Errors
/// What is expected instead.
pub fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u32 = text[..digits].parse().map_err(|_| "a number with `ms`, `s` or `m` behind it")?;
    match &text[digits..] {
        "ms" => Ok(Duration::from_millis(number.into())),
        "s" => Ok(Duration::from_secs(number.into())),
        "m" => Ok(Duration::from_secs(60) * number),
        _ => Err("say `ms`, `s` or `m` behind the number".into()),
    }
}
