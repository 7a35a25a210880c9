//! Access control of this server: its users, the log of refusals, and the user that a new session begins as. Checks of
//! requests are in `dispatch/acl.rs`.

use std::sync::Arc;

use super::client::{Client, ClientFlags};
use crate::acl::log::AclLog;
use crate::acl::{Catalogue, Rulebook, User, Users};
use crate::config::Config;
use crate::config::values::PubsubDefault;

/// The users, the log of refusals, and what rules can name.
pub struct Acl {
    /// All users, and what each of them may do.
    users: Users,
    /// The recent refusals that ACL LOG shows.
    pub log: AclLog,
    /// The commands and categories that rules can name.
    pub catalogue: &'static Catalogue,
}

impl Acl {
    /// The default user alone, with the password that `requirepass` gives it.
    pub fn new(config: &Config, catalogue: &'static Catalogue) -> Self {
        let mut acl = Self { users: Users::new(catalogue), log: AclLog::default(), catalogue };
        if !config.requirepass.is_empty() {
            acl.users.put(acl.with_password(&config.requirepass));
        }
        acl
    }

    /// All users, by name.
    pub fn users(&self) -> &Users {
        &self.users
    }

    /// Adds a user, or replaces the one of that name. Existing sessions are not updated.
    pub fn put_user(&mut self, user: User) -> Arc<User> {
        self.users.put(user)
    }

    /// Removes a user, which must not be the default one; `None` if there is none.
    pub(crate) fn remove_user(&mut self, name: &[u8]) -> Option<Arc<User>> {
        self.users.remove(name)
    }

    /// Replaces all users by those of an ACL file.
    pub(crate) fn replace_users(&mut self, users: Users) {
        self.users = users;
    }

    /// What the interpretation of rules depends on.
    pub fn rulebook(&self, config: &Config) -> Rulebook<'static> {
        Rulebook::new(self.catalogue, config.acl_pubsub_default == PubsubDefault::AllChannels)
    }

    /// The default user with one password, or with none.
    pub(crate) fn with_password(&self, password: &[u8]) -> User {
        let mut user = User::clone(self.users.default_user());
        let mut book = Rulebook::new(self.catalogue, false);
        let rule = if password.is_empty() { b"nopass".to_vec() } else { [b">", password].concat() };
        for rule in [b"resetpass", &rule[..]] {
            user.apply(&mut book, rule).expect("these are rules");
        }
        user
    }

    /// Makes a new or reset session one of the default user, which determines whether a login is needed.
    pub fn greet(&self, client: &mut Client) {
        let user = self.users.default_user();
        client.become_user(user);
        client.flags.set(ClientFlags::AUTHENTICATED, user.needs_no_login());
        client.flags.set(ClientFlags::NEEDS_AUTH, !user.needs_no_login());
    }
}
