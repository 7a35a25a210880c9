//! The runner's own client: RESP2 and RESP3, raw bytes where they matter, no pool and no retries.
//!
//! Probes, `cli`, scenarios and the differential test use it. The load generator does not: see `bench`.

mod connection;
mod credentials;
mod print;
mod redirect;
mod reply;
mod words;

pub use connection::{Address, Client, encode};
pub use credentials::Credentials;
pub use print::{Style, print};
pub use redirect::Redirect;
pub use reply::{Reply, decode, fields};
pub use words::{quote_word, split_words};
