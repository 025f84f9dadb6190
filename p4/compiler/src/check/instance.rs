//! Instances of extern objects, parsers and controls (specification, sections 11.3 and 15).

use std::sync::Arc;

use super::argument::{Parameter, extern_parameters, fits};
use super::infer::Bindings;
use super::scope::Symbol;
use super::weight::Body;
use super::{Checker, Place};
use crate::diagnostic::Diagnostic;
use crate::hir::{
    Arg, Const, ControlId, ControlPlaneName, Direction, Expr, ExprKind, ExternId, Instance,
    InstanceId, InstanceKind, ParserId, Type, TypeId, VarId, VarKind,
};
use crate::source::Span;
use crate::syntax::ast::{self, Argument, Ident, Param, TypeExpr, TypeKind};
use crate::warning::WarningClass;

/// A parser or control as it is written.
#[derive(Debug, Clone)]
pub(super) enum BlockAst {
    Parser(Arc<ast::Parser>),
    Control(Arc<ast::Control>),
}

impl BlockAst {
    fn head(&self) -> &ast::BlockType {
        match self {
            BlockAst::Parser(parser) => &parser.head,
            BlockAst::Control(control) => &control.head,
        }
    }

    fn constructor_params(&self) -> &[Param] {
        match self {
            BlockAst::Parser(parser) => &parser.constructor_params,
            BlockAst::Control(control) => &control.constructor_params,
        }
    }
}

/// A checked parser or control.
#[derive(Debug, Clone, Copy)]
pub(super) enum BlockId {
    Parser(ParserId),
    Control(ControlId),
}

/// A declared parser or control. It is checked once for each set of values of its constructor
/// parameters.
#[derive(Debug)]
pub(super) struct Block {
    ast: BlockAst,
    /// The constructor parameters.
    parameters: Vec<Parameter>,
    checked: Vec<(Vec<ValueKey>, BlockId)>,
    /// Whether it is being checked, so that an instance of it would be inside itself.
    in_progress: bool,
}

/// A constructor argument, to find a parser or control that was checked with it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ValueKey {
    Object,
    Scalar(Const),
    List(Vec<ValueKey>),
    Invalid,
}

impl ValueKey {
    fn new(expr: &Expr) -> Self {
        match &expr.kind {
            ExprKind::Const(value) => ValueKey::Scalar(value.clone()),
            ExprKind::List(items) => ValueKey::List(items.iter().map(ValueKey::new).collect()),
            _ => ValueKey::Invalid,
        }
    }
}

/// What an instance is called, and what it is annotated with.
pub(super) struct Naming<'x> {
    pub(super) name: &'x str,
    pub(super) anonymous: bool,
    pub(super) annotations: &'x [ast::Annotation],
    pub(super) span: Span,
}

