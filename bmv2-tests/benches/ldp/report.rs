//! What was measured, as text.

use std::time::Duration;

use crate::process::Used;

/// One receiver taking all labels once.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Taken {
    /// From the first octet until the last message is taken.
    pub(crate) time: Duration,
    /// Of all of the receiver's processes, until they do nothing any more.
    pub(crate) all: Used,
    /// FRR: of ldpd's processes alone.
    pub(crate) protocol: Used,
    /// From the first octet until the last entry is in the switch.
    pub(crate) in_switch: Option<Duration>,
    /// Updates that the switch was given.
    pub(crate) updates: usize,
    /// What the receiver sent meanwhile.
    pub(crate) mappings: usize,
    pub(crate) pdus: usize,
}

/// The rounds of one receiver.
#[derive(Debug, Default)]
pub(crate) struct Rounds(pub(crate) Vec<Taken>);

impl Rounds {
    /// The middle one of all rounds.
    pub(crate) fn median<T: Ord + Copy>(&self, of: impl Fn(&Taken) -> T) -> Option<T> {
        let mut all: Vec<T> = self.0.iter().map(of).collect();
        all.sort_unstable();
        all.get(all.len() / 2).copied()
    }

    fn line(&self, name: &str, fecs: u32, of: fn(&Taken) -> Used) {
        let Some(time) = self.median(|taken| taken.time) else {
            return;
        };
        let cpu = self.median(|taken| of(taken).time).unwrap_or_default();
        let memory = self.median(|taken| of(taken).memory).unwrap_or_default();
        let resident = self.median(|taken| of(taken).resident).unwrap_or_default();
        println!(
            "{name:<28} {:>9.1} {:>9.1} {:>9.3} {:>9.1}",
            milliseconds(time),
            milliseconds(cpu),
            memory as f64 / f64::from(fecs),
            resident as f64 / 1e3
        );
    }
}

pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

pub(crate) fn heading(fecs: u32, pdus: usize, messages: usize, octets: usize, rounds: usize) {
    println!(
        "{fecs} FECs from one peer: {messages} messages in {pdus} PDUs, {octets} octets; the middle of \
         {rounds} rounds\n"
    );
    println!(
        "{:<28} {:>9} {:>9} {:>9} {:>9}",
        "receiver", "taken, ms", "CPU, ms", "kB a FEC", "MB in all"
    );
}

/// FRR's rounds.
pub(crate) fn frr(rounds: &Rounds, fecs: u32) {
    rounds.line("FRR ldpd", fecs, |taken| taken.protocol);
    rounds.line("FRR ldpd and zebra", fecs, |taken| taken.all);
}

/// lsrd's rounds.
pub(crate) fn lsrd(name: &str, rounds: &Rounds, fecs: u32) {
    rounds.line(name, fecs, |taken| taken.all);
}
