//! Writing table entries and default entries (section 9.1).

use p4runtime_proto::p4::v1::{self, table_action, update::Type};

use super::batch::{Restore, Undo};
use super::direct::Resources;
use super::note::EntryNote;
use super::prepare::{Change, PreparedEntry, constant_entry};
use super::{Result, Writer};
use crate::p4runtime::action::{self, Use};
use crate::p4runtime::refusal::Refusal;
use crate::p4runtime::schema::Table;
use crate::state::PreparedTarget;

impl<'a> Writer<'_, 'a> {
    /// Carries out an update of a table entry.
    pub(super) fn write_entry(&mut self, entry: PreparedEntry<'a>) -> Result<()> {
        let table = entry.table;
        self.change_entry(entry)
            .map_err(|refusal| refusal.at(&table.object))
    }

    fn change_entry(&mut self, entry: PreparedEntry<'a>) -> Result<()> {
        let PreparedEntry { table, key, change } = entry;
        match change {
            Change::Insert(target, content) => {
                self.check_style(table, &target)?;
                let slot = self.state.insert_prepared(table.index, key, target)?;
                self.undo.push(Undo::Remove { table, slot });
                content.resources.write(self.state, table, Some(slot))?;
                self.notes
                    .replace(self.state, table, Some(slot), content.note);
            }
            Change::Modify(target, mut content) => {
                let slot = self.state.slot(table.index, &key)?;
                if self.state.is_constant(table.index, slot)
                    && (target.is_some() || content.note.is_some())
                {
                    return Err(constant_entry());
                }
                let target = match target {
                    Some(target) => {
                        self.check_style(table, &target)?;
                        Some(self.state.replace_target(table.index, slot, target)?)
                    }
                    None => {
                        self.keep_action_set(table, slot, &mut content.note);
                        None
                    }
                };
                let resources = content.resources.write(self.state, table, Some(slot))?;
                let note = self
                    .notes
                    .replace(self.state, table, Some(slot), content.note);
                self.undo.push(Undo::Restore(Box::new(Restore {
                    table,
                    slot,
                    target,
                    resources,
                    note,
                })));
            }
            Change::Delete => {
                let slot = self.state.slot(table.index, &key)?;
                let removed = self.state.remove(table.index, slot)?;
                let note = self.notes.replace(self.state, table, Some(slot), None);
                self.undo.push(Undo::PutBack {
                    table,
                    removed: Box::new(removed),
                    note,
                });
            }
        }
        Ok(())
    }

    /// Section 9.2.3: the tables of a selector are programmed in one of the two styles.
    fn check_style(&self, table: &Table, target: &PreparedTarget) -> Result<()> {
        let Some(profile) = table.profile else {
            return Ok(());
        };
        let profile = self.schema.profile(profile)?;
        match target {
            PreparedTarget::Call(_) => Ok(()),
            PreparedTarget::Member(_) | PreparedTarget::Group(_) => {
                self.refuse_beside_action_sets(profile)
            }
            PreparedTarget::Set(_) if self.state.has_members(&profile.object.name)? => {
                Err(Refusal::invalid_argument(format!(
                    "{} has members, so its tables cannot have one-shot action sets as well",
                    profile.object
                )))
            }
            PreparedTarget::Set(_) => Ok(()),
        }
    }

    /// Of an entry whose action stays as it is.
    fn keep_action_set(&self, table: &Table, slot: u32, note: &mut Option<Box<EntryNote>>) {
        let old = self.notes.entry(table, Some(slot));
        if let Some(set) = old.and_then(|old| old.action_set.clone()) {
            note.get_or_insert_default().action_set = Some(set);
        }
    }

    /// Section 9.1.3.
    pub(super) fn write_default(&mut self, operation: Type, entry: &v1::TableEntry) -> Result<()> {
        let table = self.schema.table(entry.table_id)?;
        self.change_default(operation, table, entry)
            .map_err(|refusal| refusal.at(&table.object))
    }

    fn change_default(
        &mut self,
        operation: Type,
        table: &Table,
        entry: &v1::TableEntry,
    ) -> Result<()> {
        check_default(operation, table, entry)?;
        let resources = Resources::decode(self.schema, table, entry, self.bringing_back)?;
        let name = &table.object.name;
        match &entry.action {
            Some(given) => {
                let Some(table_action::Type::Action(given)) = &given.r#type else {
                    return Err(Refusal::invalid_argument(
                        "the default entry of a direct table needs an action",
                    ));
                };
                let call = action::decode(self.schema, table, given, Use::Default)?;
                self.state.set_default_action(name, Some(&call))?;
                resources.write(self.state, table, None)?;
                let note = EntryNote::of(entry, None);
                self.notes.replace(self.state, table, None, note);
            }
            None => {
                self.state.set_default_action(name, None)?;
                Resources::reset(table).write(self.state, table, None)?;
                self.notes.replace(self.state, table, None, None);
            }
        }
        Ok(())
    }
}

/// What a default entry may be written with.
fn check_default(operation: Type, table: &Table, entry: &v1::TableEntry) -> Result<()> {
    if entry.is_const {
        return Err(Refusal::invalid_argument("is_const cannot be written"));
    }
    if operation != Type::Modify {
        return Err(Refusal::invalid_argument(
            "the default entry is always there: it can be modified, not inserted or deleted",
        ));
    }
    if !entry.r#match.is_empty() || entry.priority != 0 {
        return Err(Refusal::invalid_argument(
            "the default entry has neither match nor priority",
        ));
    }
    if entry.idle_timeout_ns != 0 || entry.time_since_last_hit.is_some() {
        return Err(Refusal::invalid_argument(
            "the default entry has no idle timeout",
        ));
    }
    if table.profile.is_some() {
        return Err(Refusal::permission_denied(
            "the default action of a table with an action profile is constant: NoAction",
        ));
    }
    if table.const_default {
        return Err(Refusal::permission_denied("the default action is constant"));
    }
    Ok(())
}
