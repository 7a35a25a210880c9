//! Directives for features that this server does not have. It refuses to start, because the operator relies on them.

use crate::config::file::{FatalError, StartupConfig};

/// Checks directives that are not options.
///
/// # Errors
/// The first line that cannot be honoured.
pub fn check(loaded: &StartupConfig) -> Result<(), FatalError> {
    match loaded.modules.first().or(loaded.module_options.first()) {
        Some(directive) => Err(directive.error("Modules are not supported by this server")),
        None => Ok(()),
    }
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
    fn modules_are_refused_and_users_are_not() {
        assert!(accepts("user worker on nopass ~* &* +@all"));
        for refused in ["loadmodule /tmp/x.so", "search.timeout 5"] {
            assert!(!accepts(refused), "{refused}");
        }
    }
}
