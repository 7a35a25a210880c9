//! The Redis serialization protocol, versions 2 and 3: parsing requests, writing replies, and parsing replies for when we
//! are the client. No sockets.

pub mod reply;
pub mod request;
pub mod value;

pub use reply::Reply;
pub use request::{Args, ProtocolError, RequestParser};
pub use value::{AnyValue, ReplyError, Value};
