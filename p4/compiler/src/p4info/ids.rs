//! Ids and aliases of the objects that the control plane sees.
//!
//! The P4Runtime specification ("ID Allocation for P4Info Objects") leaves all but the prefix of
//! an id to the compiler. These are p4c's rules, so that the ids of a program do not depend on
//! the compiler: the lower 24 bits are a hash of the name, unless `@id` says what they are.

use std::collections::{BTreeMap, HashMap, HashSet};

use p4runtime_proto::p4::config::v1::p4_ids::Prefix;

/// The id that stands for none.
const UNASSIGNED: u32 = 0;
/// The bits of an id below its prefix.
const NAME_MASK: u32 = 0x00ff_ffff;

/// Why ids cannot be assigned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum IdError {
    /// Two objects state the same id.
    #[error("the id {id:#010x} is given to more than one object; the second is `{name}`")]
    Duplicate {
        /// The id.
        id: u32,
        /// The second object.
        name: String,
    },
    /// An id has the prefix of another kind of object.
    #[error("the id {id:#010x} of `{name}` has a wrong prefix: it must be {prefix:#04x} or 0")]
    Prefix {
        /// The id.
        id: u32,
        /// The object.
        name: String,
        /// The prefix of its kind.
        prefix: u8,
    },
    /// All ids of a kind are taken.
    #[error("there is no free id for `{name}`")]
    Exhausted {
        /// The object.
        name: String,
    },
}

/// Bob Jenkins' one-at-a-time hash.
fn one_at_a_time(bytes: &[u8]) -> u32 {
    let mut hash = 0u32;
    for &byte in bytes {
        hash = hash.wrapping_add(u32::from(byte));
        hash = hash.wrapping_add(hash << 10);
        hash ^= hash >> 6;
    }
    hash = hash.wrapping_add(hash << 3);
    hash ^= hash >> 11;
    hash.wrapping_add(hash << 15)
}

/// The objects of a program by kind and name, with their ids once those are assigned.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    kinds: BTreeMap<u8, BTreeMap<String, u32>>,
    assigned: HashSet<u32>,
    suffixes: HashMap<String, usize>,
    names: HashSet<String>,
}

impl Symbols {
    /// Adds an object, with the id that the program states if it does.
    pub(super) fn add(
        &mut self,
        kind: Prefix,
        name: &str,
        stated: Option<u32>,
    ) -> Result<(), IdError> {
        let prefix = kind as u8;
        if self.kinds.entry(prefix).or_default().contains_key(name) {
            return Ok(());
        }
        let id = match stated {
            None => UNASSIGNED,
            Some(id) => self.stated(prefix, name, id)?,
        };
        self.kinds
            .entry(prefix)
            .or_default()
            .insert(name.to_owned(), id);
        if self.names.insert(name.to_owned()) {
            for suffix in suffixes(name) {
                *self.suffixes.entry(suffix.to_owned()).or_default() += 1;
            }
        }
        Ok(())
    }

    fn stated(&mut self, prefix: u8, name: &str, stated: u32) -> Result<u32, IdError> {
        let own = u32::from(prefix) << 24;
        if stated & !NAME_MASK != 0 && stated & !NAME_MASK != own {
            return Err(IdError::Prefix {
                id: stated,
                name: name.to_owned(),
                prefix,
            });
        }
        let id = own | stated;
        if !self.assigned.insert(id) {
            return Err(IdError::Duplicate {
                id,
                name: name.to_owned(),
            });
        }
        Ok(id)
    }

    /// Assigns an id to each object that has none. Names are taken in alphabetical order; if the
    /// hash of one is taken, it gets the next free number.
    pub(super) fn assign(&mut self) -> Result<(), IdError> {
        for (&prefix, names) in &mut self.kinds {
            let own = u32::from(prefix) << 24;
            for (name, id) in names.iter_mut().filter(|(_, id)| **id == UNASSIGNED) {
                let hash = one_at_a_time(name.as_bytes());
                let free = (0..=NAME_MASK)
                    .map(|offset| own | (hash.wrapping_add(offset) & NAME_MASK))
                    .find(|id| !self.assigned.contains(id))
                    .ok_or_else(|| IdError::Exhausted { name: name.clone() })?;
                self.assigned.insert(free);
                *id = free;
            }
        }
        Ok(())
    }

    /// The id of an object; 0 if there is no such object.
    pub(super) fn id(&self, kind: Prefix, name: &str) -> u32 {
        self.kinds
            .get(&(kind as u8))
            .and_then(|names| names.get(name))
            .copied()
            .unwrap_or(UNASSIGNED)
    }

