//! Tables (specification, section 14.2).

use super::Checker;
use super::instance::Naming;
use super::key_name::key_name;
use super::scope::Symbol;
use super::weight::Body;
use crate::diagnostic::Diagnostic;
use crate::hir::{
    ActionId, Annotations, Arg, Const, ControlId, ControlPlaneName, DefaultAction, Direction, Expr,
    ExprKind, InstanceId, KeyElement, Table, TableAction, TableId, TableProperty, Type, VarKind,
};
use crate::source::Span;
use crate::syntax::ast::{self, ActionRef, Argument, Path, Property, PropertyValue};
use crate::warning::WarningClass;

/// The match kinds of v1model.
const MATCH_KINDS: [&str; 6] = ["exact", "ternary", "lpm", "range", "optional", "selector"];

/// The properties of a table by their names.
struct Properties<'x> {
    list: &'x [Property],
}

impl<'x> Properties<'x> {
    fn get(&self, name: &str) -> Option<&'x Property> {
        self.list
            .iter()
            .find(|property| &*property.name.name == name)
    }

    fn expr(&self, name: &str) -> Option<(&'x Property, &'x ast::Expr)> {
        match self.get(name) {
            Some(
                property @ Property {
                    value: PropertyValue::Expr(expr),
                    ..
                },
            ) => Some((property, expr)),
            _ => None,
        }
    }
}

