//! Directives that ask for what this server does not have: it refuses to start, since whoever wrote them counts on them.

use sha2::{Digest, Sha256};

use crate::config::file::{Directive, FatalError, Loaded};

/// Looks at what is no option.
///
/// # Errors
/// The first line that cannot be obeyed.
pub fn check(loaded: &Loaded) -> Result<(), FatalError> {
    if let Some(directive) = loaded.modules.first().or(loaded.module_options.first()) {
        return Err(directive.error("Modules are not supported by this server"));
    }
    let is_obeyed = |directive: &&Directive| is_what_we_do(directive, &loaded.config.requirepass);
    match loaded.users.iter().find(|directive| !is_obeyed(directive)) {
        Some(directive) => Err(directive.error(
            "ACL users are not supported by this server: it knows only the user 'default', with all rights and the password of requirepass",
        )),
        None => Ok(()),
    }
}

/// Whether a line describes the user `default` as it is here anyway: CONFIG REWRITE writes such a line.
fn is_what_we_do(directive: &Directive, password: &[u8]) -> bool {
    let [_, name, rules @ ..] = directive.words.as_slice() else { return false };
    let hash: String = Sha256::digest(password).iter().map(|byte| format!("{byte:02x}")).collect();
    let has = |rule: &str| rules.iter().any(|word| word.eq_ignore_ascii_case(rule.as_bytes()));
    let opens = |rule: &&[u8]| match rule.split_first() {
        Some((b'>', plain)) => !password.is_empty() && plain == password,
        Some((b'#', digits)) => !password.is_empty() && digits.eq_ignore_ascii_case(hash.as_bytes()),
        _ => rule.eq_ignore_ascii_case(b"nopass") && password.is_empty(),
    };
    const HARMLESS: [&str; 9] =
        ["on", "sanitize-payload", "~*", "allkeys", "&*", "allchannels", "+@all", "allcommands", "resetchannels"];
    let known = |rule: &&[u8]| opens(rule) || HARMLESS.iter().any(|known| rule.eq_ignore_ascii_case(known.as_bytes()));
    let words = || rules.iter().map(|word| &**word);
    let everywhere = (has("~*") || has("allkeys")) && (has("&*") || has("allchannels"));
    **name == *b"default"
        && has("on")
        && everywhere
        && !has("resetchannels")
        && (has("+@all") || has("allcommands"))
        && words().all(|word| known(&word))
        && words().any(|word| opens(&word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::config::file::Loader;

    fn accepts(text: &str) -> bool {
        let mut stay = |_: &std::path::Path| Ok(());
        let mut loader = Loader::new(Config::default(), false, &mut stay);
        loader.text(text.as_bytes()).unwrap();
        check(&loader.finish().unwrap()).is_ok()
    }

    #[test]
    fn only_the_user_that_exists_is_accepted() {
        const HASH: &str = "30c952fab122c3f9759f02a6d95c3758b246b4fee239957b2d4fee46e26170c4";
        assert!(accepts("user default on nopass sanitize-payload ~* &* +@all"));
        assert!(accepts(&format!("requirepass pw\nuser default on #{HASH} ~* &* +@all")));
        assert!(accepts("requirepass pw\nuser default on >pw allkeys allchannels allcommands"));
        for refused in [
            "user default off",
            "user default on nopass ~a* &* +@all",
            "user default on nopass ~* &* +@all -flushall",
            "user default on nopass ~* +@all",
            "user default on ~* &* +@all",
            "user default on >pw ~* &* +@all",
            "requirepass pw\nuser default on nopass ~* &* +@all",
            "requirepass other\nuser default on >pw ~* &* +@all",
            "user worker on nopass ~* &* +@all",
            "loadmodule /tmp/x.so",
            "search.timeout 5",
        ] {
            assert!(!accepts(refused), "{refused}");
        }
    }
}
