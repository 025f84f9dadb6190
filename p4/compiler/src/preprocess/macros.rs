//! Macros: their definitions, and how they expand.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::scan::{Kind, Scanner};
use crate::source::{FileId, FileSpan};

/// A token on its way through macro expansion.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) text: Arc<str>,
    /// Whether there is space before it.
    pub(super) space: bool,
    /// Whether it stands where two texts meet, so that it must not grow together with what is
    /// before it.
    pub(super) seam: bool,
    /// A name of a macro that must not expand any more, for it came out of that macro.
    pub(super) painted: bool,
    /// Where it stands in a file.
    pub(super) spelling: Option<FileSpan>,
}

/// The tokens of a text that is in no file.
#[cfg(test)]
pub(super) fn tokens_of(text: &str) -> Vec<Token> {
    scan_tokens(&mut Scanner::new(text), None, text.len())
}

/// The tokens up to the end of the line (or `limit`).
pub(super) fn scan_tokens(
    scanner: &mut Scanner<'_>,
    file: Option<FileId>,
    limit: usize,
) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut space = false;
    while scanner.position() < limit {
        let Some(piece) = scanner.next_piece() else {
            break;
        };
        match piece.kind {
            Kind::Newline => {
                scanner.seek(piece.start);
                break;
            }
            Kind::Space => space = true,
            kind => {
                let text = scanner.text()[piece.start..piece.end].into();
                let spelling = file.map(|file| FileSpan {
                    file,
                    start: piece.start as u32,
                    end: piece.end as u32,
                });
                tokens.push(Token {
                    kind,
                    text,
                    space,
                    seam: false,
                    painted: false,
                    spelling,
                });
                space = false;
            }
        }
    }
    tokens
}

/// A macro.
#[derive(Debug, Clone)]
pub(super) struct Macro {
    /// The names of the parameters of a function-like macro.
    params: Option<Vec<Arc<str>>>,
    /// Whether the last parameter takes all further arguments.
    variadic: bool,
    body: Vec<Token>,
    /// Where the name stands in the definition.
    pub(super) definition: FileSpan,
}

impl Macro {
    /// Reads a definition from the text behind `#define`.
    pub(super) fn parse(tokens: &[Token]) -> Result<(Arc<str>, Macro), String> {
        let Some((name, mut rest)) = tokens.split_first().filter(|(t, _)| t.kind == Kind::Ident)
        else {
            return Err("`#define` needs the name of a macro".to_owned());
        };
        if &*name.text == "defined" {
            return Err("`defined` cannot be the name of a macro".to_owned());
        }
        let Some(definition) = name.spelling else {
            return Err("`#define` stands in no file".to_owned());
        };
        let mut params = None;
        let mut variadic = false;
        if let Some(open) = rest.first()
            && &*open.text == "("
            && !open.space
        {
            let Some(close) = rest.iter().position(|t| &*t.text == ")") else {
                return Err("`)` is missing after the parameters of the macro".to_owned());
            };
            let (list, is_variadic) = Self::parse_params(&rest[1..close])?;
            (params, variadic, rest) = (Some(list), is_variadic, &rest[close + 1..]);
        }
        let mut body = rest.to_vec();
        if let Some(first) = body.first_mut() {
            first.space = false;
        }
        let joins = |token: Option<&Token>, next: Option<&Token>| {
            token.is_some_and(|t| &*t.text == "#")
                && next.is_some_and(|t| &*t.text == "#" && !t.space)
        };
        let last = body.len().saturating_sub(2);
        if joins(body.first(), body.get(1))
            || (body.len() > 1 && joins(body.get(last), body.get(last + 1)))
        {
            return Err("`##` cannot stand at an end of a macro".to_owned());
        }
        Ok((
            name.text.clone(),
            Macro {
                params,
                variadic,
                body,
                definition,
            },
        ))
    }

