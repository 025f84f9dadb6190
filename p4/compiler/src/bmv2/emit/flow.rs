//! The control flow of a pipeline: which table or condition comes after which.

use std::collections::{BTreeMap, HashMap};

use super::super::ir::{self, ActionId, AfterTable, Expr, Label, Stmt, StmtKind, TableId};
use crate::source::Span;

/// A node of the control flow.
#[derive(Debug)]
pub(super) struct Node {
    /// What it does.
    pub(super) kind: NodeKind,
    /// Where it goes.
    edges: Vec<(Edge, Option<usize>)>,
}

/// What a node does.
#[derive(Debug)]
pub(super) enum NodeKind {
    /// Applies a table of the program.
    Table(TableId),
    /// Runs statements that belong to no table.
    Statements(Vec<Stmt>),
    /// Runs an action that the program calls.
    Action(ActionId, Span),
    /// Tests a condition.
    Condition(Expr, Span),
}

/// When an edge is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    /// Whenever no other is.
    Always,
    /// If the condition is true, or an entry matched.
    True,
    /// If it is false, or none did.
    False,
    /// If the action at this position of the table's list ran.
    Action(usize),
}

impl Node {
    /// Where an edge goes: to a node, or to the end; `None` if there is no such edge.
    pub(super) fn next(&self, edge: Edge) -> Option<Option<usize>> {
        self.edges
            .iter()
            .find(|(kind, _)| *kind == edge)
            .map(|(_, next)| *next)
    }

    /// The edges for actions.
    pub(super) fn actions(&self) -> BTreeMap<usize, Option<usize>> {
        self.edges
            .iter()
            .filter_map(|(edge, next)| match edge {
                Edge::Action(action) => Some((*action, *next)),
                _ => None,
            })
            .collect()
    }

    /// The nodes that can come next.
    pub(super) fn successors(&self) -> impl Iterator<Item = usize> {
        self.edges.iter().filter_map(|(_, next)| *next)
    }
}

/// The control flow of a pipeline, from the first node on.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// Its nodes, in the order in which the program has them.
    pub(super) nodes: Vec<Node>,
    /// The first.
    pub(super) first: Option<usize>,
}

/// Edges that go to whatever comes next; the start of the pipeline is one as well.
#[derive(Debug, Default, Clone)]
struct Live {
    start: bool,
    edges: Vec<(usize, usize)>,
}

impl Live {
    fn of(node: usize, edge: usize) -> Self {
        Live {
            start: false,
            edges: vec![(node, edge)],
        }
    }

    fn merge(&mut self, other: Live) {
        self.start |= other.start;
        self.edges.extend(other.edges);
    }

    fn is_empty(&self) -> bool {
        !self.start && self.edges.is_empty()
    }
}

impl Flow {
    /// The control flow of a pipeline with these statements.
    pub(super) fn new(body: &[Stmt]) -> Self {
        let mut flow = Flow::default();
        let start = Live {
            start: true,
            edges: Vec::new(),
        };
        flow.stmts(body, start, &mut HashMap::new());
        flow
    }

    fn node(&mut self, kind: NodeKind, edges: Vec<Edge>, live: Live) -> usize {
        let id = self.nodes.len();
        if live.start {
            self.first = Some(id);
        }
        for (node, edge) in live.edges {
            self.nodes[node].edges[edge].1 = Some(id);
        }
        let edges = edges.into_iter().map(|edge| (edge, None)).collect();
        self.nodes.push(Node { kind, edges });
        id
    }

    fn stmts(&mut self, body: &[Stmt], mut live: Live, labels: &mut HashMap<Label, Live>) -> Live {
        let mut run: Vec<Stmt> = Vec::new();
        for stmt in body {
            if live.is_empty() {
                break;
            }
            let control = matches!(
                stmt.kind,
                StmtKind::If { .. }
                    | StmtKind::Scope(..)
                    | StmtKind::Leave(_)
                    | StmtKind::Apply(..)
                    | StmtKind::RunAction(_)
            );
            if !control {
                run.push(stmt.clone());
                if matches!(stmt.kind, StmtKind::Exit) {
                    self.flush(&mut run, live);
                    return Live::default();
                }
                continue;
            }
            live = self.flush(&mut run, live);
            live = self.control(stmt, live, labels);
        }
        if live.is_empty() {
            live
        } else {
            self.flush(&mut run, live)
        }
    }

