//! Parser, control and package types, and the instance of `V1Switch` named `main`
//! (specification, sections 7.2.12 and 16).

use super::Checker;
use super::argument::{Parameter, assign};
use super::infer::Bindings;
use super::instance::Naming;
use super::scope::Symbol;
use crate::hir::{Direction, InstanceId, InstanceKind, TypeId, V1Switch, VarKind};
use crate::source::Span;
use crate::syntax::ast::{self, BlockType, TypeKind};

/// The type of a parser or control. Its type parameters are [`crate::hir::Type::Param`] from 0.
#[derive(Debug)]
pub(super) struct BlockSignature {
    name: String,
    is_parser: bool,
    type_params: usize,
    params: Vec<(String, Direction, TypeId)>,
    span: Span,
}

/// A package. Its type parameters are [`crate::hir::Type::Param`] from 0.
#[derive(Debug)]
pub(super) struct PackageSignature {
    name: String,
    type_params: usize,
    params: Vec<PackageParam>,
}

#[derive(Debug, Clone)]
struct PackageParam {
    name: String,
    /// The position of its type in `block_signatures` and the arguments for that; `None` if it is
    /// no parser or control.
    block: Option<(usize, Vec<TypeId>)>,
}

/// The parameters of v1model's package, by what is bound to them.
const V1_SWITCH_PARAMS: usize = 6;

