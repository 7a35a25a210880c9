//! A user: its passwords, its selectors, and the rules that change them.

use super::catalogue::Catalogue;
use super::password::PasswordHash;
use super::selector::{RuleError, Rulebook, Selector, up_to_nul};
use crate::base::words;

/// The name of the user that every connection begins as.
pub const DEFAULT: &[u8] = b"default";

/// A user. It is immutable while in use: a change puts another one in its place.
#[derive(Debug, Clone)]
pub struct User {
    /// The name to log in with.
    pub name: Vec<u8>,
    /// Whether logging in as this user is possible: `on` or `off`.
    pub enabled: bool,
    /// Any password is accepted.
    pub nopass: bool,
    /// `sanitize-payload` or `skip-sanitize-payload`, if either was given. It is shown but has no effect, because payloads
    /// are always checked.
    pub sanitizes: Option<bool>,
    /// The accepted passwords, unless `nopass`.
    pub passwords: Vec<PasswordHash>,
    root: Selector,
    others: Vec<Selector>,
}

/// Why a list of rules is refused. The texts are Redis's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RulesError {
    /// A selector is not closed; the word that opens it.
    Unmatched(Vec<u8>),
    /// One rule is refused: the rule, and why.
    Rule(Vec<u8>, RuleError),
}

impl RulesError {
    /// The text of the error that ACL SETUSER answers with.
    pub fn text(&self) -> Vec<u8> {
        match self {
            Self::Unmatched(word) => {
                [b"Unmatched parenthesis in acl selector starting at '", up_to_nul(word), b"'."].concat()
            }
            Self::Rule(rule, error) => {
                let error = format!("': {error}");
                [b"Error in ACL SETUSER modifier '", up_to_nul(rule), error.as_bytes()].concat()
            }
        }
    }
}

/// Joins the words of each selector into one.
///
/// # Errors
/// The index of the word that opens an unclosed selector.
pub fn merge_selectors<W: AsRef<[u8]>>(words: &[W]) -> Result<Vec<Vec<u8>>, usize> {
    let mut merged = Vec::new();
    let mut open: Option<(usize, Vec<u8>)> = None;
    for (place, word) in words.iter().map(AsRef::as_ref).enumerate() {
        let closes = word.last() == Some(&b')');
        if word.first() == Some(&b'(') && !closes {
            open = Some((place, word.to_vec()));
        } else if let Some((_, selector)) = &mut open {
            selector.push(b' ');
            selector.extend(up_to_nul(word));
            if closes {
                merged.extend(open.take().map(|(_, selector)| selector));
            }
        } else {
            merged.push(word.to_vec());
        }
    }
    match open {
        Some((place, _)) => Err(place),
        None => Ok(merged),
    }
}

impl User {
    /// A new user, which may do nothing and cannot be logged in as.
    pub fn new(name: &[u8], book: &Rulebook<'_>) -> Self {
        Self {
            name: name.to_vec(),
            enabled: false,
            nopass: false,
            sanitizes: None,
            passwords: Vec::new(),
            root: Selector::new(book),
            others: Vec::new(),
        }
    }

    /// The user that every connection begins as, before any rule has changed it: it may do everything.
    pub fn default_user(book: &mut Rulebook<'_>) -> Self {
        let mut user = Self::new(DEFAULT, book);
        for rule in ["+@all", "~*", "&*", "on", "nopass"] {
            user.apply(book, rule.as_bytes()).expect("these are rules");
        }
        user
    }

    /// The root selector, then the others.
    pub fn selectors(&self) -> impl Iterator<Item = &Selector> {
        std::iter::once(&self.root).chain(&self.others)
    }

    /// The root selector, which rules outside parentheses change.
    pub fn root(&self) -> &Selector {
        &self.root
    }

    /// The selectors in parentheses.
    pub fn others(&self) -> &[Selector] {
        &self.others
    }

    /// A copy of the user with some rules applied.
    ///
    /// # Errors
    /// The first rule that is refused.
    pub fn with_rules<W: AsRef<[u8]>>(&self, book: &mut Rulebook<'_>, rules: &[W]) -> Result<Self, RulesError> {
        let merged = merge_selectors(rules).map_err(|place| RulesError::Unmatched(rules[place].as_ref().to_vec()))?;
        let mut user = self.clone();
        for rule in merged {
            user.apply(book, &rule).map_err(|error| RulesError::Rule(rule, error))?;
        }
        Ok(user)
    }