    /// Makes a node of statements between tables.
    fn flush(&mut self, run: &mut Vec<Stmt>, live: Live) -> Live {
        if run.is_empty() {
            return live;
        }
        let node = self.node(
            NodeKind::Statements(std::mem::take(run)),
            vec![Edge::Always],
            live,
        );
        Live::of(node, 0)
    }

    fn control(&mut self, stmt: &Stmt, live: Live, labels: &mut HashMap<Label, Live>) -> Live {
        match &stmt.kind {
            StmtKind::If {
                condition,
                condition_span,
                then,
                otherwise,
            } => {
                let kind = NodeKind::Condition(condition.clone(), *condition_span);
                let node = self.node(kind, vec![Edge::True, Edge::False], live);
                let mut end = self.stmts(then, Live::of(node, 0), labels);
                end.merge(self.stmts(otherwise, Live::of(node, 1), labels));
                end
            }
            StmtKind::Scope(label, body) => {
                let outer = labels.insert(*label, Live::default());
                let mut end = self.stmts(body, live, labels);
                if let Some(left) = labels.remove(label) {
                    end.merge(left);
                }
                if let Some(outer) = outer {
                    labels.insert(*label, outer);
                }
                end
            }
            StmtKind::Leave(label) => {
                labels.entry(*label).or_default().merge(live);
                Live::default()
            }
            StmtKind::RunAction(action) => {
                let kind = NodeKind::Action(*action, stmt.span);
                Live::of(self.node(kind, vec![Edge::Always], live), 0)
            }
            StmtKind::Apply(table, AfterTable::Nothing) => {
                let node = self.node(NodeKind::Table(*table), vec![Edge::Always], live);
                Live::of(node, 0)
            }
            StmtKind::Apply(table, AfterTable::Hit { hit, miss }) => {
                let edges = vec![Edge::True, Edge::False];
                let node = self.node(NodeKind::Table(*table), edges, live);
                let mut end = self.stmts(hit, Live::of(node, 0), labels);
                end.merge(self.stmts(miss, Live::of(node, 1), labels));
                end
            }
            StmtKind::Apply(table, AfterTable::Switch { cases, default }) => {
                let mut edges = vec![Edge::Always];
                for (actions, _) in cases {
                    edges.extend(actions.iter().map(|action| Edge::Action(*action)));
                }
                let node = self.node(NodeKind::Table(*table), edges, live);
                let mut end = Live::default();
                let mut edge = 1;
                for (actions, body) in cases {
                    let mut live = Live::default();
                    for _ in actions {
                        live.merge(Live::of(node, edge));
                        edge += 1;
                    }
                    end.merge(self.stmts(body, live, labels));
                }
                end.merge(self.stmts(default, Live::of(node, 0), labels));
                end
            }
            _ => live,
        }
    }

    /// A table that is applied again on the way from one of its applications, if there is one:
    /// BMv2 knows one successor for each result of a table, so it would never end.
    pub(super) fn repeated_table(&self) -> Option<TableId> {
        self.nodes.iter().enumerate().find_map(|(start, node)| {
            let NodeKind::Table(table) = node.kind else {
                return None;
            };
            let mut seen = vec![false; self.nodes.len()];
            let mut open: Vec<usize> = self.nodes[start].successors().collect();
            while let Some(id) = open.pop() {
                if std::mem::replace(&mut seen[id], true) {
                    continue;
                }
                if matches!(self.nodes[id].kind, NodeKind::Table(other) if other == table) {
                    return Some(table);
                }
                open.extend(self.nodes[id].successors());
            }
            None
        })
    }
}

/// The place of a run of statements: that of its first.
pub(super) fn run_span(run: &[ir::Stmt]) -> Span {
    run.first().map(|stmt| stmt.span).unwrap_or_default()
}
