//! Queues between the switch and packet handling, one for each punt class.
//!
//! Each class has a queue of its own, so a flood in one class fills that queue alone (RFC 6192,
//! section 3). Classes are served by priority, and every class is served: of two busy ones the
//! one with the higher priority gets the larger share, never all.

use std::collections::{BTreeMap, VecDeque};

/// Packets that wait in one class.
pub const CAPACITY: usize = 256;

/// Bounded queues by class, where `C` names a class.
#[derive(Debug)]
pub struct PuntQueues<C, T> {
    classes: BTreeMap<C, Class<T>>,
}

#[derive(Debug)]
struct Class<T> {
    priority: u8,
    waiting: VecDeque<T>,
    /// How many packets it may still have served before the others get their turn.
    credit: u32,
}

impl<T> Class<T> {
    /// The packets of a class for each round: twice as many for each step of priority.
    fn share(&self) -> u32 {
        1 << self.priority.min(16)
    }
}

impl<C: Ord + Copy, T> PuntQueues<C, T> {
    /// Empty queues of these classes with their priorities; 0 is the lowest.
    pub fn new(classes: impl IntoIterator<Item = (C, u8)>) -> Self {
        let classes = classes.into_iter().map(|(name, priority)| {
            let class = Class {
                priority,
                waiting: VecDeque::new(),
                credit: 1 << priority.min(16),
            };
            (name, class)
        });
        Self {
            classes: classes.collect(),
        }
    }

    /// Puts a packet at the end of its class's queue.
    ///
    /// # Errors
    /// The queue is full, or there is no such class: the packet comes back.
    pub fn push(&mut self, class: C, packet: T) -> Result<(), T> {
        match self.classes.get_mut(&class) {
            Some(class) if class.waiting.len() < CAPACITY => {
                class.waiting.push_back(packet);
                Ok(())
            }
            _ => Err(packet),
        }
    }

    /// The next packet: of the class with the highest priority among those that wait and have
    /// not had their share.
    pub fn pop(&mut self) -> Option<T> {
        self.pop_with_credit().or_else(|| {
            for class in self.classes.values_mut() {
                class.credit = class.share();
            }
            self.pop_with_credit()
        })
    }

    fn pop_with_credit(&mut self) -> Option<T> {
        let class = self
            .classes
            .values_mut()
            .filter(|class| class.credit > 0 && !class.waiting.is_empty())
            .max_by_key(|class| class.priority)?;
        class.credit -= 1;
        class.waiting.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queues() -> PuntQueues<char, u32> {
        PuntQueues::new([('u', 0), ('t', 2), ('l', 6)])
    }

    #[test]
    fn what_waits_is_served_by_priority_and_in_order() {
        let mut queues = queues();
        for (class, packet) in [('u', 1), ('t', 2), ('l', 3), ('l', 4)] {
            queues.push(class, packet).unwrap();
        }
        let served: Vec<u32> = std::iter::from_fn(|| queues.pop()).collect();
        assert_eq!(served, [3, 4, 2, 1]);
    }

    #[test]
    fn rfc_6192_a_flood_fills_its_own_queue_alone() {
        let mut queues = queues();
        let flood = (0..10_000).filter(|packet| queues.push('u', *packet).is_err());
        assert_eq!(flood.count(), 10_000 - CAPACITY);
        queues.push('l', 7).unwrap();
        assert_eq!(queues.pop(), Some(7));
    }

    #[test]
    fn a_flood_of_the_highest_priority_starves_no_other_class() {
        let mut queues = queues();
        queues.push('u', 1).unwrap();
        queues.push('t', 2).unwrap();
        let mut served = Vec::new();
        for _ in 0..200 {
            let _ = queues.push('l', 0);
            let _ = queues.push('l', 0);
            served.extend(queues.pop());
        }
        assert!(served.contains(&1) && served.contains(&2));
        let high = served.iter().filter(|packet| **packet == 0).count();
        assert_eq!(high, 198);
    }

    #[test]
    fn an_unknown_class_has_no_queue() {
        assert_eq!(queues().push('x', 1), Err(1));
        assert_eq!(queues().pop(), None);
    }
}
