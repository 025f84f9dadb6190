//! The expressions of `#if` and `#elif`.

use super::macros::Token;
use super::scan::Kind;

/// Nesting of parentheses and operators in one expression goes at most so deep.
const DEPTH_LIMIT: usize = 200;

/// Evaluates the expression; macros are already expanded, `defined` already replaced.
pub(super) fn evaluate(tokens: &[Token]) -> Result<bool, String> {
    let mut parser = Parser {
        tokens: &symbols(tokens),
        position: 0,
        depth: 0,
    };
    if parser.tokens.is_empty() {
        return Err("the condition is missing".to_owned());
    }
    let value = parser.conditional(true)?;
    match parser.tokens.get(parser.position) {
        Some(token) => Err(format!("`{token}` is not expected in the condition")),
        None => Ok(value != 0),
    }
}

/// The texts of the tokens, with operators of two characters put together.
fn symbols(tokens: &[Token]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut previous_is_symbol = false;
    for token in tokens {
        let is_symbol = token.kind == Kind::Symbol;
        if is_symbol
            && previous_is_symbol
            && !token.space
            && let Some(last) = out.last_mut()
        {
            let pair = format!("{last}{}", token.text);
            let known = ["&&", "||", "==", "!=", "<=", ">=", "<<", ">>"];
            if known.contains(&pair.as_str()) {
                *last = pair;
                continue;
            }
        }
        previous_is_symbol = is_symbol;
        out.push(token.text.to_string());
    }
    out
}

struct Parser<'a> {
    tokens: &'a [String],
    position: usize,
    depth: usize,
}

/// The binary operators by how tightly they bind, loosest first.
const LEVELS: [&[&str]; 10] = [
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<", ">", "<=", ">="],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

impl Parser<'_> {
    fn peek(&self) -> Option<&str> {
        self.tokens.get(self.position).map(String::as_str)
    }

    fn accept(&mut self, text: &str) -> bool {
        let found = self.peek() == Some(text);
        self.position += usize::from(found);
        found
    }

    /// `live` says whether the value counts: a part that does not, as the right side of
    /// `0 && ...`, may divide by zero.
    fn conditional(&mut self, live: bool) -> Result<i64, String> {
        self.depth += 1;
        if self.depth > DEPTH_LIMIT {
            return Err("the condition is nested too deep".to_owned());
        }
        let condition = self.binary(0, live)?;
        let value = if self.accept("?") {
            let then = self.conditional(live && condition != 0)?;
            if !self.accept(":") {
                return Err("`?` without `:` in the condition".to_owned());
            }
            let otherwise = self.conditional(live && condition == 0)?;
            if condition != 0 { then } else { otherwise }
        } else {
            condition
        };
        self.depth -= 1;
        Ok(value)
    }

    fn binary(&mut self, level: usize, live: bool) -> Result<i64, String> {
        let Some(operators) = LEVELS.get(level) else {
            return self.unary(live);
        };
        let mut left = self.binary(level + 1, live)?;
        while let Some(op) = self
            .peek()
            .and_then(|t| operators.iter().find(|op| **op == t))
        {
            self.position += 1;
            let right_live = live
                && match *op {
                    "||" => left == 0,
                    "&&" => left != 0,
                    _ => true,
                };
            let right = self.binary(level + 1, right_live)?;
            left = apply(op, left, right, right_live)?;
        }
        Ok(left)
    }

    fn unary(&mut self, live: bool) -> Result<i64, String> {
        self.depth += 1;
        if self.depth > DEPTH_LIMIT {
            return Err("the condition is nested too deep".to_owned());
        }
        let value = if self.accept("!") {
            i64::from(self.unary(live)? == 0)
        } else if self.accept("-") {
            self.unary(live)?.wrapping_neg()
        } else if self.accept("+") {
            self.unary(live)?
        } else if self.accept("~") {
            !self.unary(live)?
        } else if self.accept("(") {
            let value = self.conditional(live)?;
            if !self.accept(")") {
                return Err("`)` is missing in the condition".to_owned());
            }
            value
        } else {
            self.primary()?
        };
        self.depth -= 1;
        Ok(value)
    }

    fn primary(&mut self) -> Result<i64, String> {
        let Some(text) = self.peek() else {
            return Err("the condition ends too early".to_owned());
        };
        let value = match text.bytes().next() {
            Some(b'0'..=b'9') => number(text)?,
            // A name that is no macro is 0.
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$') => i64::from(text == "true"),
            _ => return Err(format!("`{text}` is not expected in the condition")),
        };
        self.position += 1;
        Ok(value)
    }
}

fn apply(op: &str, left: i64, right: i64, live: bool) -> Result<i64, String> {
    let shift = |right: i64| u32::try_from(right).ok().filter(|bits| *bits < 64);
    Ok(match op {
        "||" => i64::from(left != 0 || right != 0),
        "&&" => i64::from(left != 0 && right != 0),
        "|" => left | right,
        "^" => left ^ right,
        "&" => left & right,
        "==" => i64::from(left == right),
        "!=" => i64::from(left != right),
        "<" => i64::from(left < right),
        ">" => i64::from(left > right),
        "<=" => i64::from(left <= right),
        ">=" => i64::from(left >= right),
        "<<" => shift(right).map_or(0, |bits| left << bits),
        ">>" => left >> shift(right).unwrap_or(63),
        "+" => left.wrapping_add(right),
        "-" => left.wrapping_sub(right),
        "*" => left.wrapping_mul(right),
        _ if right == 0 && live => return Err("division by zero in the condition".to_owned()),
        _ if right == 0 => 0,
        "/" => left.wrapping_div(right),
        _ => left.wrapping_rem(right),
    })
}

fn number(text: &str) -> Result<i64, String> {
    let lower = text.to_ascii_lowercase();
    let (digits, radix) = match lower.as_str() {
        t if t.starts_with("0x") => (&t[2..], 16),
        t if t.starts_with("0b") => (&t[2..], 2),
        t if t.starts_with('0') && t.len() > 1 => (&t[1..], 8),
        t => (t, 10),
    };
    let digits = if digits.len() > 1 || radix != 8 {
        digits.trim_end_matches(['u', 'l'])
    } else {
        digits
    };
    i64::from_str_radix(digits, radix)
        .map_err(|_| format!("`{text}` is not a number that a condition can hold"))
}

#[cfg(test)]
mod tests {
    use super::super::macros::tokens_of;
    use super::*;

    fn eval(text: &str) -> Result<bool, String> {
        evaluate(&tokens_of(text))
    }

    #[test]
    fn operators_bind_as_in_c() {
        assert_eq!(eval("1 + 2 * 3 == 7 && !(4 < 3)"), Ok(true));
        assert_eq!(eval("1 << 4 == 0x10 ? UNKNOWN : 1"), Ok(false));
        assert_eq!(eval("-1 < 0 || 1 / 0"), Ok(true));
        assert_eq!(eval("20200408 >= 20200408L"), Ok(true));
        assert_eq!(eval("010 == 8"), Ok(true));
    }

    #[test]
    fn bad_conditions_are_errors() {
        for text in [
            "",
            "1 +",
            "(1",
            "1 2",
            "1 / 0",
            "1 ? 2",
            "0xz",
            "\"a\"",
            "99999999999999999999",
        ] {
            assert!(eval(text).is_err(), "{text}");
        }
        assert!(eval(&"(".repeat(10_000)).is_err());
        assert!(eval(&"!".repeat(10_000)).is_err());
    }
}
