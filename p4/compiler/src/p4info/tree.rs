//! What the control plane sees of a program: everything that is used, under its whole name.
//!
//! The order is that of p4c, which looks at a program after all controls were inlined: what a
//! control instance declares stands where the instance is declared, and actions of the top level
//! stand first in the control that uses them.

use std::collections::{HashMap, HashSet};

use crate::hir::visit::{Visitor, walk_block, walk_stmt};
use crate::hir::{
    ActionId, Callee, Const, ControlId, Expr, ExprKind, InstanceId, InstanceKind, ParserId,
    Program, Stmt, StmtKind, TableId, TypeId, ValueSetId,
};

/// A declaration that the control plane sees.
#[derive(Debug, Clone)]
pub(super) struct Item<Id> {
    /// What was declared.
    pub(super) id: Id,
    /// Its whole name.
    pub(super) name: String,
}

/// An action.
#[derive(Debug, Clone)]
pub(super) struct ActionItem {
    /// The action.
    pub(super) item: Item<ActionId>,
    /// Whether a table has it: only then its parameters are the control plane's.
    pub(super) in_table: bool,
}

/// A table with the names that its properties and actions have where it stands.
#[derive(Debug, Clone)]
pub(super) struct TableItem {
    /// The table.
    pub(super) item: Item<TableId>,
    /// The names of the actions in its list.
    pub(super) actions: Vec<String>,
    /// The name of its action profile or selector.
    pub(super) implementation: Option<(InstanceId, String)>,
    /// The name of its direct counter.
    pub(super) counter: Option<(InstanceId, String)>,
    /// The name of its direct meter.
    pub(super) meter: Option<(InstanceId, String)>,
}

/// A declaration that stands in order with others: its position in [`Tree::tables`] or
/// [`Tree::objects`].
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// A table.
    Table(usize),
    /// An extern object.
    Object(usize),
}

/// All that the control plane sees of a program.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// Tables and extern objects in their order.
    pub(super) order: Vec<Place>,
    /// Actions; one that several tables have stands here for each control that declares it.
    pub(super) actions: Vec<ActionItem>,
    /// Tables.
    pub(super) tables: Vec<TableItem>,
    /// Extern objects.
    pub(super) objects: Vec<Item<InstanceId>>,
    /// Value sets.
    pub(super) value_sets: Vec<Item<ValueSetId>>,
    /// The types of digests.
    pub(super) digests: Vec<TypeId>,
    /// Whether an extern function is called at all.
    pub(super) calls_extern_functions: bool,
}

/// What a control uses of its declarations.
#[derive(Debug, Default, Clone)]
struct Usage {
    tables: HashSet<TableId>,
    instances: HashSet<InstanceId>,
    called: HashSet<ActionId>,
    /// The same in the order of the calls.
    calls: Vec<ActionId>,
}

struct Builder<'p> {
    program: &'p Program,
    tree: Tree,
    globals: HashMap<InstanceId, String>,
    usages: HashMap<ControlId, Usage>,
    /// Digests of the bodies of the control at hand, which come after those of its actions.
    body_digests: Vec<TypeId>,
    /// Actions of the top level that the control at hand uses, in the order of first use.
    global_actions: Vec<ActionItem>,
    /// Actions that bodies call, which come after those of tables.
    body_actions: Vec<ActionId>,
    /// Actions that are declared in the control at hand.
    own_actions: Vec<ActionItem>,
}

impl Tree {
    /// What the control plane sees of a program.
    pub(super) fn new(program: &Program) -> Self {
        let mut builder = Builder {
            program,
            tree: Tree::default(),
            globals: HashMap::new(),
            usages: HashMap::new(),
            body_digests: Vec::new(),
            global_actions: Vec::new(),
            body_actions: Vec::new(),
            own_actions: Vec::new(),
        };
        for &id in &program.top_level_instances {
            let name = program[id].control_plane_name.under("");
            builder.globals.insert(id, name.clone());
            builder.object(id, name);
        }
        let main = &program.main;
        if let InstanceKind::Parser { parser, .. } = program[main.parser].kind {
            let prefix = program[parser].name.clone();
            builder.parser(parser, &prefix);
        }
        for id in [
            main.verify_checksum,
            main.ingress,
            main.egress,
            main.compute_checksum,
            main.deparser,
        ] {
            if let InstanceKind::Control { control, .. } = program[id].kind {
                let prefix = program[control].name.clone();
                builder.control(control, &prefix);
                builder.finish_control();
            }
        }
        builder.tree
    }
}