    fn parse_params(tokens: &[Token]) -> Result<(Vec<Arc<str>>, bool), String> {
        let mut params: Vec<Arc<str>> = Vec::new();
        let mut variadic = false;
        if tokens.is_empty() {
            return Ok((params, false));
        }
        for part in tokens.split(|t| &*t.text == ",") {
            let texts: Vec<&str> = part.iter().map(|t| &*t.text).collect();
            let name: Arc<str> = match (texts.as_slice(), part.first().map(|t| t.kind)) {
                ([".", ".", "."], _) => {
                    variadic = true;
                    "__VA_ARGS__".into()
                }
                ([name], Some(Kind::Ident)) if !variadic => (*name).into(),
                _ => {
                    return Err(
                        "the parameters of a macro are names with commas between".to_owned()
                    );
                }
            };
            if params.contains(&name) {
                return Err(format!("the macro has two parameters named `{name}`"));
            }
            params.push(name);
        }
        Ok((params, variadic))
    }

    /// Whether both expand in the same way.
    pub(super) fn same_as(&self, other: &Macro) -> bool {
        let texts = |m: &Macro| {
            m.body
                .iter()
                .map(|t| (t.text.clone(), t.space))
                .collect::<Vec<_>>()
        };
        self.params == other.params && texts(self) == texts(other)
    }
}

/// What is still to be looked at: tokens, and the ends of what macros expanded to.
enum Item {
    Token(Token),
    End(Arc<str>),
}

/// All macros, and what expansion may still cost.
#[derive(Debug)]
pub(super) struct Macros {
    table: HashMap<Arc<str>, Macro>,
    /// So many tokens may still come out of macros.
    budget: usize,
}

/// Why an expansion failed.
pub(super) type Error = String;

/// Macro arguments in macro arguments, so many deep at most.
const DEPTH_LIMIT: usize = 100;