    /// The shortest suffix of a name, in whole parts between dots, that no other name has.
    pub(super) fn alias(&self, name: &str) -> String {
        let unique = suffixes(name).find(|suffix| self.suffixes.get(*suffix) == Some(&1));
        unique.unwrap_or(name).to_owned()
    }
}

/// The suffixes of a name that begin with a whole part, the shortest first.
fn suffixes(name: &str) -> impl Iterator<Item = &str> {
    let dots = name.rmatch_indices('.').map(|(dot, _)| dot + 1);
    dots.chain([0]).map(|start| &name[start..])
}

/// Numbers the parts of an object (fields of a key, parameters, metadata) from 1 in their order;
/// those that state an id keep it.
pub(super) fn number_parts(stated: &[Option<u32>]) -> Vec<u32> {
    let mut taken: HashSet<u32> = stated.iter().flatten().copied().collect();
    let mut next = 1u32;
    stated
        .iter()
        .map(|stated| match stated {
            Some(id) => {
                next += 1;
                *id
            }
            None => {
                while taken.contains(&next) {
                    next += 1;
                }
                taken.insert(next);
                next
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values that p4c 1.2.5 computes for its own sample programs.
    #[test]
    fn an_id_is_the_hash_that_p4c_computes() {
        let cases = [
            (Prefix::Action, "NoAction", 21_257_015),
            (Prefix::Action, "IngressI.drop", 23_455_883),
            (Prefix::Table, "IngressI.indirect", 46_872_340),
            (Prefix::Table, "IngressI.indirect_ws", 38_116_258),
            (Prefix::ActionProfile, "ap", 294_074_782),
            (Prefix::ActionProfile, "ap_ws", 300_324_846),
        ];
        let mut symbols = Symbols::default();
        for (kind, name, _) in cases {
            symbols.add(kind, name, None).unwrap();
        }
        symbols.assign().unwrap();
        for (kind, name, id) in cases {
            assert_eq!(symbols.id(kind, name), id, "{name}");
        }
    }

    #[test]
    fn a_stated_id_wins_and_gets_its_prefix() {
        let mut symbols = Symbols::default();
        symbols.add(Prefix::Table, "c.a", Some(5)).unwrap();
        symbols
            .add(Prefix::Table, "c.b", Some(0x0200_0006))
            .unwrap();
        symbols.assign().unwrap();
        assert_eq!(symbols.id(Prefix::Table, "c.a"), 0x0200_0005);
        assert_eq!(symbols.id(Prefix::Table, "c.b"), 0x0200_0006);
    }

    #[test]
    fn a_wrong_prefix_and_a_duplicate_are_refused() {
        let mut symbols = Symbols::default();
        let wrong = symbols.add(Prefix::Table, "c.a", Some(0x0100_0005));
        assert!(matches!(wrong, Err(IdError::Prefix { prefix: 2, .. })));
        symbols.add(Prefix::Table, "c.b", Some(7)).unwrap();
        let again = symbols.add(Prefix::Table, "c.c", Some(0x0200_0007));
        assert_eq!(
            again,
            Err(IdError::Duplicate {
                id: 0x0200_0007,
                name: "c.c".to_owned()
            })
        );
    }

    #[test]
    fn a_hash_that_is_taken_moves_on_by_one() {
        let mut symbols = Symbols::default();
        let hash = one_at_a_time(b"c.t") & NAME_MASK;
        symbols.add(Prefix::Table, "c.other", Some(hash)).unwrap();
        symbols.add(Prefix::Table, "c.t", None).unwrap();
        symbols.assign().unwrap();
        assert_eq!(symbols.id(Prefix::Table, "c.t"), 0x0200_0000 | (hash + 1));
    }

    #[test]
    fn an_alias_is_the_shortest_suffix_that_no_other_object_has() {
        let mut symbols = Symbols::default();
        for (kind, name) in [
            (Prefix::Table, "ingress.a.t"),
            (Prefix::Table, "ingress.b.t"),
            (Prefix::Action, "ingress.a.drop"),
            (Prefix::Counter, "t"),
        ] {
            symbols.add(kind, name, None).unwrap();
        }
        assert_eq!(symbols.alias("ingress.a.t"), "a.t");
        assert_eq!(symbols.alias("ingress.b.t"), "b.t");
        assert_eq!(symbols.alias("ingress.a.drop"), "drop");
        assert_eq!(symbols.alias("t"), "t");
    }

    #[test]
    fn parts_are_numbered_around_the_ids_that_are_stated() {
        assert_eq!(number_parts(&[None, None, None]), [1, 2, 3]);
        assert_eq!(number_parts(&[Some(3), None, None]), [3, 2, 4]);
        assert_eq!(number_parts(&[None, Some(1), None]), [2, 1, 3]);
    }
}
