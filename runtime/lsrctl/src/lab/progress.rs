//! How far a lab is, on the terminal: moving lines there, plain lines in a file or pipe.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use console::style;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::routers::RouterState;
use super::running::Observer;

/// Shows steps and routers on the standard error.
#[derive(Debug)]
pub(crate) struct Progress {
    lines: MultiProgress,
    moving: bool,
    state: Mutex<Lines>,
}

#[derive(Debug, Default)]
struct Lines {
    step: Option<(ProgressBar, String)>,
    routers: HashMap<String, ProgressBar>,
}

impl Progress {
    /// Moving lines when the standard error is a terminal.
    pub(crate) fn new() -> Self {
        let moving = console::user_attended_stderr();
        Self {
            lines: MultiProgress::new(),
            moving,
            state: Mutex::default(),
        }
    }

    /// A line that stays.
    pub(crate) fn say(&self, words: &str) {
        if self.moving {
            // A terminal that cannot be written to has nobody before it.
            let _ = self.lines.println(words);
        } else {
            eprintln!("{words}");
        }
    }

    /// Ends all moving lines; a step that was under way gets its mark.
    pub(crate) fn finish(&self, well: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((bar, words)) = state.step.take() {
            bar.finish_and_clear();
            self.say(&format!("{} {words}", mark(well)));
        }
        for (_, bar) in state.routers.drain() {
            bar.abandon();
        }
    }

    fn spinner(&self) -> ProgressBar {
        let bar = self.lines.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

fn mark(well: bool) -> String {
    let (sign, style) = if well {
        ("✓", style("✓").green())
    } else {
        ("✗", style("✗").red())
    };
    if console::colors_enabled_stderr() {
        style.force_styling(true).to_string()
    } else {
        sign.to_owned()
    }
}

impl Observer for Progress {
    fn step(&self, words: &str) {
        self.finish(true);
        if self.moving {
            let bar = self.spinner();
            bar.set_message(words.to_owned());
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.step = Some((bar, words.to_owned()));
        } else {
            eprintln!("{words}");
        }
    }

    fn router(&self, name: &str, router: &RouterState) {
        let words = format!("  {name}: {router}");
        if !self.moving {
            eprintln!("{words}");
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = state
            .routers
            .entry(name.to_owned())
            .or_insert_with(|| self.spinner());
        bar.set_message(words.clone());
        if router.is_ready() {
            if let Ok(style) = ProgressStyle::with_template("{msg}") {
                bar.set_style(style);
            }
            bar.finish_with_message(format!("{} {}", mark(true), words.trim_start()));
        }
    }
}
