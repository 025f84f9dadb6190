//! Types as they are written.

use super::Checker;
use super::scope::Symbol;
use crate::hir::{StructKind, Type, TypeId};
use crate::source::Span;
use crate::syntax::ast::{self, TypeExpr, TypeKind};

/// The widest `bit`, `int` and `varbit`, as in p4c.
pub(super) const WIDTH_LIMIT: u32 = 2048;

/// The largest header stack.
const STACK_LIMIT: u32 = 1024;

/// How large a type is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Extent {
    /// Values that are not made of others.
    pub(super) leaves: u64,
    /// Levels of nesting.
    pub(super) depth: u32,
}

impl Extent {
    /// A type with more of either is refused: what is made of it would exhaust the memory.
    pub(super) const LIMIT: Extent = Extent {
        leaves: 20_000,
        depth: 64,
    };
}

impl Checker<'_> {
    /// The type; [`Type::Unknown`] after an error.
    pub(super) fn resolve_type(&mut self, ty: &TypeExpr) -> TypeId {
        let kind = match &ty.kind {
            TypeKind::Void => Type::Void,
            TypeKind::Bool => Type::Bool,
            TypeKind::Error => Type::Error,
            TypeKind::MatchKind => Type::MatchKind,
            TypeKind::String => Type::String,
            TypeKind::Int => Type::Int,
            TypeKind::Bit(None) => Type::Bit(1),
            TypeKind::Bit(Some(width)) => match self.width(width, "bit") {
                Some(width) => Type::Bit(width),
                None => Type::Unknown,
            },
            TypeKind::Signed(width) => match self.width(width, "int") {
                Some(width) => Type::Signed(width),
                None => Type::Unknown,
            },
            TypeKind::Varbit(width) => match self.width(width, "varbit") {
                Some(width) => Type::Varbit(width),
                None => Type::Unknown,
            },
            TypeKind::Named { path, args } => return self.named_type(path, args, ty.span),
            TypeKind::Stack { element, size } => return self.stack_type(element, size, ty.span),
            TypeKind::Tuple(members) => {
                let members: Vec<TypeId> = members
                    .iter()
                    .map(|member| self.value_type(member))
                    .collect();
                if members.iter().any(|member| self.is_unknown(*member)) {
                    return self.unknown;
                }
                let tuple = self.intern(Type::Tuple(members));
                return self.bounded(tuple, ty.span);
            }
            TypeKind::List(_) => {
                self.unsupported(ty.span, "the type `list`");
                Type::Unknown
            }
            TypeKind::DontCare => {
                self.error(
                    ty.span,
                    "`_` is only a type where type arguments are inferred",
                );
                Type::Unknown
            }
        };
        self.intern(kind)
    }

    /// A type whose values can be stored: not `void`, and no object.
    pub(super) fn value_type(&mut self, expr: &TypeExpr) -> TypeId {
        let ty = self.resolve_type(expr);
        match self.ty(ty) {
            Type::Void => self.error(expr.span, "`void` has no values"),
            Type::Extern { .. } => {
                let message = format!("{} is a type of objects, not of values", self.show(ty));
                self.error(expr.span, message);
            }
            Type::MatchKind => self.unsupported(expr.span, "a value of type `match_kind`"),
            _ => return ty,
        }
        self.unknown
    }

    /// The type, if it is not too large to work with.
    pub(super) fn bounded(&mut self, ty: TypeId, span: Span) -> TypeId {
        let extent = self.extent(ty);
        if extent.leaves > Extent::LIMIT.leaves {
            let limit = Extent::LIMIT.leaves;
            self.error(
                span,
                format!("this type has more than {limit} fields in all"),
            );
        } else if extent.depth > Extent::LIMIT.depth {
            let limit = Extent::LIMIT.depth;
            self.error(span, format!("this type is nested more than {limit} deep"));
        } else {
            return ty;
        }
        self.unknown
    }

    pub(super) fn extent(&self, ty: TypeId) -> Extent {
        let above = |inner: Extent| Extent {
            depth: inner.depth + 1,
            ..inner
        };
        match self.ty(ty) {
            Type::Struct(decl) | Type::Header(decl) => {
                self.extents.get(decl).copied().unwrap_or_default()
            }
            Type::Stack { element, size } => {
                let inner = above(self.extent(*element));
                Extent {
                    leaves: inner.leaves.saturating_mul(u64::from(*size)),
                    ..inner
                }
            }
            Type::Tuple(members) => {
                let inner = members.iter().map(|member| self.extent(*member));
                above(Self::sum(inner))
            }
            _ => Extent {
                leaves: 1,
                depth: 1,
            },
        }
    }

    pub(super) fn sum(parts: impl Iterator<Item = Extent>) -> Extent {
        parts.fold(Extent::default(), |sum, part| Extent {
            leaves: sum.leaves.saturating_add(part.leaves),
            depth: sum.depth.max(part.depth),
        })
    }

    fn width(&mut self, width: &ast::Expr, name: &str) -> Option<u32> {
        let value = self.constant_integer(width, "a width")?;
        let widest = u32::try_from(&value)
            .ok()
            .filter(|width| *width <= WIDTH_LIMIT);
        match widest {
            Some(0) => {
                self.unsupported(width.span, &format!("the type `{name}<0>`"));
                None
            }
            Some(width) => Some(width),
            None => {
                let message = format!("a width is between 1 and {WIDTH_LIMIT} bits, not {value}");
                self.error(width.span, message);
                None
            }
        }
    }

    fn stack_type(&mut self, element: &TypeExpr, size: &ast::Expr, span: Span) -> TypeId {
        let element_type = self.resolve_type(element);
        let Some(value) = self.constant_integer(size, "the size of a header stack") else {
            return self.unknown;
        };
        if self.is_unknown(element_type) {
            return self.unknown;
        }
        if !self.program.is_header(element_type) {
            let message = format!(
                "the elements of a stack are headers, not {}",
                self.show(element_type)
            );
            self.error(element.span, message);
            return self.unknown;
        }
        match u32::try_from(&value)
            .ok()
            .filter(|size| (1..=STACK_LIMIT).contains(size))
        {
            Some(size) => {
                let stack = self.intern(Type::Stack {
                    element: element_type,
                    size,
                });
                self.bounded(stack, span)
            }
            None => {
                let message =
                    format!("a header stack has between 1 and {STACK_LIMIT} elements, not {value}");
                self.error(size.span, message);
                self.unknown
            }
        }
    }

    fn named_type(&mut self, path: &ast::Path, args: &[TypeExpr], span: Span) -> TypeId {
        let name = &path.name.name;
        let kind = match self.lookup(path).cloned() {
            Some(Symbol::Type(ty)) if args.is_empty() => return ty,
            Some(Symbol::Type(ty)) => {
                if !self.is_unknown(ty) {
                    self.error(span, format!("the type `{name}` takes no type arguments"));
                }
                return self.unknown;
            }
            Some(Symbol::Extern(object)) => {
                let wanted = self.program[object].type_params.len();
                if wanted != args.len() {
                    let message = format!(
                        "the type `{name}` takes {wanted} type argument{}, not {}",
                        if wanted == 1 { "" } else { "s" },
                        args.len()
                    );
                    self.error(span, message);
                    return self.unknown;
                }
                let args: Vec<TypeId> = args.iter().map(|arg| self.resolve_type(arg)).collect();
                if args.iter().any(|arg| self.is_unknown(*arg)) {
                    return self.unknown;
                }
                return self.intern(Type::Extern { object, args });
            }
            Some(Symbol::Bad) => return self.unknown,
            Some(symbol) => symbol.kind(),
            None => {
                self.unknown_name(path, "type");
                return self.unknown;
            }
        };
        self.error(span, format!("`{name}` is {kind}, not a type of values"));
        self.unknown
    }

    /// The error that a name is not declared, with the one that may be meant.
    pub(super) fn unknown_name(&mut self, path: &ast::Path, what: &str) {
        let name = &*path.name.name;
        let message = format!("there is no {what} `{name}` here");
        let scopes = self
            .locals
            .iter()
            .rev()
            .chain(std::iter::once(&self.globals));
        let similar = similar(name, scopes.flat_map(|scope| scope.names()));
        match similar {
            Some(help) => self.error_with_help(path.name.span, message, help),
            None => self.error(path.name.span, message),
        }
    }

    /// Whether values of the type can be fields of a header (specification, section 7.2.2).
    pub(super) fn fits_in_header(&self, ty: TypeId) -> bool {
        match self.ty(self.program.underlying(ty)) {
            Type::Bit(_) | Type::Signed(_) | Type::Varbit(_) | Type::Bool | Type::Unknown => true,
            Type::Struct(decl) => {
                self.program[*decl].kind == StructKind::Struct
                    && self.program[*decl]
                        .fields
                        .iter()
                        .all(|field| self.fits_in_header(field.ty))
            }
            _ => false,
        }
    }
}

/// The help that names what may be meant by a name that is not among those that are there.
pub(super) fn similar<'x>(name: &str, known: impl Iterator<Item = &'x str>) -> Option<String> {
    known
        .map(|known| (edit_distance(name, known), known))
        .filter(|(distance, known)| *distance <= 2 && distance * 3 <= known.len())
        .min()
        .map(|(_, known)| format!("there is `{known}`"))
}

/// How many letters must be changed to get from one name to the other; a large number if it is
/// clear that they are many.
fn edit_distance(a: &str, b: &str) -> usize {
    if a.len().abs_diff(b.len()) > 2 || a.len() > 64 {
        return usize::MAX;
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (diagonal + usize::from(x != *y))
                .min(above + 1)
                .min(row[j] + 1);
            diagonal = above;
        }
    }
    row[b.len()]
}
