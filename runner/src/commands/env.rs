//! `runner env`: a running topology as environment variables.

use super::{Which, say};
use crate::addresses::{master_now, variables};
use crate::failure::{Doing, Outcome};
use clap::{Args, ValueEnum};

/// Prints the addresses of a running topology as shell variables: `eval "$(runner env)"`.
///
/// REDIS_URL is the current master, also after a failover. REDIS_NAME_URL, REDIS_NAME_HOST and REDIS_NAME_PORT are the node
/// called NAME.
#[derive(Debug, Args)]
pub struct Env {
    #[command(flatten)]
    which: Which,
    /// The syntax of the output.
    #[arg(long, value_enum, default_value_t = Format::Sh)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// `export NAME=VALUE`, for sh, bash and zsh.
    Sh,
    /// `set -gx NAME VALUE`: `runner env --format fish | source`.
    Fish,
    /// `NAME="VALUE"`, for a file `.env`.
    Dotenv,
    /// One JSON object.
    Json,
    /// For GitHub Actions: `runner env --format github >> "$GITHUB_ENV"`.
    Github,
}

impl Env {
    pub(super) async fn run(self) -> Outcome<u8> {
        let session = self.which.session()?;
        let plan = session.read()?.plan;
        let master = match master_now(&plan).await {
            Some(master) => Some(master),
            None => {
                let planned = plan.first_master();
                if let Some(node) = planned {
                    anstream::eprintln!(
                        "no node is a master now: REDIS_URL is the URL of {}, which the file declares a master",
                        node.name
                    );
                }
                planned
            }
        };
        let variables = variables(&plan, master);
        if let Format::Json = self.format {
            let object: serde_json::Map<String, serde_json::Value> =
                variables.into_iter().map(|(name, value)| (name, value.into())).collect();
            say(serde_json::to_string_pretty(&object).doing(|| "write JSON".into())?);
            return Ok(0);
        }
        for (name, value) in variables {
            say(self.format.line(&name, &value)?);
        }
        Ok(0)
    }
}

impl Format {
    fn line(self, name: &str, value: &str) -> Outcome<String> {
        Ok(match self {
            Format::Sh => format!("export {name}={}", shlex::try_quote(value).doing(|| format!("quote {name}"))?),
            Format::Fish => format!("set -gx {name} '{}'", escaped(value, &['\\', '\''])),
            // Double quotes, for only there every reader of such files knows escapes.
            Format::Dotenv => format!("{name}=\"{}\"", escaped(value, &['\\', '"', '$', '`'])),
            Format::Github | Format::Json => format!("{name}={value}"),
        })
    }
}

fn escaped(value: &str, special: &[char]) -> String {
    value.chars().flat_map(|c| special.contains(&c).then_some('\\').into_iter().chain([c])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_with_quotes_and_dollars_survives_every_format_of_env() {
        let line = |format: Format| format.line("N", "it's \"$x\" \\").unwrap();
        assert_eq!(line(Format::Fish), r#"set -gx N 'it\'s "$x" \\'"#);
        assert_eq!(line(Format::Dotenv), r#"N="it's \"\$x\" \\""#);
        let script = format!("{}; printf %s \"$N\"", line(Format::Sh));
        let shell = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        assert_eq!(String::from_utf8(shell.stdout).unwrap(), "it's \"$x\" \\");
    }
}