/// A declaration of a control, before they are put in order.
enum Local {
    Action(ActionId),
    Table(TableId),
    Instance(InstanceId),
}

impl Builder<'_> {
    fn parser(&mut self, id: ParserId, prefix: &str) {
        let parser = &self.program[id];
        for &set in &parser.value_sets {
            let name = self.program[set].control_plane_name.under(prefix);
            self.tree.value_sets.push(Item { id: set, name });
        }
        let mut used = Used::default();
        for stmt in parser.states.iter().flat_map(|state| &state.body.stmts) {
            walk_stmt(&mut used, stmt);
        }
        for &instance in &parser.instances {
            let decl = &self.program[instance];
            let name = decl.control_plane_name.under(prefix);
            match decl.kind {
                InstanceKind::Parser { parser, .. } if used.instances.contains(&instance) => {
                    self.parser(parser, &name);
                }
                InstanceKind::Extern { .. } => {
                    self.object(instance, name);
                }
                _ => {}
            }
        }
    }

    fn usage(&mut self, id: ControlId) -> Usage {
        if let Some(usage) = self.usages.get(&id) {
            return usage.clone();
        }
        let control = &self.program[id];
        let mut used = Used::default();
        for stmt in &control.locals {
            walk_stmt(&mut used, stmt);
        }
        walk_block(&mut used, &control.body);
        let usage = Usage {
            tables: used.tables.into_iter().collect(),
            instances: used.instances,
            called: used.actions.iter().copied().collect(),
            calls: used.actions,
        };
        self.usages.insert(id, usage.clone());
        usage
    }

    /// Adds what a control declares and uses, and the controls in it.
    fn control(&mut self, id: ControlId, prefix: &str) {
        let program = self.program;
        let control = &program[id];
        let usage = self.usage(id);
        let mut locals: Vec<(u32, Local)> = Vec::new();
        for &action in &control.actions {
            locals.push((program[action].span.start, Local::Action(action)));
        }
        for &table in &control.tables {
            locals.push((program[table].span.start, Local::Table(table)));
        }
        for &instance in &control.instances {
            locals.push((program[instance].span.start, Local::Instance(instance)));
        }
        locals.sort_by_key(|(start, _)| *start);

        let mut names = self.globals.clone();
        for &instance in &control.instances {
            names.insert(instance, object_name(program, instance, prefix));
        }
        let in_tables: HashSet<ActionId> = usage
            .tables
            .iter()
            .flat_map(|table| program[*table].actions.iter().map(|element| element.action))
            .collect();
        for (_, local) in locals {
            match local {
                Local::Action(id) => {
                    let in_table = in_tables.contains(&id);
                    if in_table || usage.called.contains(&id) {
                        let name = program[id].control_plane_name.under(prefix);
                        let item = Item { id, name };
                        self.own_actions.push(ActionItem { item, in_table });
                    }
                }
                Local::Table(id) if usage.tables.contains(&id) => {
                    self.table(id, prefix, &names);
                }
                Local::Instance(instance) => match program[instance].kind {
                    InstanceKind::Extern { .. } => {
                        let name = object_name(program, instance, prefix);
                        self.object(instance, name);
                    }
                    InstanceKind::Control { control, .. }
                        if usage.instances.contains(&instance) =>
                    {
                        let prefix = program[instance].control_plane_name.under(prefix);
                        self.control(control, &prefix);
                    }
                    _ => {}
                },
                Local::Table(_) => {}
            }
        }
        self.body_actions.extend(usage.calls);
        let mut digests = Digests {
            program,
            types: Vec::new(),
            any: false,
        };
        walk_block(&mut digests, &control.body);
        self.tree.calls_extern_functions |= digests.any;
        self.body_digests.append(&mut digests.types);
    }

    fn object(&mut self, id: InstanceId, name: String) {
        if self.program[id].typedef_of_generic {
            return;
        }
        self.tree.order.push(Place::Object(self.tree.objects.len()));
        self.tree.objects.push(Item { id, name });
    }

    /// Notes the use of an action if it is one of the top level.
    fn global_action(&mut self, id: ActionId, in_table: bool) {
        let decl = &self.program[id];
        if decl.control.is_some() {
            return;
        }
        match self
            .global_actions
            .iter_mut()
            .find(|known| known.item.id == id)
        {
            Some(known) => known.in_table |= in_table,
            None => {
                let name = decl.control_plane_name.under("");
                self.global_actions.push(ActionItem {
                    item: Item { id, name },
                    in_table,
                });
            }
        }
    }

    fn table(&mut self, id: TableId, prefix: &str, names: &HashMap<InstanceId, String>) {
        let program = self.program;
        let table = &program[id];
        for element in &table.actions {
            self.global_action(element.action, true);
        }
        let named = |instance: Option<InstanceId>| {
            instance.and_then(|id| names.get(&id).map(|name| (id, name.clone())))
        };
        let action_name = |action: ActionId| {
            let decl = &program[action];
            let prefix = if decl.control.is_some() { prefix } else { "" };
            decl.control_plane_name.under(prefix)
        };
        self.tree.order.push(Place::Table(self.tree.tables.len()));
        self.tree.tables.push(TableItem {
            item: Item {
                id,
                name: table.control_plane_name.under(prefix),
            },
            actions: table
                .actions
                .iter()
                .map(|element| action_name(element.action))
                .collect(),
            implementation: named(table.implementation),
            counter: named(table.counters),
            meter: named(table.meters),
        });
    }

    /// Puts the actions and digests of a control of the package in order.
    fn finish_control(&mut self) {
        for action in std::mem::take(&mut self.body_actions) {
            self.global_action(action, false);
        }
        let mut actions = std::mem::take(&mut self.global_actions);
        actions.append(&mut self.own_actions);
        for action in &actions {
            let mut digests = Digests {
                program: self.program,
                types: Vec::new(),
                any: false,
            };
            digests.action(action.item.id);
            self.tree.calls_extern_functions |= digests.any;
            self.tree.digests.append(&mut digests.types);
        }
        self.tree.digests.append(&mut self.body_digests);
        self.tree.actions.append(&mut actions);
    }
}

