//! The users that a server starts with, from lines of its configuration or an ACL file.

use crate::acl::user::merge_selectors;
use crate::acl::{RuleError, Rulebook, User, selector};
use crate::base::log::{Level, log};
use crate::commands::acl::{read_file, warn_of_discouraged};
use crate::commands::catalogue;
use crate::config::file::{Directive, FatalError, StartupConfig};
use crate::config::values::PubsubDefault;
use crate::server::Server;

/// The name and the rules of a `user` line.
fn parts(line: &Directive) -> (&[u8], Vec<&[u8]>) {
    (&line.words[1], line.words[2..].iter().map(|word| &**word).collect())
}

/// Checks all `user` lines. An unknown command is not an error here; [`load`] logs it.
///
/// # Errors
/// The first line that is wrong.
pub fn check_lines(loaded: &StartupConfig, in_sentinel: bool) -> Result<(), FatalError> {
    let allows_channels = loaded.config.acl_pubsub_default == PubsubDefault::AllChannels;
    let mut book = Rulebook::new(catalogue().for_rules(in_sentinel), allows_channels);
    for (place, line) in loaded.users.iter().enumerate() {
        let (name, rules) = parts(line);
        let refuse = |word: &[u8], reason: &dyn std::fmt::Display| {
            let word = String::from_utf8_lossy(word).into_owned();
            Err(line.error(format!("Error in user declaration '{word}': {reason}")))
        };
        if loaded.users[..place].iter().any(|earlier| parts(earlier).0 == name) {
            return refuse(name, &RuleError::Duplicate);
        }
        let merged = match merge_selectors(&rules) {
            Ok(merged) => merged,
            Err(open) => return refuse(rules[open], &"Unmatched parenthesis in selector definition"),
        };
        let mut user = User::new(name, &book);
        for rule in &merged {
            match user.apply(&mut book, rule) {
                Ok(()) | Err(RuleError::Unknown) => {}
                // An invalid rule may contain a password, so only its user is named.
                Err(error) => return refuse(name, &error),
            }
        }
    }
    Ok(())
}

/// The users that the server starts with.
///
/// # Errors
/// Why the server must not start; details may have been logged.
pub fn load(server: &mut Server, lines: &[Directive]) -> Result<(), String> {
    if !server.config.aclfile.is_empty() && !lines.is_empty() {
        return Err(
            "Configuring Redis with users defined in redis.conf and at the same setting an ACL file path is invalid. This setup is very likely to lead to configuration errors and security holes, please define either an ACL file or declare users directly in your redis.conf, but not both."
                .to_owned(),
        );
    }
    for line in lines {
        let (name, rules) = parts(line);
        load_line(server, name, &rules).map_err(|text| {
            log(Level::Warning, &text);
            "Critical error while loading ACLs. Exiting.".to_owned()
        })?;
    }
    if !server.config.aclfile.is_empty() {
        let users = read_file(server);
        let users = users.map_err(|errors| {
            format!("Aborting Redis startup because of ACL errors: {}", String::from_utf8_lossy(&errors))
        })?;
        server.acl.replace_users(users);
    }
    Ok(())
}

fn load_line(server: &mut Server, name: &[u8], rules: &[&[u8]]) -> Result<(), String> {
    if selector::has_blanks(name) {
        return Err("Spaces not allowed in ACL usernames".to_owned());
    }
    let mut book = server.acl.rulebook(&server.config);
    let mut user = User::new(name, &book);
    if name == crate::acl::user::DEFAULT {
        // As in Redis, a line for the default user first resets it.
        user.apply(&mut book, b"reset").map_err(|error| error.to_string())?;
    }
    for rule in merge_selectors(rules).unwrap_or_default() {
        user.apply(&mut book, &rule).map_err(|error| {
            let (rule, name) = (String::from_utf8_lossy(&rule), String::from_utf8_lossy(name));
            format!("Error loading ACL rule '{rule}' for the user named '{name}': {error}")
        })?;
    }
    warn_of_discouraged(&book.discouraged);
    if !user.enabled {
        let name = String::from_utf8_lossy(name);
        log(
            Level::Notice,
            &format!(
                "The user '{name}' is disabled (there is no 'on' modifier in the user description). Make sure this is not a configuration error."
            ),
        );
    }
    server.acl.put_user(user);
    Ok(())
}
