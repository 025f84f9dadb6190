//! Counters and registers, and the arrays of these and of meters.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::meter::{Meter, check_meter};
use super::{Result, State, unknown, words_of};
use crate::control::{ControlError, CounterValue, DropStatistics, MeterConfig, MeterCounts};
use crate::number::{cut, words_for, words_to_bytes};
use crate::program::Array;

/// A counter of packets and bytes.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct Counter {
    pub(crate) packets: AtomicU64,
    pub(crate) bytes: AtomicU64,
}

impl Counter {
    /// `alone` if no other thread counts at the same time.
    #[inline]
    pub(crate) fn count(&self, bytes: u64, alone: bool) {
        let add = |counter: &AtomicU64, value: u64| {
            if alone {
                let before = counter.load(Ordering::Relaxed);
                counter.store(before.wrapping_add(value), Ordering::Relaxed);
            } else {
                counter.fetch_add(value, Ordering::Relaxed);
            }
        };
        add(&self.packets, 1);
        add(&self.bytes, bytes);
    }

    pub(super) fn value(&self) -> CounterValue {
        CounterValue {
            packets: self.packets.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }

    pub(super) fn set(&self, value: CounterValue) {
        self.packets.store(value.packets, Ordering::Relaxed);
        self.bytes.store(value.bytes, Ordering::Relaxed);
    }
}

/// An array of registers.
#[derive(Debug)]
pub(crate) struct RegisterArray {
    size: usize,
    width: u32,
    /// Words of one register.
    stride: usize,
    words: Mutex<Vec<u64>>,
}

impl RegisterArray {
    pub(super) fn new(size: usize, width: u32) -> Self {
        let stride = words_for(width);
        Self {
            size,
            width,
            stride,
            words: Mutex::new(vec![0; size * stride]),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<u64>> {
        // The words are whole whatever the thread that held the lock did.
        self.words.lock().unwrap_or_else(|error| error.into_inner())
    }

    fn range(&self, index: u64) -> Option<std::ops::Range<usize>> {
        let index = usize::try_from(index).ok().filter(|i| *i < self.size)?;
        Some(index * self.stride..(index + 1) * self.stride)
    }

    /// Takes over the registers of another array of the same width, as far as both go.
    pub(super) fn take(&self, other: &Self) {
        if self.width == other.width {
            let (mut own, other) = (self.lock(), other.lock());
            for (own, other) in own.iter_mut().zip(other.iter()) {
                *own = *other;
            }
        }
    }

    /// Does something with a register, if there is one of this index.
    pub(crate) fn with<T>(&self, index: u64, f: impl FnOnce(&[u64]) -> T) -> Option<T> {
        self.range(index).map(|range| f(&self.lock()[range]))
    }

    /// Does something with a register, or with 0 if there is none of this index.
    pub(crate) fn read<T>(&self, index: u64, f: impl FnOnce(&[u64]) -> T) -> T {
        match self.range(index) {
            Some(range) => f(&self.lock()[range]),
            None => f(&[0]),
        }
    }

    /// Sets a register; `fill` writes the words. Whether there is one of this index.
    pub(crate) fn write(&self, index: u64, fill: impl FnOnce(&mut [u64])) -> bool {
        let Some(range) = self.range(index) else {
            return false;
        };
        let mut words = self.lock();
        fill(&mut words[range.clone()]);
        cut(&mut words[range], self.width);
        true
    }
}

/// Counts of packets that were not sent.
#[derive(Debug, Default)]
pub(crate) struct DropCounters {
    pub(crate) ingress: AtomicU64,
    pub(crate) egress: AtomicU64,
    pub(crate) empty_multicast_group: AtomicU64,
    pub(crate) unknown_clone_session: AtomicU64,
    pub(crate) loop_limit: AtomicU64,
    pub(crate) step_limit: AtomicU64,
    pub(crate) unknown_port: AtomicU64,
    pub(crate) cpu_queue_full: AtomicU64,
    pub(crate) digest_queue_full: AtomicU64,
    pub(crate) failed_assertions: AtomicU64,
}

/// Adds one.
pub(crate) fn bump(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Counters, meters and registers that stand for themselves.
impl State {
    /// Names and sizes of the indirect counter arrays.
    pub fn counters(&self) -> Vec<(String, usize)> {
        indirect(&self.program.counters)
    }

    pub(super) fn counter_array(&self, array: &str) -> Result<&[Counter]> {
        let id = position(&self.program.counters, "counter array", array)?;
        Ok(&self.counters[id])
    }

    fn counter_of(&self, array: &str, index: usize) -> Result<&Counter> {
        element(self.counter_array(array)?, array, index)
    }

    /// A counter.
    ///
    /// # Errors
    ///
    /// [`ControlError::UnknownObject`], [`ControlError::OutOfRange`].
    pub fn counter(&self, array: &str, index: usize) -> Result<CounterValue> {
        self.counter_of(array, index).map(Counter::value)
    }

    /// Sets a counter.
    ///
    /// # Errors
    ///
    /// [`ControlError::UnknownObject`], [`ControlError::OutOfRange`].
    pub fn set_counter(&mut self, array: &str, index: usize, value: CounterValue) -> Result<()> {
        self.counter_of(array, index)?.set(value);
        Ok(())
    }

    /// Names and sizes of the indirect meter arrays.
    pub fn meters(&self) -> Vec<(String, usize)> {
        indirect(&self.program.meters)
    }

    pub(super) fn meter_array(&self, array: &str) -> Result<&[Meter]> {
        let id = position(&self.program.meters, "meter array", array)?;
        Ok(&self.meters[id])
    }

    fn meter_of(&self, array: &str, index: usize) -> Result<&Meter> {
        element(self.meter_array(array)?, array, index)
    }

    /// A meter; `None` if it has no configuration, so that all packets are green.
    ///
    /// # Errors
    ///
    /// [`ControlError::UnknownObject`], [`ControlError::OutOfRange`].
    pub fn meter(&self, array: &str, index: usize) -> Result<Option<MeterConfig>> {
        self.meter_of(array, index).map(Meter::config)
    }

    /// Sets a meter.
    ///
    /// # Errors
    ///
    /// [`ControlError::UnknownObject`], [`ControlError::OutOfRange`], [`ControlError::Invalid`] if
    /// the committed rate is larger than the peak rate.
    pub fn set_meter(
        &mut self,
        array: &str,
        index: usize,
        config: Option<MeterConfig>,
    ) -> Result<()> {
        check_meter(array, config.as_ref())?;
        let now = self.clock.microseconds();
        self.meter_of(array, index)?.set(config, now);
        Ok(())
    }

    /// What a meter has counted.
    ///
    /// # Errors
    ///
    /// As [`State::meter`].
    pub fn meter_counts(&self, array: &str, index: usize) -> Result<MeterCounts> {
        self.meter_of(array, index).map(Meter::counts)
    }

    /// Sets what a meter has counted.
    ///
    /// # Errors
    ///
    /// As [`State::meter`].
    pub fn set_meter_counts(
        &mut self,
        array: &str,
        index: usize,
        counts: MeterCounts,
    ) -> Result<()> {
        self.meter_of(array, index)?.set_counts(counts);
        Ok(())
    }

    /// Names, sizes and widths in bits of the register arrays.
    pub fn registers(&self) -> Vec<(String, usize, u32)> {
        self.program
            .registers
            .iter()
            .map(|array| (array.name.clone(), array.size, array.width))
            .collect()
    }

    pub(super) fn register_array(&self, array: &str) -> Result<&RegisterArray> {
        let id = position(&self.program.registers, "register array", array)?;
        Ok(&self.registers[id])
    }

    fn register_of(&self, array: &str, index: usize) -> Result<&RegisterArray> {
        let registers = self.register_array(array)?;
        if index >= registers.size {
            return Err(out_of_range(array, index, registers.size));
        }
        Ok(registers)
    }

    /// A register.
    ///
    /// # Errors
    ///
    /// [`ControlError::UnknownObject`], [`ControlError::OutOfRange`].
    pub fn register(&self, array: &str, index: usize) -> Result<Vec<u8>> {
        let registers = self.register_of(array, index)?;
        Ok(registers.read(index as u64, |words| words_to_bytes(words, registers.width)))
    }

    /// Sets a register.
    ///
    /// # Errors
    ///
    /// [`ControlError::UnknownObject`], [`ControlError::OutOfRange`], [`ControlError::TooWide`].
    pub fn set_register(&mut self, array: &str, index: usize, value: &[u8]) -> Result<()> {
        let registers = self.register_of(array, index)?;
        let value = words_of(value, registers.width, array, "register")?;
        registers.write(index as u64, |words| words.copy_from_slice(&value));
        Ok(())
    }

    /// What happened to packets that were not sent, since the program was loaded.
    pub fn drops(&self) -> DropStatistics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        DropStatistics {
            ingress: read(&self.drops.ingress),
            egress: read(&self.drops.egress),
            empty_multicast_group: read(&self.drops.empty_multicast_group),
            unknown_clone_session: read(&self.drops.unknown_clone_session),
            loop_limit: read(&self.drops.loop_limit),
            step_limit: read(&self.drops.step_limit),
            unknown_port: read(&self.drops.unknown_port),
            cpu_queue_full: read(&self.drops.cpu_queue_full),
            digest_queue_full: read(&self.drops.digest_queue_full),
            failed_assertions: read(&self.drops.failed_assertions),
        }
    }
}

fn indirect(arrays: &[Array]) -> Vec<(String, usize)> {
    arrays
        .iter()
        .filter(|array| array.direct.is_none())
        .map(|array| (array.name.clone(), array.size))
        .collect()
}

fn position(arrays: &[Array], kind: &'static str, name: &str) -> Result<usize> {
    arrays
        .iter()
        .position(|array| array.name == name && array.direct.is_none())
        .ok_or_else(|| unknown(kind, name))
}

fn element<'a, T>(array: &'a [T], name: &str, index: usize) -> Result<&'a T> {
    array
        .get(index)
        .ok_or_else(|| out_of_range(name, index, array.len()))
}

fn out_of_range(owner: &str, index: usize, size: usize) -> ControlError {
    ControlError::OutOfRange {
        owner: owner.to_owned(),
        index,
        size,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_are_cut_to_their_width_and_bounds() {
        let registers = RegisterArray::new(2, 70);
        assert!(registers.write(1, |words| words.fill(u64::MAX)));
        assert_eq!(registers.read(1, <[u64]>::to_vec), [u64::MAX, 0x3f]);
        assert!(!registers.write(2, |_| ()));
        assert_eq!(registers.read(2, <[u64]>::to_vec), [0]);
        assert_eq!(registers.with(2, |_| ()), None);
    }
}