    /// Applies one rule. A rule that fails may still have changed the user, so apply rules to a copy.
    ///
    /// # Errors
    /// Why the rule is refused.
    pub fn apply(&mut self, book: &mut Rulebook<'_>, rule: &[u8]) -> Result<(), RuleError> {
        if rule.is_empty() {
            return Ok(());
        }
        match up_to_nul(rule).to_ascii_lowercase().as_slice() {
            b"on" => self.enabled = true,
            b"off" => self.enabled = false,
            b"skip-sanitize-payload" => self.sanitizes = Some(false),
            b"sanitize-payload" => self.sanitizes = Some(true),
            b"nopass" => self.set_nopass(true),
            b"resetpass" => self.set_nopass(false),
            b"clearselectors" => self.others.clear(),
            b"reset" => {
                self.set_nopass(false);
                self.enabled = false;
                self.sanitizes = Some(true);
                self.root = Selector::new(book);
                self.others.clear();
            }
            _ => match (rule[0], &rule[1..]) {
                (b'>', password) => self.add_password(PasswordHash::of(password)),
                (b'#', digits) => self.add_password(PasswordHash::parse(digits).ok_or(RuleError::BadHash)?),
                (b'<', password) => self.remove_password(&PasswordHash::of(password))?,
                (b'!', digits) => self.remove_password(&PasswordHash::parse(digits).ok_or(RuleError::BadHash)?)?,
                (b'(', [inner @ .., b')']) => self.others.push(selector(book, inner)?),
                _ => self.root.apply(book, rule)?,
            },
        }
        Ok(())
    }

    fn set_nopass(&mut self, nopass: bool) {
        self.nopass = nopass;
        self.passwords.clear();
    }

    fn add_password(&mut self, hash: PasswordHash) {
        self.nopass = false;
        if !self.passwords.contains(&hash) {
            self.passwords.push(hash);
        }
    }

    fn remove_password(&mut self, hash: &PasswordHash) -> Result<(), RuleError> {
        let place = self.passwords.iter().position(|known| known == hash).ok_or(RuleError::NoSuchPassword)?;
        self.passwords.remove(place);
        Ok(())
    }

    /// Whether a password is accepted.
    pub fn accepts(&self, password: &[u8]) -> bool {
        if !self.enabled || self.nopass {
            return self.enabled;
        }
        let hash = PasswordHash::of(password);
        // All hashes are compared, so that the time does not reveal which one matches.
        self.passwords.iter().fold(false, |found, known| known.matches(&hash) | found)
    }

    /// Whether new connections are this user without logging in.
    pub fn needs_no_login(&self) -> bool {
        self.enabled && self.nopass
    }

    /// The flags as rules, in the order of ACL GETUSER.
    pub fn flags(&self) -> Vec<&'static str> {
        let mut flags = vec![if self.enabled { "on" } else { "off" }];
        flags.extend(self.nopass.then_some("nopass"));
        flags.extend(self.sanitizes.map(|on| if on { "sanitize-payload" } else { "skip-sanitize-payload" }));
        flags
    }

    /// The whole user as rules.
    pub fn describe(&self, catalogue: &Catalogue) -> Vec<u8> {
        let mut parts: Vec<Vec<u8>> = self.flags().iter().map(|flag| flag.as_bytes().to_vec()).collect();
        parts.extend(self.passwords.iter().map(|hash| [b"#", hash.digits()].concat()));
        parts.push(self.root.describe(catalogue));
        parts.extend(self.others.iter().map(|selector| [b"(", &*selector.describe(catalogue), b")"].concat()));
        parts.join(&b' ')
    }
}

/// Parses a selector's rules, without the parentheses. As in Redis, quotes are honoured, and an unclosed quote yields a
/// selector without rules.
fn selector(book: &mut Rulebook<'_>, rules: &[u8]) -> Result<Selector, RuleError> {
    let mut selector = Selector::new(book);
    for rule in words::split(rules).unwrap_or_default() {
        selector.apply(book, &rule)?;
    }
    Ok(selector)
}
