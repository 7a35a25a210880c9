//! Where a cluster's errors lead.

use super::Reply;

/// `MOVED 5798 127.0.0.1:7001` or `ASK 5798 127.0.0.1:7001`. Nodes of a topology differ in their ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redirect {
    /// Which kind of redirection: `MOVED` or `ASK`.
    pub word: &'static str,
    /// The slot of the key that was asked for.
    pub slot: u16,
    /// The node's port for clients.
    pub port: u16,
}

impl Redirect {
    /// Reads a reply; `None` where it is not a redirection.
    pub fn of(reply: &Reply) -> Option<Self> {
        let Reply::Error(error) = reply else {
            return None;
        };
        let mut words = error.split(' ');
        let word = match words.next()? {
            "MOVED" => "MOVED",
            "ASK" => "ASK",
            _ => return None,
        };
        let slot = words.next()?.parse().ok()?;
        let port = words.next()?.rsplit_once(':')?.1.parse().ok()?;
        Some(Self { word, slot, port })
    }

    /// The slot is only on its way: ASKING goes before the command, and the next one goes where this one went.
    pub fn asks(self) -> bool {
        self.word == "ASK"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_is_read_whatever_host_it_names() {
        for (text, port) in [("MOVED 5798 127.0.0.1:7001", 7001), ("ASK 1 ::1:7002", 7002), ("MOVED 1 :7003", 7003)] {
            assert_eq!(Redirect::of(&Reply::Error(text.into())).unwrap().port, port);
        }
        assert!(Redirect::of(&Reply::Error("ERR MOVED".into())).is_none());
    }
}
