//! What happens when something is done to a topology: events of sentinels, roles, links, views of the cluster and a write
//! probe, on one clock.
//!
//! The observers (`observe`, `writes`) fill a `World`; a `Story` is what one run of a script (`script`) left in it. The
//! clock begins when the script does. Events get the time at which the runner notices them: nodes are asked every few
//! milliseconds, sentinels tell by themselves.

pub(crate) mod observe;
mod run;
mod script;
mod story;
mod svg;
pub(crate) mod world;
mod writes;

pub use run::{Limits, restore, run};
pub use script::Script;
pub use story::{Story, Summary};
pub use svg::picture;