impl Macros {
    pub(super) fn new() -> Self {
        Self {
            table: HashMap::new(),
            budget: 1_000_000,
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Macro> {
        self.table.get(name)
    }

    /// Whether `#ifdef` sees a macro of that name.
    pub(super) fn is_defined(&self, name: &str) -> bool {
        self.table.contains_key(name) || name == "__FILE__" || name == "__LINE__"
    }

    pub(super) fn define(&mut self, name: Arc<str>, definition: Macro) {
        self.table.insert(name, definition);
    }

    pub(super) fn undefine(&mut self, name: &str) {
        self.table.remove(name);
    }

    /// Expands all macros in the tokens of one line.
    pub(super) fn expand(&mut self, tokens: Vec<Token>) -> Result<Vec<Token>, Error> {
        self.run(tokens, None, &[], 0)
    }

    /// Expands the macro whose name is `first`; the arguments stand in `scanner`.
    pub(super) fn expand_use(
        &mut self,
        first: Token,
        scanner: &mut Scanner<'_>,
        file: FileId,
    ) -> Result<Vec<Token>, Error> {
        self.run(vec![first], Some((scanner, file)), &[], 0)
    }

    fn spend(&mut self, tokens: usize) -> Result<(), Error> {
        match self.budget.checked_sub(tokens) {
            Some(left) => {
                self.budget = left;
                Ok(())
            }
            None => Err("the macros of this program expand to far too much text".to_owned()),
        }
    }

    fn run(
        &mut self,
        tokens: Vec<Token>,
        mut source: Option<(&mut Scanner<'_>, FileId)>,
        outer: &[Arc<str>],
        depth: usize,
    ) -> Result<Vec<Token>, Error> {
        if depth > DEPTH_LIMIT {
            return Err("macro arguments are nested too deep".to_owned());
        }
        let mut active = outer.to_vec();
        let mut queue: VecDeque<Item> = tokens.into_iter().map(Item::Token).collect();
        let mut out: Vec<Token> = Vec::new();
        let mut seam = false;
        while let Some(item) = queue.pop_front() {
            let mut token = match item {
                Item::Token(token) => token,
                Item::End(name) => {
                    active.retain(|known| *known != name);
                    seam = true;
                    continue;
                }
            };
            token.seam |= std::mem::take(&mut seam);
            self.spend(1)?;
            let name = token.text.clone();
            let definition = match self.table.get(&name) {
                Some(definition) if token.kind == Kind::Ident && !token.painted => definition,
                _ => {
                    out.push(token);
                    continue;
                }
            };
            if active.contains(&name) {
                token.painted = true;
                out.push(token);
                continue;
            }
            let definition = definition.clone();
            let body = match &definition.params {
                None => definition.body.clone(),
                Some(params) => {
                    if !next_is_open(&queue, source.as_mut().map(|(scanner, _)| &mut **scanner)) {
                        out.push(token);
                        continue;
                    }
                    let args = collect(&mut queue, &mut source, &mut active, &name)?;
                    let args = match_args(args, params, definition.variadic, &name)?;
                    self.substitute(&definition, params, &args, &active, depth)?
                }
            };
            active.push(name.clone());
            queue.push_front(Item::End(name));
            for (index, mut replacement) in body.into_iter().enumerate().rev() {
                if index == 0 {
                    replacement.space = token.space;
                    replacement.seam = true;
                }
                queue.push_front(Item::Token(replacement));
            }
        }
        Ok(out)
    }

    /// The body of a function-like macro with the arguments in place of the parameters.
    fn substitute(
        &mut self,
        definition: &Macro,
        params: &[Arc<str>],
        args: &[Vec<Token>],
        active: &[Arc<str>],
        depth: usize,
    ) -> Result<Vec<Token>, Error> {
        let body = &definition.body;
        let param = |token: &Token| {
            params
                .iter()
                .position(|p| token.kind == Kind::Ident && *p == token.text)
        };
        let is_paste = |at: usize| {
            matches!((body.get(at), body.get(at + 1)), (Some(a), Some(b))
                if &*a.text == "#" && &*b.text == "#" && !b.space)
        };
        let mut expanded: Vec<Option<Vec<Token>>> = vec![None; args.len()];
        let mut out: Vec<Token> = Vec::new();
        let mut at = 0;
        let mut seam = false;
        while let Some(token) = body.get(at) {
            if is_paste(at) {
                at += 2;
                let right = match body.get(at).map(|t| (t, param(t))) {
                    Some((_, Some(index))) => args[index].clone(),
                    Some((token, None)) => vec![token.clone()],
                    None => Vec::new(),
                };
                at += 1;
                self.spend(right.len())?;
                paste(&mut out, right)?;
                continue;
            }
            if &*token.text == "#"
                && let Some(index) = body.get(at + 1).and_then(&param)
            {
                self.spend(args[index].len())?;
                let mut text = stringize(&args[index], token);
                text.space = token.space;
                out.push(text);
                at += 2;
                continue;
            }
            let Some(index) = param(token) else {
                let mut token = token.clone();
                token.seam = std::mem::take(&mut seam);
                out.push(token);
                at += 1;
                continue;
            };
            // An argument next to `##` is not expanded.
            let mut replacement = if is_paste(at + 1) {
                args[index].clone()
            } else if let Some(done) = &expanded[index] {
                done.clone()
            } else {
                let done = self.run(args[index].clone(), None, active, depth + 1)?;
                expanded[index] = Some(done.clone());
                done
            };
            if let Some(first) = replacement.first_mut() {
                first.space = token.space;
                first.seam = true;
            }
            self.spend(replacement.len())?;
            out.append(&mut replacement);
            seam = true;
            at += 1;
        }
        Ok(out)
    }
}

/// Whether what comes next is an opening parenthesis.
fn next_is_open(queue: &VecDeque<Item>, scanner: Option<&mut Scanner<'_>>) -> bool {
    for item in queue {
        if let Item::Token(token) = item {
            return &*token.text == "(";
        }
    }
    let Some(scanner) = scanner else { return false };
    let position = scanner.position();
    let mut open = false;
    while let Some(piece) = scanner.next_piece() {
        if !matches!(piece.kind, Kind::Space | Kind::Newline) {
            open = &scanner.text()[piece.start..piece.end] == "(";
            break;
        }
    }
    scanner.seek(position);
    open
}

/// The arguments of a use of a function-like macro, from the opening parenthesis on.
fn collect(
    queue: &mut VecDeque<Item>,
    source: &mut Option<(&mut Scanner<'_>, FileId)>,
    active: &mut Vec<Arc<str>>,
    name: &str,
) -> Result<Vec<Vec<Token>>, Error> {
    let mut args = vec![Vec::new()];
    let mut depth = 0usize;
    let mut space = false;
    loop {
        let token = match queue.pop_front() {
            Some(Item::End(done)) => {
                active.retain(|known| *known != done);
                continue;
            }
            Some(Item::Token(token)) => token,
            None => {
                let piece = source.as_mut().and_then(|(scanner, file)| {
                    let piece = scanner.next_piece()?;
                    let text = &scanner.text()[piece.start..piece.end];
                    let (start, end) = (piece.start as u32, piece.end as u32);
                    Some((
                        piece.kind,
                        text,
                        FileSpan {
                            file: *file,
                            start,
                            end,
                        },
                    ))
                });
                let Some((kind, text, spelling)) = piece else {
                    return Err(format!(
                        "the arguments of macro `{name}` have no closing `)`"
                    ));
                };
                if matches!(kind, Kind::Space | Kind::Newline) {
                    space = true;
                    continue;
                }
                let (text, spelling) = (text.into(), Some(spelling));
                let space = std::mem::take(&mut space);
                Token {
                    kind,
                    text,
                    space,
                    seam: false,
                    painted: false,
                    spelling,
                }
            }
        };
        match &*token.text {
            "(" => {
                depth += 1;
                if depth == 1 {
                    continue;
                }
            }
            ")" => {
                depth -= 1;
                if depth == 0 {
                    return Ok(args);
                }
            }
            "," if depth == 1 => {
                args.push(Vec::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = args.last_mut() {
            last.push(token);
        }
    }
}

/// One argument for each parameter.
fn match_args(
    mut args: Vec<Vec<Token>>,
    params: &[Arc<str>],
    variadic: bool,
    name: &str,
) -> Result<Vec<Vec<Token>>, Error> {
    if params.is_empty() && args.iter().all(Vec::is_empty) && args.len() == 1 {
        return Ok(Vec::new());
    }
    if variadic {
        if args.len() + 1 == params.len() {
            args.push(Vec::new());
        }
        while args.len() > params.len() {
            let extra = args.remove(params.len());
            let last = &mut args[params.len() - 1];
            let comma = Token {
                kind: Kind::Symbol,
                text: ",".into(),
                space: false,
                seam: false,
                painted: false,
                spelling: None,
            };
            last.push(comma);
            last.extend(extra);
        }
    }
    if args.len() != params.len() {
        let plural = if params.len() == 1 { "" } else { "s" };
        let (wanted, got) = (params.len(), args.len());
        return Err(format!(
            "macro `{name}` takes {wanted} argument{plural}, not {got}"
        ));
    }
    Ok(args)
}

/// The string literal of an argument (`#x`).
fn stringize(arg: &[Token], operator: &Token) -> Token {
    let mut text = String::from("\"");
    for (index, token) in arg.iter().enumerate() {
        if index > 0 && token.space {
            text.push(' ');
        }
        if token.kind == Kind::String {
            text.push_str(&token.text.replace('\\', "\\\\").replace('"', "\\\""));
        } else {
            text.push_str(&token.text);
        }
    }
    text.push('"');
    Token {
        kind: Kind::String,
        text: text.into(),
        painted: false,
        ..operator.clone()
    }
}

/// Puts the last token of `left` and the first of `right` together (`a ## b`).
fn paste(left: &mut Vec<Token>, mut right: Vec<Token>) -> Result<(), Error> {
    if right.is_empty() {
        return Ok(());
    }
    let first = right.remove(0);
    match left.pop() {
        None => left.push(first),
        Some(last) => {
            let text = format!("{}{}", last.text, first.text);
            let mut scanner = Scanner::new(&text);
            let whole = scanner.next_piece().filter(|piece| piece.end == text.len());
            let kind = match whole.map(|piece| piece.kind) {
                Some(kind @ (Kind::Ident | Kind::Number | Kind::String)) => kind,
                _ if last.kind == Kind::Symbol && first.kind == Kind::Symbol => Kind::Symbol,
                _ => {
                    let (a, b) = (&last.text, &first.text);
                    return Err(format!("`##` cannot make one token of `{a}` and `{b}`"));
                }
            };
            left.push(Token {
                kind,
                text: text.into(),
                painted: false,
                ..last
            });
        }
    }
    left.append(&mut right);
    Ok(())
}
