//! YAML in, located errors out. The only folder that knows which YAML crate is used.
//!
//! Values that a later check may complain about are `Located`, so that an unknown node name is reported as precisely as
//! a misspelt key is.

mod located;
mod ordered;
pub(crate) mod reference;
mod source;

pub use located::{Defined, Located, Position};
pub use ordered::Ordered;
pub use source::{Source, suggest};
