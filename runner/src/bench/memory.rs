//! Bytes an element: what a store grows by, divided by what was put in.

use super::engine::{Instance, Start};
use super::host::Machine;
use super::report::Figures;
use super::workload::Workload;
use crate::engine::Engine;
use crate::failure::Outcome;

pub(super) async fn measure(engine: &Engine, machine: Machine, workload: &Workload, elements: u64) -> Outcome<Figures> {
    let instance = Instance::start(engine, machine, Start::default()).await?;
    let (used_before, resident_before) = instance.memory().await?;
    instance.fill(&workload.filling(elements))?;
    let (used, resident) = instance.memory().await?;
    let each = |bytes: f64| bytes / elements as f64;
    Ok(Figures(vec![("used_bytes", each(used - used_before)), ("rss_bytes", each(resident - resident_before))]))
}
