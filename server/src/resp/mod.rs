//! The Redis serialization protocol, versions 2 and 3: requests in, replies out. No sockets.

pub mod reply;
pub mod request;
pub mod value;

pub use reply::Reply;
pub use request::{Args, ProtocolError, RequestParser};
pub use value::{AnyValue, ReplyError, Value};