impl Checker<'_> {
    pub(super) fn block_declaration(&mut self, ast: BlockAst) {
        let head = ast.head();
        let name = head.name.clone();
        if !head.type_params.is_empty() {
            let what = match &ast {
                BlockAst::Parser(_) => "a generic parser with a body",
                BlockAst::Control(_) => "a generic control with a body",
            };
            self.unsupported(name.span, what);
            return self.declare(&name, Symbol::Bad);
        }
        let parameters = self.scoped(|c| c.constructor_parameters(ast.constructor_params()));
        let no_values = parameters
            .iter()
            .all(|param| matches!(self.ty(param.ty), Type::Extern { .. }));
        let block = self.blocks.len();
        self.blocks.push(Block {
            ast,
            parameters,
            checked: Vec::new(),
            in_progress: false,
        });
        if no_values {
            let values = vec![None; self.blocks[block].parameters.len()];
            self.check_block(block, &values, name.span);
        }
        self.declare(&name, Symbol::Block(block));
    }

    fn constructor_parameters(&mut self, params: &[Param]) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        for param in params {
            let annotations = self.annotations(&param.annotations);
            let ty = self.constructor_param_type(&param.ty);
            if param.direction != Direction::None {
                self.error(param.name.span, "a constructor parameter has no direction");
            }
            let default = self.default_argument(param, ty);
            parameters.push(Parameter {
                name: param.name.name.to_string(),
                ty,
                direction: Direction::None,
                optional: annotations.has("optional"),
                default,
                constant: true,
            });
        }
        parameters
    }

    fn constructor_param_type(&mut self, ty: &TypeExpr) -> TypeId {
        if let TypeKind::Named { path, .. } = &ty.kind
            && matches!(
                self.lookup(path),
                Some(Symbol::BlockType(_) | Symbol::Block(_))
            )
        {
            self.unsupported(ty.span, "a parser or control as constructor parameter");
            return self.unknown;
        }
        self.resolve_type(ty)
    }

    /// Checks the body with these values of the constructor parameters (`None` for objects),
    /// unless that was done before.
    fn check_block(
        &mut self,
        block: usize,
        values: &[Option<Expr>],
        span: Span,
    ) -> Option<BlockId> {
        let key: Vec<ValueKey> = values
            .iter()
            .map(|value| value.as_ref().map_or(ValueKey::Object, ValueKey::new))
            .collect();
        if let Some((_, id)) = self.blocks[block]
            .checked
            .iter()
            .find(|(known, _)| *known == key)
        {
            return Some(*id);
        }
        let ast = self.blocks[block].ast.clone();
        if self.blocks[block].in_progress {
            let message = format!(
                "`{}` cannot have an instance of itself",
                ast.head().name.name
            );
            self.error(span, message);
            return None;
        }
        if !self.count_specialisation(span) {
            return None;
        }
        self.blocks[block].in_progress = true;

        let locals = std::mem::take(&mut self.locals);
        let instances = std::mem::take(&mut self.instances);
        let result = self.result.take();
        let (id, weight) = self.weighed(|c| {
            c.at_place(Place::Locals, |c| {
                c.scoped(|c| {
                    let objects = c.bind_constructor_params(ast.constructor_params(), values);
                    match &ast {
                        BlockAst::Parser(parser) => BlockId::Parser(c.parser(parser, objects)),
                        BlockAst::Control(control) => BlockId::Control(c.control(control, objects)),
                    }
                })
            })
        });
        match id {
            BlockId::Parser(parser) => self.set_weight(Body::Parser(parser), weight),
            BlockId::Control(control) => self.set_weight(Body::Control(control), weight),
        }
        self.locals = locals;
        self.instances = instances;
        self.result = result;
        self.blocks[block].in_progress = false;
        self.blocks[block].checked.push((key, id));
        Some(id)
    }

    /// Declares the constructor parameters; gives those of extern types.
    fn bind_constructor_params(&mut self, params: &[Param], values: &[Option<Expr>]) -> Vec<VarId> {
        let mut objects = Vec::new();
        for (param, value) in params.iter().zip(values) {
            match value {
                Some(value) => self.declare(&param.name, Symbol::Constant(value.clone())),
                None => {
                    let ty = self.resolve_type(&param.ty);
                    let kind = VarKind::ConstructorParam;
                    objects.push(self.declare_var(&param.name, ty, kind, &param.annotations));
                }
            }
        }
        objects
    }

    /// Constructs an object of a type. `None` after an error.
    pub(super) fn construct(
        &mut self,
        ty: &TypeExpr,
        args: &[Argument],
        naming: &Naming<'_>,
    ) -> Option<InstanceId> {
        let TypeKind::Named {
            path,
            args: type_args,
        } = &ty.kind
        else {
            self.error(
                ty.span,
                "only extern objects, parsers and controls have instances",
            );
            return None;
        };
        let mut typedef_of_generic = false;
        let kind = match self.lookup(path).cloned() {
            Some(Symbol::Extern(object)) => {
                self.construct_extern(object, type_args, args, naming.span)?
            }
            // A typedef of an extern type.
            Some(Symbol::Type(alias)) if matches!(self.ty(alias), Type::Extern { .. }) => {
                let Type::Extern {
                    object,
                    args: bound,
                } = self.ty(alias).clone()
                else {
                    return None;
                };
                typedef_of_generic = !bound.is_empty();
                self.construct_bound(object, Bindings::new(&bound, 0), args, naming.span)?
            }
            Some(Symbol::Block(block)) => {
                if !type_args.is_empty() {
                    let message = format!("`{}` takes no type arguments", path.name.name);
                    self.error(ty.span, message);
                }
                self.construct_block(block, args, naming.span)?
            }
            Some(Symbol::Bad) => return None,
            Some(Symbol::Package(_)) => {
                self.unsupported(ty.span, "an instance of a package other than `main`");
                return None;
            }
            Some(symbol) => {
                let name = &path.name.name;
                let message = format!("`{name}` is {}, which has no instances", symbol.kind());
                self.error(ty.span, message);
                return None;
            }
            None => {
                self.unknown_name(path, "type");
                return None;
            }
        };
        if typedef_of_generic {
            let message = format!(
                "P4Info will not show `{}`: its type is the typedef `{}`",
                naming.name, path.name.name
            );
            self.diagnostics.push(
                Diagnostic::warning(WarningClass::Unsupported, naming.span, message)
                    .help("write the type out, as p4c too needs it to generate P4Info"),
            );
        }
        let annotations = self.annotations(naming.annotations);
        let id = InstanceId(self.program.instances.len() as u32);
        self.program.instances.push(Instance {
            name: naming.name.to_owned(),
            control_plane_name: ControlPlaneName::new(naming.name, &annotations),
            anonymous: naming.anonymous,
            typedef_of_generic,
            kind,
            annotations,
            span: naming.span,
        });
        if self.place == Place::TopLevel {
            if let InstanceKind::Extern { .. } = self.program[id].kind {
                self.program.top_level_instances.push(id);
            }
        } else {
            self.instances.push(id);
        }
        Some(id)
    }

    fn construct_extern(
        &mut self,
        object: ExternId,
        type_args: &[TypeExpr],
        args: &[Argument],
        span: Span,
    ) -> Option<InstanceKind> {
        let own = self.program[object].type_params.len();
        let mut bindings = Bindings::new(&[], own);
        if !self.written_type_args(&mut bindings, 0, own, type_args, span) {
            return None;
        }
        self.construct_bound(object, bindings, args, span)
    }

    fn construct_bound(
        &mut self,
        object: ExternId,
        mut bindings: Bindings,
        args: &[Argument],
        span: Span,
    ) -> Option<InstanceKind> {
        let own = self.program[object].type_params.len();
        let parameters: Vec<Vec<Parameter>> = self.program[object]
            .constructors
            .iter()
            .map(extern_parameters)
            .collect();
        let name = self.program[object].name.clone();
        let constructor = match parameters.as_slice() {
            [] => {
                self.error(span, format!("`{name}` has no constructor"));
                return None;
            }
            [_] => 0,
            several => match several.iter().position(|parameters| fits(parameters, args)) {
                Some(index) => index,
                None => {
                    let message = format!("no constructor of `{name}` takes these arguments");
                    self.error(span, message);
                    return None;
                }
            },
        };
        let parameters = &parameters[constructor];
        let args = self.generic_arguments(parameters, &mut bindings, args, span)?;
        let mut type_args: Vec<TypeId> = Vec::with_capacity(own);
        for index in 0..own {
            match bindings.get(index) {
                Some(ty) if !self.has_int(ty) => type_args.push(ty),
                _ => {
                    let help = format!("write them: `{name}<type>(...)`");
                    let message = format!("the type arguments of `{name}` are missing");
                    self.error_with_help(span, message, help);
                    return None;
                }
            }
        }
        Some(InstanceKind::Extern {
            object,
            type_args,
            constructor,
            args,
        })
    }

    fn construct_block(
        &mut self,
        block: usize,
        args: &[Argument],
        span: Span,
    ) -> Option<InstanceKind> {
        let parameters = self.blocks[block].parameters.clone();
        let args = self.arguments(&parameters, args, span)?;
        let mut objects = Vec::new();
        let mut values = Vec::new();
        for arg in args {
            match arg {
                Arg::Expr(value) => values.push(Some(value)),
                Arg::Object(object) => {
                    objects.push(object);
                    values.push(None);
                }
                Arg::DontCare | Arg::Absent => {
                    self.unsupported(span, "an absent constructor argument");
                    return None;
                }
            }
        }
        Some(match self.check_block(block, &values, span)? {
            BlockId::Parser(parser) => InstanceKind::Parser { parser, objects },
            BlockId::Control(control) => InstanceKind::Control { control, objects },
        })
    }

    /// The instance of a direct invocation `C.apply(...)` (specification, section 15.1).
    pub(super) fn direct_instance(
        &mut self,
        block: usize,
        name: &Ident,
        span: Span,
    ) -> Option<InstanceId> {
        let kind = self.construct_block(block, &[], span)?;
        let annotations = Default::default();
        let id = InstanceId(self.program.instances.len() as u32);
        self.program.instances.push(Instance {
            name: name.name.to_string(),
            control_plane_name: ControlPlaneName::new(&name.name, &annotations),
            anonymous: true,
            typedef_of_generic: false,
            kind,
            annotations,
            span,
        });
        self.instances.push(id);
        Some(id)
    }

    /// An instance among the declarations of a parser or control.
    pub(super) fn local_instance(&mut self, instantiation: &ast::Instantiation) {
        let naming = Naming {
            name: &instantiation.name.name,
            anonymous: false,
            annotations: &instantiation.annotations,
            span: instantiation.name.span,
        };
        let symbol = match self.construct(&instantiation.ty, &instantiation.args, &naming) {
            Some(instance) => Symbol::Instance(instance),
            None => Symbol::Bad,
        };
        self.declare(&instantiation.name, symbol);
    }

    /// The object that a table property or an argument names or constructs.
    pub(super) fn instance_of(
        &mut self,
        expr: &ast::Expr,
        naming: &Naming<'_>,
    ) -> Option<InstanceId> {
        match &expr.kind {
            ast::ExprKind::Path(path) => match self.lookup(path).cloned() {
                Some(Symbol::Instance(instance)) => Some(instance),
                Some(Symbol::Bad) => None,
                Some(Symbol::Var(var))
                    if matches!(self.ty(self.program[var].ty), Type::Extern { .. }) =>
                {
                    self.unsupported(expr.span, "a constructor parameter in this place");
                    None
                }
                Some(symbol) => {
                    let name = &path.name.name;
                    self.error(
                        expr.span,
                        format!("`{name}` is {}, no instance", symbol.kind()),
                    );
                    None
                }
                None => {
                    self.unknown_name(path, "instance");
                    None
                }
            },
            ast::ExprKind::Call {
                callee,
                type_args,
                args,
            } => {
                let ty = match &callee.kind {
                    ast::ExprKind::Path(path) => TypeExpr::new(
                        TypeKind::Named {
                            path: path.clone(),
                            args: type_args.clone(),
                        },
                        callee.span,
                    ),
                    ast::ExprKind::Type(ty) => ty.clone(),
                    _ => {
                        self.error(expr.span, "expected an instance or a constructor call");
                        return None;
                    }
                };
                self.construct(&ty, args, naming)
            }
            _ => {
                self.error(expr.span, "expected an instance or a constructor call");
                None
            }
        }
    }

    /// The extern type of an instance of an extern object.
    pub(super) fn extern_of(&self, instance: InstanceId) -> Option<ExternId> {
        match self.program[instance].kind {
            InstanceKind::Extern { object, .. } => Some(object),
            _ => None,
        }
    }

    /// A parser or control that needs constructor arguments is only checked where it is used.
    pub(super) fn warn_unused_blocks(&mut self) {
        let unused: Vec<Ident> = self
            .blocks
            .iter()
            .filter(|block| block.checked.is_empty())
            .map(|block| block.ast.head().name.clone())
            .collect();
        for name in unused {
            let message = format!(
                "`{}` has no instance, so its body was not checked",
                name.name
            );
            self.warning(WarningClass::Unused, name.span, message);
        }
    }
}