/// The whole name of an extern object: what a table property makes under a name of its own
/// (`@name("p") implementation = action_profile(8);`) has that name alone.
pub(crate) fn object_name(program: &Program, id: InstanceId, prefix: &str) -> String {
    let instance = &program[id];
    let own = instance.anonymous && instance.annotations.name.is_some();
    instance
        .control_plane_name
        .under(if own { "" } else { prefix })
}

/// What statements use that can run.
#[derive(Debug, Default)]
struct Used {
    tables: Vec<TableId>,
    instances: HashSet<InstanceId>,
    actions: Vec<ActionId>,
}

impl Visitor for Used {
    fn stmt(&mut self, stmt: &Stmt) -> bool {
        match &stmt.kind {
            StmtKind::ApplyTable(table) | StmtKind::SwitchAction { table, .. } => {
                self.tables.push(*table);
            }
            StmtKind::ApplyControl { instance, .. } | StmtKind::ApplyParser { instance, .. } => {
                self.instances.insert(*instance);
            }
            StmtKind::CallAction { action, .. } => self.actions.push(*action),
            StmtKind::If {
                condition,
                then,
                otherwise,
            } => match condition.constant() {
                Some(Const::Bool(true)) => {
                    walk_block(self, then);
                    return false;
                }
                Some(Const::Bool(false)) => {
                    walk_block(self, otherwise);
                    return false;
                }
                _ => {}
            },
            _ => {}
        }
        true
    }

    fn expr(&mut self, expr: &Expr) {
        if let ExprKind::TableHit(table) | ExprKind::TableMiss(table) = expr.kind {
            self.tables.push(table);
        }
    }
}

/// The types of the digests that statements send.
struct Digests<'p> {
    program: &'p Program,
    types: Vec<TypeId>,
    /// Whether any extern function is called.
    any: bool,
}

impl Digests<'_> {
    fn action(&mut self, id: ActionId) {
        let program = self.program;
        walk_block(self, &program[id].body);
    }
}

impl Visitor for Digests<'_> {
    fn stmt(&mut self, stmt: &Stmt) -> bool {
        if let StmtKind::CallAction { action, .. } = stmt.kind {
            self.action(action);
        }
        true
    }

    fn call(&mut self, call: &crate::hir::Call) {
        if let Callee::ExternFunction(id) = call.callee {
            self.any = true;
            if self.program[id].name == "digest" {
                self.types.extend(call.type_args.first());
            }
        }
    }
}
