//! The samples behind LATENCY: events that took longer than `latency-monitor-threshold`, up to 160 samples per event.

use std::collections::BTreeMap;
use std::collections::VecDeque;

use crate::base::clock::Millis;

const SAMPLES: usize = 160;

/// The samples of one event.
#[derive(Debug, Default, Clone)]
pub struct Series {
    /// The time in Unix seconds and the duration in milliseconds, oldest first.
    pub samples: VecDeque<(i64, i64)>,
    /// The longest duration ever, in milliseconds.
    pub max: i64,
}

/// The samples of all events.
#[derive(Debug, Default)]
pub struct LatencyMonitor {
    events: BTreeMap<&'static str, Series>,
}

impl LatencyMonitor {
    /// Adds a sample if it reaches the threshold (milliseconds).
    pub fn add_if_slow(&mut self, event: &'static str, millis: i64, threshold: i64, now: Millis) {
        if millis < threshold || threshold == 0 {
            return;
        }
        let series = self.events.entry(event).or_default();
        series.max = series.max.max(millis);
        // Of the samples within one second, only the longest is kept.
        match series.samples.back_mut() {
            Some((second, longest)) if *second == now / 1000 => *longest = (*longest).max(millis),
            _ => {
                if series.samples.len() == SAMPLES {
                    series.samples.pop_front();
                }
                series.samples.push_back((now / 1000, millis));
            }
        }
    }

    /// Events with their samples.
    pub fn events(&self) -> impl ExactSizeIterator<Item = (&'static str, &Series)> {
        self.events.iter().map(|(&event, series)| (event, series))
    }

    /// One event's samples.
    pub fn series(&self, event: &[u8]) -> Option<&Series> {
        self.events.get(std::str::from_utf8(event).ok()?)
    }

    /// Removes one event or all of them; returns how many were removed.
    pub fn reset(&mut self, event: Option<&[u8]>) -> usize {
        match event {
            None => {
                let count = self.events.len();
                self.events.clear();
                count
            }
            Some(event) => {
                let known = std::str::from_utf8(event).ok();
                usize::from(known.is_some_and(|event| self.events.remove(event).is_some()))
            }
        }
    }
}
