//! What core.p4 says of `packet_in` and `packet_out` in words only (specification, sections 13.8
//! and 16).

use super::Checker;
use crate::hir::{Arg, Call, Callee, Type, TypeId};

impl Checker<'_> {
    /// Whether the types fit a call of a method of a packet; what does not fit is reported.
    pub(super) fn packet_call_fits(&mut self, call: &Call) -> bool {
        let Callee::ExternMethod {
            extern_object,
            method,
            ..
        } = call.callee
        else {
            return true;
        };
        let object = &self.program[extern_object];
        let Some(&ty) = call.type_args.first() else {
            return true;
        };
        let problem = match (&*object.name, &*object.methods[method].name) {
            ("packet_in", "extract") => self.extract_problem(ty, call.args.len()),
            ("packet_in", "lookahead") => self.lookahead_problem(ty),
            ("packet_out", "emit") if !self.can_be_emitted(ty) => {
                Some("headers are emitted, and what is made of headers".to_owned())
            }
            _ => None,
        };
        let Some(problem) = problem else {
            return true;
        };
        let argument = call.args.first().and_then(Arg::expr);
        let span = argument.map_or(call.span, |argument| argument.span);
        let message = format!("{problem}, but this is {}", self.show(ty));
        self.error(span, message);
        false
    }

    fn extract_problem(&self, ty: TypeId, args: usize) -> Option<String> {
        let Type::Header(_) = self.ty(ty) else {
            return Some("`extract` fills a header".to_owned());
        };
        match (args, self.varbits(ty)) {
            (1, 0) | (2, 1) => None,
            (1, _) => Some(
                "`extract` without a size is for headers that have no `varbit` field".to_owned(),
            ),
            _ => Some("`extract` with a size is for headers with one `varbit` field".to_owned()),
        }
    }

    fn lookahead_problem(&self, ty: TypeId) -> Option<String> {
        let fixed = self.varbits(ty) == 0 && self.program.width(ty).is_some();
        (!fixed).then(|| "`lookahead` reads types of a fixed size".to_owned())
    }

    /// How many `varbit` fields the type has in all.
    fn varbits(&self, ty: TypeId) -> usize {
        match self.ty(ty) {
            Type::Varbit(_) => 1,
            _ => {
                let members = self.members(ty).unwrap_or_default();
                members.into_iter().map(|member| self.varbits(member)).sum()
            }
        }
    }

    fn can_be_emitted(&self, ty: TypeId) -> bool {
        match self.ty(ty) {
            Type::Header(_) | Type::Stack { .. } | Type::Unknown => true,
            Type::Struct(_) | Type::Tuple(_) => {
                let members = self.members(ty).unwrap_or_default();
                members
                    .into_iter()
                    .all(|member| self.can_be_emitted(member))
            }
            _ => false,
        }
    }
}