impl Checker<'_> {
    pub(super) fn table(&mut self, table: &ast::Table, control: ControlId) -> Option<TableId> {
        for (index, property) in table.properties.iter().enumerate() {
            let name = &property.name.name;
            let twice = table.properties[..index]
                .iter()
                .any(|p| p.name.name == *name);
            if twice {
                self.error(
                    property.name.span,
                    format!("the property `{name}` is there twice"),
                );
            }
        }
        let properties = Properties {
            list: &table.properties,
        };
        self.entries_come_last(&properties);
        let key = match properties.get("key").map(|property| &property.value) {
            Some(PropertyValue::Key(elements)) => elements
                .iter()
                .filter_map(|element| self.key_element(element))
                .collect(),
            _ => Vec::new(),
        };
        let actions = self.table_actions(table, &properties);
        let (actions, default_action) = self.default_action(table, &properties, actions);
        let implementation = self.object_property(
            table,
            &properties,
            "implementation",
            &["action_profile", "action_selector"],
        );
        let counters = self.object_property(table, &properties, "counters", &["direct_counter"]);
        let meters = self.object_property(table, &properties, "meters", &["direct_meter"]);
        let size = properties.expr("size").and_then(|(_, expr)| {
            let value = self.constant_integer(expr, "the size of a table")?;
            let size = u64::try_from(&value).ok();
            if size.is_none() {
                self.error(expr.span, format!("{value} is not the size of a table"));
            }
            size
        });
        let support_timeout = self.flag(&properties, "support_timeout").unwrap_or(false);
        let entries = properties
            .get("entries")
            .and_then(|property| match &property.value {
                PropertyValue::Entries(entries) => {
                    let order = super::entry::Order {
                        constant: property.constant,
                        largest_wins: self
                            .flag(&properties, "largest_priority_wins")
                            .unwrap_or(true),
                        delta: self.priority_delta(&properties),
                    };
                    Some(self.entries(entries, &key, &actions, order))
                }
                _ => None,
            });
        let other_properties = self.other_properties(table);
        let annotations = self.annotations(&table.annotations);
        let Some(default_action) = default_action else {
            self.declare(&table.name, Symbol::Bad);
            return None;
        };
        for action in &actions {
            self.count_use(Body::Action(action.action), action.span);
        }
        let id = TableId(self.program.tables.len() as u32);
        self.program.tables.push(Table {
            name: table.name.name.to_string(),
            control_plane_name: ControlPlaneName::new(&table.name.name, &annotations),
            control,
            key,
            actions,
            default_action,
            size,
            entries,
            implementation,
            counters,
            meters,
            support_timeout,
            other_properties,
            annotations,
            span: table.name.span,
        });
        self.declare(&table.name, Symbol::Table(id));
        Some(id)
    }

    fn entries_come_last(&mut self, properties: &Properties<'_>) {
        let position = |name: &str| properties.list.iter().position(|p| &*p.name.name == name);
        let Some(entries) = position("entries") else {
            return;
        };
        for name in ["key", "actions"] {
            if position(name).is_some_and(|position| position > entries) {
                let span = properties.list[entries].name.span;
                self.error(span, format!("`entries` must stand behind `{name}`"));
            }
        }
    }

    fn key_element(&mut self, element: &ast::KeyElement) -> Option<KeyElement> {
        let expr = self.expr(&element.expr);
        let annotations = self.annotations(&element.annotations);
        let match_kind = element.match_kind.name.to_string();
        if !self.program.match_kinds.contains(&match_kind) {
            let message = format!("there is no match kind `{match_kind}`");
            let help = format!("there are {}", self.program.match_kinds.join(", "));
            self.error_with_help(element.match_kind.span, message, help);
        } else if !MATCH_KINDS.contains(&match_kind.as_str()) {
            let what = format!("the match kind `{match_kind}`");
            self.unsupported(element.match_kind.span, &what);
        }
        let fits = matches!(
            self.ty(self.program.underlying(expr.ty)),
            Type::Bit(_)
                | Type::Signed(_)
                | Type::Varbit(_)
                | Type::Bool
                | Type::Enum(_)
                | Type::Error
                | Type::Unknown
        );
        if !fits {
            let message = format!("a table cannot match on {}", self.show(expr.ty));
            self.error(element.expr.span, message);
            return None;
        }
        if self.is_unknown(expr.ty) {
            return None;
        }
        let name = annotations
            .name
            .clone()
            .or_else(|| key_name(self, &element.expr, &expr));
        let Some(name) = name else {
            self.error_with_help(
                element.expr.span,
                "the control plane needs a name for this key",
                "put `@name(\"...\")` behind the match kind",
            );
            return None;
        };
        let span = element.expr.span;
        Some(KeyElement {
            expr,
            match_kind,
            name,
            annotations,
            span,
        })
    }

    fn table_actions(
        &mut self,
        table: &ast::Table,
        properties: &Properties<'_>,
    ) -> Vec<TableAction> {
        let Some(PropertyValue::Actions(list)) =
            properties.get("actions").map(|property| &property.value)
        else {
            let message = format!("the table `{}` has no `actions`", table.name.name);
            self.error(table.name.span, message);
            return Vec::new();
        };
        let mut actions: Vec<TableAction> = Vec::new();
        for item in list {
            let Some(action) = self.action_named(&item.path) else {
                continue;
            };
            if actions.iter().any(|known| known.action == action) {
                let message = format!("the action `{}` is there twice", item.path.name.name);
                self.error(item.span, message);
                continue;
            }
            let Some(args) = self.bound_arguments(action, item) else {
                continue;
            };
            self.check_action_data(action, item);
            let annotations = self.annotations(&item.annotations);
            actions.push(TableAction {
                action,
                args,
                annotations,
                implicit: false,
                span: item.span,
            });
        }
        actions
    }

    pub(super) fn action_named(&mut self, path: &Path) -> Option<ActionId> {
        match self.lookup(path).cloned() {
            Some(Symbol::Action(action)) => Some(action),
            Some(Symbol::Bad) => None,
            Some(symbol) => {
                let message = format!("`{}` is {}, no action", path.name.name, symbol.kind());
                self.error(path.name.span, message);
                None
            }
            None => {
                self.unknown_name(path, "action");
                None
            }
        }
    }

    /// How many of the parameters of an action have a direction.
    fn directed(&self, action: ActionId) -> usize {
        let directed =
            |var: &&crate::hir::VarId| self.program[**var].kind != VarKind::Param(Direction::None);
        self.program[action]
            .params
            .iter()
            .take_while(directed)
            .count()
    }

    /// The arguments of an action in the list of a table: those for parameters with a direction.
    fn bound_arguments(&mut self, action: ActionId, item: &ActionRef) -> Option<Vec<Arg>> {
        let params = self.program[action].params[..self.directed(action)].to_vec();
        let parameters = self.var_parameters(&params);
        let args = item.args.as_deref().unwrap_or_default();
        if args.len() > parameters.len() {
            let name = &item.path.name.name;
            let message = match parameters.len() {
                0 => format!("the action `{name}` takes no arguments here"),
                count => format!("the action `{name}` takes {count} arguments here"),
            };
            self.error_with_help(
                item.span,
                message,
                "only parameters with a direction are bound here: the control plane gives the others",
            );
            return None;
        }
        self.arguments(&parameters, args, item.span)
    }

    /// The control plane gives action data as numbers.
    fn check_action_data(&mut self, action: ActionId, item: &ActionRef) {
        let data = self.program[action].params[self.directed(action)..].to_vec();
        for var in data {
            let (ty, name, declared) = {
                let var = &self.program[var];
                (var.ty, var.name.clone(), var.span)
            };
            let fits = matches!(
                self.ty(self.program.underlying(ty)),
                Type::Bit(_) | Type::Signed(_) | Type::Bool | Type::Unknown
            );
            if !fits {
                let message = format!(
                    "the control plane cannot give the parameter `{name}`, for its type is {}",
                    self.show(ty)
                );
                let diagnostic = Diagnostic::error(item.span, message);
                self.diagnostics
                    .push(diagnostic.label(declared, "the parameter"));
            }
        }
    }

    /// An action with its data, as it stands in `default_action` and in entries: its position
    /// in the list of the table, and the data.
    pub(super) fn action_call(
        &mut self,
        actions: &[TableAction],
        path: &Path,
        args: &[Argument],
        span: Span,
    ) -> Option<(usize, Vec<Expr>)> {
        let action = self.action_named(path)?;
        let Some(position) = actions.iter().position(|known| known.action == action) else {
            let message = format!("the action `{}` is not in the table's list", path.name.name);
            self.error(span, message);
            return None;
        };
        let directed = self.directed(action);
        let params = self.program[action].params.clone();
        let (bound, data) = params.split_at(directed);
        let is_bound = |arg: &Argument| {
            let name = arg.name.as_ref();
            name.is_some_and(|name| {
                bound
                    .iter()
                    .any(|var| *self.program[*var].name == *name.name)
            })
        };
        // The arguments for parameters with a direction may be repeated.
        let args: Vec<Argument> = if args.iter().any(|arg| arg.name.is_some()) {
            args.iter().filter(|arg| !is_bound(arg)).cloned().collect()
        } else if args.len() == params.len() {
            args[directed..].to_vec()
        } else {
            args.to_vec()
        };
        let mut parameters = self.var_parameters(data);
        parameters
            .iter_mut()
            .for_each(|parameter| parameter.constant = true);
        let args = self.arguments(&parameters, &args, span)?;
        let data: Option<Vec<Expr>> = args
            .into_iter()
            .map(|arg| match arg {
                Arg::Expr(value) => Some(value),
                _ => None,
            })
            .collect();
        if data.is_none() {
            self.error(span, "action data cannot be left out here");
        }
        Some((position, data?))
    }

    fn default_action(
        &mut self,
        table: &ast::Table,
        properties: &Properties<'_>,
        mut actions: Vec<TableAction>,
    ) -> (Vec<TableAction>, Option<DefaultAction>) {
        if let Some((property, expr)) = properties.expr("default_action") {
            let (path, args): (_, &[Argument]) = match &expr.kind {
                ast::ExprKind::Path(path) => (path, &[]),
                ast::ExprKind::Call { callee, args, .. } => match &callee.kind {
                    ast::ExprKind::Path(path) => (path, args),
                    _ => {
                        self.error(expr.span, "expected an action");
                        return (actions, None);
                    }
                },
                _ => {
                    self.error(expr.span, "expected an action");
                    return (actions, None);
                }
            };
            let call = self.action_call(&actions, path, args, expr.span);
            let default = call.map(|(action, data)| {
                if actions[action].annotations.table_only {
                    let message = "the default action cannot be an action that is `@tableonly`";
                    self.error(expr.span, message);
                }
                DefaultAction {
                    action,
                    data,
                    constant: property.constant,
                    implicit: false,
                    span: expr.span,
                }
            });
            return (actions, default);
        }
        let span = table.name.span;
        let Some(Symbol::Action(no_action)) = self.globals.get("NoAction").cloned() else {
            self.error_with_help(
                span,
                format!("the table `{}` has no default action", table.name.name),
                "include core.p4, which declares `NoAction`",
            );
            return (actions, None);
        };
        let action = match actions.iter().position(|known| known.action == no_action) {
            Some(position) => position,
            None => {
                let annotations = Annotations {
                    default_only: true,
                    ..Annotations::default()
                };
                actions.push(TableAction {
                    action: no_action,
                    args: Vec::new(),
                    annotations,
                    implicit: true,
                    span,
                });
                actions.len() - 1
            }
        };
        let default = DefaultAction {
            action,
            data: Vec::new(),
            constant: false,
            implicit: true,
            span,
        };
        (actions, Some(default))
    }

    /// A property whose value is an object of one of these extern types.
    fn object_property(
        &mut self,
        table: &ast::Table,
        properties: &Properties<'_>,
        name: &str,
        types: &[&str],
    ) -> Option<InstanceId> {
        let (property, expr) = properties.expr(name)?;
        let naming = Naming {
            name: &table.name.name,
            anonymous: true,
            annotations: &property.annotations,
            span: expr.span,
        };
        let instance = self.instance_of(expr, &naming)?;
        let found = self
            .extern_of(instance)
            .map(|object| self.program[object].name.as_str());
        if !found.is_some_and(|found| types.contains(&found)) {
            let message = format!(
                "the value of `{name}` must be of type `{}`",
                types.join("` or `")
            );
            let declared = self.program[instance].span;
            self.diagnostics
                .push(Diagnostic::error(expr.span, message).label(declared, "this is not"));
            return None;
        }
        Some(instance)
    }

    fn flag(&mut self, properties: &Properties<'_>, name: &str) -> Option<bool> {
        let (_, expr) = properties.expr(name)?;
        let bool = self.intern(Type::Bool);
        match self
            .constant_as(expr, bool, &format!("the property `{name}`"))?
            .kind
        {
            ExprKind::Const(Const::Bool(value)) => Some(value),
            _ => None,
        }
    }

    fn priority_delta(&mut self, properties: &Properties<'_>) -> u64 {
        let Some((_, expr)) = properties.expr("priority_delta") else {
            return 1;
        };
        let value = self.constant_integer(expr, "`priority_delta`");
        match value.map(|value| u32::try_from(&value)) {
            Some(Ok(value)) if value > 0 => u64::from(value),
            Some(_) => {
                self.error(expr.span, "`priority_delta` must be a positive number");
                1
            }
            None => 1,
        }
    }

    fn other_properties(&mut self, table: &ast::Table) -> Vec<TableProperty> {
        const KNOWN: [&str; 11] = [
            "key",
            "actions",
            "entries",
            "default_action",
            "size",
            "implementation",
            "counters",
            "meters",
            "support_timeout",
            "largest_priority_wins",
            "priority_delta",
        ];
        let mut others = Vec::new();
        for property in &table.properties {
            let name = property.name.name.to_string();
            let PropertyValue::Expr(expr) = &property.value else {
                continue;
            };
            if KNOWN.contains(&name.as_str()) {
                continue;
            }
            let message = format!("v1model has no table property `{name}`: it has no effect");
            self.warning(WarningClass::IgnoreProperty, property.name.span, message);
            let value = match &expr.kind {
                ast::ExprKind::Int(_) | ast::ExprKind::Bool(_) | ast::ExprKind::String(_) => {
                    self.expr(expr).constant().cloned()
                }
                _ => None,
            };
            others.push(TableProperty {
                name,
                value,
                span: property.name.span,
            });
        }
        others
    }
}
