//! The users of this server, what was refused to them, and what a session is given when it begins.

use std::sync::Arc;

use super::client::{Client, ClientFlags};
use crate::acl::log::AclLog;
use crate::acl::{Catalogue, Rulebook, User, Users};
use crate::config::Config;
use crate::config::values::PubsubDefault;

/// All that concerns users.
pub struct Acl {
    /// All users, and what each of them may do.
    users: Users,
    /// What was refused lately.
    pub log: AclLog,
    /// What rules may name.
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

    /// All users.
    pub fn users(&self) -> &Users {
        &self.users
    }

    /// Adds a user, or replaces the one of that name. Sessions do not follow by themselves.
    pub fn put_user(&mut self, user: User) -> Arc<User> {
        self.users.put(user)
    }

    /// Removes a user, which must not be the default one; `None` where there is none of that name.
    pub(crate) fn remove_user(&mut self, name: &[u8]) -> Option<Arc<User>> {
        self.users.remove(name)
    }

    /// Replaces all users by those of an ACL file.
    pub(crate) fn replace_users(&mut self, users: Users) {
        self.users = users;
    }

    /// What rules are read by.
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

    /// A session that begins, or begins anew, is the default user's; whether a login is needed depends on that user.
    pub fn greet(&self, client: &mut Client) {
        let user = self.users.default_user();
        client.become_user(user);
        client.flags.set(ClientFlags::AUTHENTICATED, user.needs_no_login());
        client.flags.set(ClientFlags::NEEDS_AUTH, !user.needs_no_login());
    }
}
