//! The set of all users, and its form in ACL files and `user` lines.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::catalogue::Catalogue;
use super::selector::{RuleError, Rulebook, has_blanks};
use super::user::{DEFAULT, User, merge_selectors};

/// All users by name.
#[derive(Debug, Clone)]
pub struct Users(BTreeMap<Vec<u8>, Arc<User>>);

impl Users {
    /// The default user alone, which may do everything.
    pub fn new(catalogue: &Catalogue) -> Self {
        let user = User::default_user(&mut Rulebook::new(catalogue, false));
        Self(BTreeMap::from([(DEFAULT.to_vec(), Arc::new(user))]))
    }

    /// Looks up a user by name.
    pub fn get(&self, name: &[u8]) -> Option<&Arc<User>> {
        self.0.get(name)
    }

    /// The user that every connection begins as.
    ///
    /// # Panics
    /// Never: it cannot be removed.
    pub fn default_user(&self) -> &Arc<User> {
        self.0.get(DEFAULT).expect("the default user is always there")
    }

    /// Adds a user, or replaces the one of the same name.
    pub fn put(&mut self, user: User) -> Arc<User> {
        let user = Arc::new(user);
        self.0.insert(user.name.clone(), Arc::clone(&user));
        user
    }

    /// Removes a user by name; `None` if there is none.
    ///
    /// # Panics
    /// The user is the default one, which cannot be removed.
    pub fn remove(&mut self, name: &[u8]) -> Option<Arc<User>> {
        assert!(name != DEFAULT, "the default user is always there");
        self.0.remove(name)
    }

    /// All users, by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<User>> {
        self.0.values()
    }

    /// A user as a line of an ACL file.
    pub fn line(user: &User, catalogue: &Catalogue) -> Vec<u8> {
        [b"user ", &*user.name, b" ", &user.describe(catalogue)].concat()
    }

    /// The text of an ACL file with all users.
    pub fn to_file(&self, catalogue: &Catalogue) -> Vec<u8> {
        self.iter().flat_map(|user| [Self::line(user, catalogue), b"\n".to_vec()].concat()).collect()
    }

    /// Parses an ACL file. `path` is used in errors only.
    ///
    /// # Errors
    /// Everything that is wrong, in one line.
    pub fn from_file(text: &[u8], path: &str, book: &mut Rulebook<'_>) -> Result<Self, Vec<u8>> {
        let mut users = BTreeMap::new();
        let mut errors = Vec::new();
        for (number, line) in text.split(|&byte| byte == b'\n').enumerate().map(|(index, line)| (index + 1, line)) {
            let line = trim(line);
            if !line.is_empty() {
                file_line(line, &format!("{path}:{number}"), number, &mut users, book, &mut errors);
            }
        }
        if !errors.is_empty() {
            errors.extend(b"WARNING: ACL errors detected, no change to the previously active ACL rules was performed");
            return Err(errors);
        }
        users.entry(DEFAULT.to_vec()).or_insert_with(|| User::default_user(book));
        Ok(Self(users.into_iter().map(|(name, user)| (name, Arc::new(user))).collect()))
    }
}

fn trim(line: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let start = line.iter().position(|byte| !blank(byte)).unwrap_or(line.len());
    let end = line.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
    &line[start..end]
}

/// Parses one line of an ACL file: adds its user to `users`, or what is wrong to `errors`.
fn file_line(
    line: &[u8],
    place: &str,
    number: usize,
    users: &mut BTreeMap<Vec<u8>, User>,
    book: &mut Rulebook<'_>,
    errors: &mut Vec<u8>,
) {
    let words: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
    let [b"user", name, rules @ ..] = words.as_slice() else {
        errors.extend(format!("{place} should start with user keyword followed by the username. ").bytes());
        return;
    };
    if has_blanks(name) {
        errors.extend([b"'", place.as_bytes(), b": username '", name, b"' contains invalid characters. "].concat());
        return;
    }
    if users.contains_key(*name) {
        let at = format!("' found on line {number}. ");
        errors.extend([b"WARNING: Duplicate user '", *name, at.as_bytes()].concat());
        return;
    }
    let mut user = User::new(name, book);
    match merge_selectors(rules) {
        Ok(merged) => {
            let mut told = false;
            for rule in &merged {
                let rule = trim(rule);
                match user.apply(book, rule) {
                    Ok(()) => {}
                    // The name of a command is not a secret; other rules may be.
                    Err(error @ RuleError::Unknown) => {
                        let reason = format!("': {error}. ");
                        let head = format!("{place}: Error in applying operation '");
                        errors.extend([head.as_bytes(), rule, reason.as_bytes()].concat());
                    }
                    Err(error) if !told => {
                        told = true;
                        errors.extend(format!("{place}: {error}. ").bytes());
                    }
                    Err(_) => {}
                }
            }
        }
        Err(_) => errors.extend(format!("{place}: Unmatched parenthesis in selector definition.").bytes()),
    }
    users.insert(name.to_vec(), user);
}
