//! Events for a person's eyes: one line each, coloured on a terminal only; what is being waited for on a line of its own.

use crate::events::{Event, Sink, Stamped};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use owo_colors::OwoColorize;
use std::io::{IsTerminal, Write};
use std::time::Duration;

/// Prints events to standard output or standard error.
#[derive(Debug)]
pub struct Terminal {
    stream: Stream,
    // The line that shows what readiness waits for; only a terminal has one.
    waiting: Option<ProgressBar>,
    on_terminal: bool,
    closing_hint: Option<&'static str>,
}

#[derive(Debug, Clone, Copy)]
enum Stream {
    Stdout,
    Stderr,
}

impl Terminal {
    /// On standard output; `closing_hint` is printed below 'ready'.
    pub fn on_stdout(closing_hint: &'static str) -> Self {
        let on_terminal = std::io::stdout().is_terminal();
        Self { stream: Stream::Stdout, waiting: None, on_terminal, closing_hint: Some(closing_hint) }
    }

    /// On standard error: standard output is for what a command says.
    pub fn on_stderr() -> Self {
        let on_terminal = std::io::stderr().is_terminal();
        Self { stream: Stream::Stderr, waiting: None, on_terminal, closing_hint: None }
    }

    fn line(&mut self, text: &str) {
        let stream = self.stream;
        let print = || {
            // A reader that went away must not take the topology down.
            let _ = match stream {
                Stream::Stdout => writeln!(anstream::stdout(), "{text}"),
                Stream::Stderr => writeln!(anstream::stderr(), "{text}"),
            };
        };
        match &self.waiting {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    fn wait_for(&mut self, text: String) {
        if !self.on_terminal {
            return;
        }
        let stream = self.stream;
        let bar = self.waiting.get_or_insert_with(|| {
            let target = match stream {
                Stream::Stdout => ProgressDrawTarget::stdout(),
                Stream::Stderr => ProgressDrawTarget::stderr(),
            };
            let bar = ProgressBar::with_draw_target(None, target);
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        bar.set_message(text);
    }

    fn stop_waiting(&mut self) {
        if let Some(bar) = self.waiting.take() {
            bar.finish_and_clear();
        }
    }
}

/// `1 node`, `2 nodes`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

impl Sink for Terminal {
    fn take(&mut self, stamped: &Stamped) {
        match &stamped.event {
            Event::Starting { topology, nodes, dir } => {
                let text = format!("{} {}, files in {dir}", topology.bold(), counted(*nodes, "node"));
                self.line(&text);
            }
            Event::Started { node, role, engine, port, pid } => {
                let text = format!("  {:<12} {role:<8} 127.0.0.1:{port:<5}  {engine}, pid {pid}", node.bold());
                self.line(&text);
            }
            Event::Created { masters, nodes } => {
                let at = format!("{} ms", stamped.at_ms);
                let text =
                    format!("  cluster of {}, {masters} of them masters {}", counted(*nodes, "node"), at.dimmed());
                self.line(&text);
            }
            Event::Waiting { node, gate, found } => self.wait_for(format!("{node}: {gate} ({found})")),
            Event::Passed { node, gate } => {
                let at = format!("{} ms", stamped.at_ms);
                let text = format!("  {:<12} {} {gate} {}", node.bold(), "ok".green(), at.dimmed());
                self.line(&text);
            }
            Event::Ready { after_ms, .. } => {
                self.stop_waiting();
                let text = format!("{} after {after_ms} ms", "ready".green().bold());
                self.line(&text);
                if let Some(hint) = self.closing_hint {
                    self.line(hint);
                }
            }
            Event::Acted { node, action } => {
                let text = format!("  {:<12} {}", node.bold(), action.yellow());
                self.line(&text);
            }
            Event::Faults { rules } => {
                let text = match rules.as_slice() {
                    [] => format!("  {:<12} {}", "network".bold(), "no faults".green()),
                    rules => format!("  {:<12} {}", "network".bold(), rules.join("; ").yellow()),
                };
                self.line(&text);
            }
            Event::Healed { rule } => {
                let text = format!("  {:<12} {rule} {}", "network".bold(), "is over".green());
                self.line(&text);
            }
            Event::Ended { node, how, expected } => {
                let how = if *expected { how.clone() } else { how.red().to_string() };
                let text = format!("  {:<12} {how}", node.bold());
                self.line(&text);
            }
            Event::Stopping { reason } => {
                self.stop_waiting();
                let text = format!("stopping: {reason}");
                self.line(&text);
            }
            Event::Killing { node } => {
                let text = format!("  {:<12} {}", node.bold(), "does not end by itself: killed".red());
                self.line(&text);
            }
            Event::Down { kept: Some(dir), .. } => {
                let text = format!("down; data kept in {dir}");
                self.line(&text);
            }
            Event::Down { kept: None, logs: Some(dir) } => {
                let text = format!("down; logs kept in {dir}");
                self.line(&text);
            }
            Event::Down { kept: None, logs: None } => self.line("down; nothing left behind"),
            // The caller prints the error itself, with its details.
            Event::Failed { .. } => self.stop_waiting(),
        }
    }
}