impl Checker<'_> {
    pub(super) fn block_type(&mut self, head: &BlockType, is_parser: bool) {
        let params = self.scoped(|c| {
            c.declare_type_params(&head.type_params, 0);
            let param = |param: &ast::Param| {
                (
                    param.name.name.to_string(),
                    param.direction,
                    c.resolve_type(&param.ty),
                )
            };
            head.params.iter().map(param).collect()
        });
        self.annotations(&head.annotations);
        self.block_signatures.push(BlockSignature {
            name: head.name.name.to_string(),
            is_parser,
            type_params: head.type_params.len(),
            params,
            span: head.name.span,
        });
        let position = self.block_signatures.len() - 1;
        self.declare(&head.name, Symbol::BlockType(position));
    }

    pub(super) fn package_type(&mut self, head: &BlockType) {
        let params = self.scoped(|c| {
            c.declare_type_params(&head.type_params, 0);
            head.params
                .iter()
                .map(|param| c.package_param(param))
                .collect()
        });
        self.packages.push(PackageSignature {
            name: head.name.name.to_string(),
            type_params: head.type_params.len(),
            params,
        });
        let position = self.packages.len() - 1;
        self.declare(&head.name, Symbol::Package(position));
    }

    fn package_param(&mut self, param: &ast::Param) -> PackageParam {
        let name = param.name.name.to_string();
        if let TypeKind::Named { path, args } = &param.ty.kind {
            match self.lookup(path).cloned() {
                Some(Symbol::BlockType(block)) => {
                    let args: Vec<TypeId> = args.iter().map(|arg| self.resolve_type(arg)).collect();
                    let wanted = self.block_signatures[block].type_params;
                    if args.len() != wanted {
                        let message = format!(
                            "`{}` takes {wanted} type arguments, not {}",
                            path.name.name,
                            args.len()
                        );
                        self.error(param.ty.span, message);
                        return PackageParam { name, block: None };
                    }
                    return PackageParam {
                        name,
                        block: Some((block, args)),
                    };
                }
                Some(Symbol::Package(_)) => return PackageParam { name, block: None },
                _ => {}
            }
        }
        self.resolve_type(&param.ty);
        PackageParam { name, block: None }
    }

    pub(super) fn top_level_instance(&mut self, instantiation: &ast::Instantiation) {
        if let TypeKind::Named { path, .. } = &instantiation.ty.kind
            && let Some(Symbol::Package(package)) = self.lookup(path)
        {
            let package = *package;
            return self.package_instance(package, instantiation);
        }
        if let TypeKind::Named { path, .. } = &instantiation.ty.kind
            && let Some(Symbol::Block(_)) = self.lookup(path)
        {
            let message = "a parser or control cannot be instantiated at the top level";
            self.error(instantiation.span, message);
            return self.declare(&instantiation.name, Symbol::Bad);
        }
        self.local_instance(instantiation);
    }

    fn package_instance(&mut self, package: usize, instantiation: &ast::Instantiation) {
        self.declare(&instantiation.name, Symbol::Bad);
        let span = instantiation.name.span;
        let signature = &self.packages[package];
        if signature.name != "V1Switch" || signature.params.len() != V1_SWITCH_PARAMS {
            let what = format!("the architecture of the package `{}`", signature.name);
            return self.error_with_help(
                instantiation.ty.span,
                format!("{what} is not supported"),
                "this compiler is for v1model.p4 and its package `V1Switch`",
            );
        }
        if &*instantiation.name.name != "main" {
            self.unsupported(
                span,
                "an instance of `V1Switch` with another name than `main`",
            );
            return;
        }
        let own = signature.type_params;
        let mut bindings = Bindings::new(&[], own);
        let TypeKind::Named { args, .. } = &instantiation.ty.kind else {
            return;
        };
        if !self.written_type_args(&mut bindings, 0, own, args, span) {
            return;
        }
        let Some(blocks) = self.package_args(package, instantiation, &mut bindings) else {
            return;
        };
        let Ok(
            [
                parser,
                verify_checksum,
                ingress,
                egress,
                compute_checksum,
                deparser,
            ],
        ) = <[InstanceId; V1_SWITCH_PARAMS]>::try_from(blocks)
        else {
            return;
        };
        let (Some(headers), Some(metadata)) = (bindings.get(0), bindings.get(1)) else {
            return self.error(
                span,
                "the types of the headers and of the metadata do not follow",
            );
        };
        self.has_main = true;
        self.program.main = V1Switch {
            headers,
            metadata,
            parser,
            verify_checksum,
            ingress,
            egress,
            compute_checksum,
            deparser,
            annotations: self.annotations(&instantiation.annotations),
            span: instantiation.span,
        };
    }

    fn package_args(
        &mut self,
        package: usize,
        instantiation: &ast::Instantiation,
        bindings: &mut Bindings,
    ) -> Option<Vec<InstanceId>> {
        let params = self.packages[package].params.clone();
        let unknown = self.unknown;
        let parameters: Vec<Parameter> = params
            .iter()
            .map(|param| Parameter {
                name: param.name.clone(),
                ty: unknown,
                direction: Direction::None,
                optional: false,
                default: None,
                constant: true,
            })
            .collect();
        let assigned = match assign(&parameters, &instantiation.args) {
            Ok(assigned) => assigned,
            Err((place, message)) => {
                self.error(place.unwrap_or(instantiation.span), message);
                return None;
            }
        };
        let mut blocks = Vec::new();
        let mut failed = false;
        for (param, arg) in params.iter().zip(assigned) {
            let value = arg.and_then(|arg| arg.value.as_ref());
            let Some(value) = value else {
                self.error(instantiation.span, format!("`{}` is missing", param.name));
                return None;
            };
            match self.package_arg(param, value, bindings) {
                Some(instance) => blocks.push(instance),
                None => failed = true,
            }
        }
        (!failed).then_some(blocks)
    }

    fn package_arg(
        &mut self,
        param: &PackageParam,
        value: &ast::Expr,
        bindings: &mut Bindings,
    ) -> Option<InstanceId> {
        let name = match &value.kind {
            ast::ExprKind::Call { callee, .. } => match &callee.kind {
                ast::ExprKind::Path(path) => path.name.name.to_string(),
                _ => param.name.clone(),
            },
            _ => param.name.clone(),
        };
        let naming = Naming {
            name: &name,
            anonymous: true,
            annotations: &[],
            span: value.span,
        };
        let instance = self.instance_of(value, &naming)?;
        let Some((block, args)) = &param.block else {
            self.unsupported(
                value.span,
                "an argument of a package that is no parser or control",
            );
            return None;
        };
        self.check_block_type(*block, args, instance, value.span, bindings)
            .then_some(instance)
    }

    /// Whether an instance has the parser or control type that the package asks for.
    fn check_block_type(
        &mut self,
        block: usize,
        args: &[TypeId],
        instance: InstanceId,
        span: Span,
        bindings: &mut Bindings,
    ) -> bool {
        let signature = &self.block_signatures[block];
        let (wanted_name, is_parser) = (signature.name.clone(), signature.is_parser);
        let (wanted, declared) = (signature.params.clone(), signature.span);
        let (name, params) = match self.program[instance].kind {
            InstanceKind::Parser { parser, .. } if is_parser => (
                self.program[parser].name.clone(),
                self.program[parser].params.clone(),
            ),
            InstanceKind::Control { control, .. } if !is_parser => (
                self.program[control].name.clone(),
                self.program[control].params.clone(),
            ),
            _ => {
                let what = if is_parser { "a parser" } else { "a control" };
                self.error(span, format!("`{wanted_name}` needs {what}"));
                return false;
            }
        };
        let complain = |c: &mut Self, message: String| {
            let diagnostic = crate::diagnostic::Diagnostic::error(span, message)
                .label(declared, format!("`{wanted_name}` is declared here"));
            c.diagnostics.push(diagnostic);
            false
        };
        if params.len() != wanted.len() {
            let (given, wanted) = (params.len(), wanted.len());
            let message = format!("`{name}` has {given} parameters, but {wanted} are needed here");
            return complain(self, message);
        }
        // The arguments of the type are in terms of the package's type parameters.
        let outer = Bindings::new(args, 0);
        for (var, (param, direction, ty)) in params.into_iter().zip(wanted) {
            let var = &self.program[var];
            let (given_name, given_type, kind) = (var.name.clone(), var.ty, var.kind);
            if kind != VarKind::Param(direction) {
                let message = format!(
                    "the parameter `{given_name}` of `{name}` must have the direction of `{param}` \
                     ({})",
                    direction_name(direction)
                );
                return complain(self, message);
            }
            let ty = self.substitute(ty, &outer);
            self.unify(ty, given_type, bindings);
            let ty = self.substitute(ty, bindings);
            if ty != given_type && !self.is_unknown(ty) && !self.is_unknown(given_type) {
                let message = format!(
                    "the parameter `{given_name}` of `{name}` has the type {}, but {} is needed \
                     here",
                    self.show(given_type),
                    self.show(ty)
                );
                return complain(self, message);
            }
        }
        true
    }
}

fn direction_name(direction: Direction) -> &'static str {
    match direction {
        Direction::None => "none",
        Direction::In => "in",
        Direction::Out => "out",
        Direction::InOut => "inout",
    }
}
