//! Classes of warnings, and what is done with each.

use std::fmt;
use std::str::FromStr;

/// What a warning is about. The names are those of p4c, so that its flags (`--Wdisable=unused`)
/// and its annotation (`@noWarn("unused")`) mean the same here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WarningClass {
    /// `unused`: a declaration that nothing uses.
    Unused,
    /// `uninitialized-use`: a value that is read, and maybe never written before.
    UninitializedUse,
    /// `uninitialized-out-param`: an `out` parameter that is maybe never written.
    UninitializedOutParam,
    /// `invalid-header`: a field of a header that is invalid.
    InvalidHeader,
    /// `unreachable`: a parser state that no transition leads to.
    Unreachable,
    /// `parser-transition`: a case of a `select` that is never taken.
    ParserTransition,
    /// `keys`: an entry of a table that no packet hits.
    Keys,
    /// `mismatch`: a number that does not fit into its type.
    Mismatch,
    /// `ignore-prop`: a table property without effect.
    IgnoreProperty,
    /// `invalid`: something that has no use as it is written, such as an empty range.
    Invalid,
    /// `unsupported`: something that only a part of the output shows.
    Unsupported,
}

impl WarningClass {
    /// All classes.
    pub const ALL: [WarningClass; 11] = [
        WarningClass::Unused,
        WarningClass::UninitializedUse,
        WarningClass::UninitializedOutParam,
        WarningClass::InvalidHeader,
        WarningClass::Unreachable,
        WarningClass::ParserTransition,
        WarningClass::Keys,
        WarningClass::Mismatch,
        WarningClass::IgnoreProperty,
        WarningClass::Invalid,
        WarningClass::Unsupported,
    ];

    /// The name on the command line and in `@noWarn`.
    pub fn name(self) -> &'static str {
        match self {
            WarningClass::Unused => "unused",
            WarningClass::UninitializedUse => "uninitialized-use",
            WarningClass::UninitializedOutParam => "uninitialized-out-param",
            WarningClass::InvalidHeader => "invalid-header",
            WarningClass::Unreachable => "unreachable",
            WarningClass::ParserTransition => "parser-transition",
            WarningClass::Keys => "keys",
            WarningClass::Mismatch => "mismatch",
            WarningClass::IgnoreProperty => "ignore-prop",
            WarningClass::Invalid => "invalid",
            WarningClass::Unsupported => "unsupported",
        }
    }
}

impl fmt::Display for WarningClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no class of warnings has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no class of warnings `{name}`; there are {}", names())]
pub struct UnknownWarningClass {
    /// The name.
    pub name: String,
}

fn names() -> String {
    WarningClass::ALL.map(WarningClass::name).join(", ")
}

impl FromStr for WarningClass {
    type Err = UnknownWarningClass;

    /// p4c has had both `-` and `_` in its names.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let wanted = name.replace('_', "-");
        let class = Self::ALL.into_iter().find(|class| class.name() == wanted);
        class.ok_or_else(|| UnknownWarningClass {
            name: name.to_owned(),
        })
    }
}

/// What is done with a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WarningAction {
    /// It is not shown (`--Wdisable`).
    Ignore,
    /// It is shown (`--Wwarn`); so is what no rule speaks of.
    Warn,
    /// It is an error (`--Werror`).
    Error,
}

/// What is done with the warnings of a class, or with all. Of several rules the last one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WarningRule {
    /// The class; `None` for all warnings.
    pub class: Option<WarningClass>,
    /// What is done.
    pub action: WarningAction,
}

impl WarningRule {
    /// What the rules do with a warning of a class.
    pub(crate) fn action(rules: &[WarningRule], class: Option<WarningClass>) -> WarningAction {
        let last = rules
            .iter()
            .rev()
            .find(|rule| rule.class.is_none() || rule.class == class);
        last.map_or(WarningAction::Warn, |rule| rule.action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_is_found_by_its_name() {
        for class in WarningClass::ALL {
            assert_eq!(class.name().parse(), Ok(class));
        }
        assert_eq!(
            "uninitialized_use".parse(),
            Ok(WarningClass::UninitializedUse)
        );
        let error = "unsed".parse::<WarningClass>().unwrap_err();
        assert!(error.to_string().contains("unused, uninitialized-use"));
    }

    #[test]
    fn the_last_rule_counts() {
        let rule = |class, action| WarningRule { class, action };
        let rules = [
            rule(None, WarningAction::Error),
            rule(Some(WarningClass::Unused), WarningAction::Ignore),
        ];
        let action = |class| WarningRule::action(&rules, class);
        assert_eq!(action(Some(WarningClass::Unused)), WarningAction::Ignore);
        assert_eq!(action(Some(WarningClass::Keys)), WarningAction::Error);
        assert_eq!(action(None), WarningAction::Error);
        assert_eq!(WarningRule::action(&[], None), WarningAction::Warn);
    }
}
