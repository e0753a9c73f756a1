//! The `cel` crate's parser, its syntax tree with places in the text, and its complaints in plain words.

use cel::IdedExpr;
use cel::common::ast::{Expr, LiteralValue, SourceInfo, operators};
use cel::parser::{ParseErrors, Parser};

use crate::bounds::DEPTH_MAX;
use crate::error::{FilterError, FilterErrorKind};
use crate::position::Position;

/// A parsed text.
pub(crate) struct Source<'a> {
    text: &'a str,
    pub(crate) root: IdedExpr,
    info: SourceInfo,
}

/// Parses what [`admit`](crate::bounds::admit) has let through.
pub(crate) fn parse(text: &str) -> Result<Source<'_>, FilterError> {
    let depth_max = u16::try_from(DEPTH_MAX).unwrap_or(u16::MAX);
    match Parser::new().max_recursion_depth(depth_max).parse_with_source_info(text) {
        Ok((root, info)) => Ok(Source { text, root, info }),
        Err(errors) => Err(complaint(text, &errors)),
    }
}

impl<'a> Source<'a> {
    /// An error at the beginning of an expression.
    pub(crate) fn error_at(&self, expression: &IdedExpr, kind: FilterErrorKind) -> FilterError {
        FilterError::new(Position::of_byte(self.text, self.start(expression)), kind)
    }

    /// An error at a byte of the text.
    pub(crate) fn error_at_byte(&self, byte: usize, kind: FilterErrorKind) -> FilterError {
        FilterError::new(Position::of_byte(self.text, byte), kind)
    }

    /// The byte at which an expression begins, parentheses around it aside.
    pub(crate) fn start(&self, expression: &IdedExpr) -> usize {
        let own = self.own(expression);
        match &expression.expr {
            Expr::Select(select) if !select.test => self.start(&select.operand),
            Expr::Select(_) => self.word_before(own).0,
            Expr::Call(call) => match (&call.target, call.func_name.as_str(), call.args.first()) {
                (Some(target), _, _) => self.start(target),
                (None, operators::LOGICAL_NOT | operators::NEGATE, _) => own,
                (None, name, Some(first)) if is_operator(name) => self.start(first),
                _ => self.word_before(own).0,
            },
            Expr::Literal(LiteralValue::Int(number)) if *number.inner() < 0 => {
                // The parser notes the place of the digits, and the sign before them is a token of its own.
                self.text[..own].rfind('-').unwrap_or(own)
            }
            _ => own,
        }
    }

    /// The byte at which the function's name of a method call begins.
    pub(crate) fn method_name_start(&self, call: &IdedExpr) -> usize {
        self.word_before(self.own(call)).0
    }

    /// The function's name that stands before an opening parenthesis.
    pub(crate) fn called_name(&self, call: &IdedExpr) -> &'a str {
        self.word_before(self.own(call)).1
    }

    /// The byte at which the last name of `a.b.c` begins.
    pub(crate) fn selected_name_start(&self, select: &IdedExpr) -> usize {
        let dot = self.own(select);
        let after = self.text.get(dot + 1..).unwrap_or_default();
        dot + 1 + (after.len() - after.trim_start().len())
    }

    /// The byte at which a name next occurs from a byte on; that byte where it does not.
    pub(crate) fn place_of(&self, name: &str, from: usize) -> usize {
        self.text.get(from..).and_then(|rest| rest.find(name)).map_or(from, |found| from + found)
    }

    /// The byte that the parser notes for an expression: of an operator itself, of a call its opening parenthesis.
    fn own(&self, expression: &IdedExpr) -> usize {
        let noted = self.info.offset_for(expression.id).map_or(0, |(start, _)| start as usize);
        if self.text.is_char_boundary(noted) { noted } else { 0 }
    }

    fn word_before(&self, parenthesis: usize) -> (usize, &'a str) {
        let before = self.text[..parenthesis].trim_end();
        let word = before.trim_end_matches(|letter: char| letter.is_ascii_alphanumeric() || letter == '_');
        if word.len() == before.len() { (parenthesis, "") } else { (word.len(), &before[word.len()..]) }
    }
}

fn is_operator(function: &str) -> bool {
    function.starts_with('_') || function == operators::IN
}

/// The first complaint of the parser. Later ones are mostly its attempts to make sense of what follows.
fn complaint(text: &str, errors: &ParseErrors) -> FilterError {
    let (position, said) = match errors.errors.first() {
        Some(error) => match (usize::try_from(error.pos.0), usize::try_from(error.pos.1)) {
            (Ok(line @ 1..), Ok(column @ 1..)) => (Position::of(text, line, column), error.msg.as_str()),
            _ => (Position::of(text, 1, 1), error.msg.as_str()),
        },
        None => (Position::of(text, 1, 1), ""),
    };
    FilterError::new(position, FilterErrorKind::Syntax { message: in_plain_words(said) })
}

/// The parser generator's phrases name its tokens and rules; people need to know what is in the way.
fn in_plain_words(said: &str) -> String {
    let said = said.strip_prefix("Syntax error: ").unwrap_or(said);
    if let Some(unknown) = said.strip_prefix("token recognition error at: '") {
        let unknown = unknown.strip_suffix('\'').unwrap_or(unknown).trim_end();
        return format!("`{}` is not part of a filter{}", unknown.escape_debug(), meant(unknown));
    }
    if let Some((missing, _)) = said.strip_prefix("missing ").and_then(|rest| rest.split_once(" at ")) {
        return format!("`{}` is missing here", missing.trim_matches('\''));
    }
    for phrase in ["extraneous input ", "mismatched input "] {
        if let Some(rest) = said.strip_prefix(phrase) {
            let found = rest.split(" expecting ").next().unwrap_or(rest).trim_matches('\'');
            return match found {
                "<EOF>" => ENDS_TOO_EARLY.to_owned(),
                _ => format!("`{found}` is not expected here{}", meant(found)),
            };
        }
    }
    if said.starts_with("no viable alternative") {
        return if said.contains("<EOF>") { ENDS_TOO_EARLY } else { "this cannot be read" }.to_owned();
    }
    match said {
        "invalid int literal" => "this number is beyond 64 bits".to_owned(),
        "invalid argument to has() macro" => "has() takes one field below a group, as in has(group.field)".to_owned(),
        "unsupported syntax: '`'" => "filters have no names in backquotes".to_owned(),
        _ => match said.strip_prefix("reserved identifier: ") {
            Some(word) => format!("`{word}` is a reserved word"),
            None => said.to_owned(),
        },
    }
}

const ENDS_TOO_EARLY: &str = "the filter ends too early";

/// What people write who think of another language.
fn meant(found: &str) -> &'static str {
    match found {
        "and" | "AND" | "&" => "; \"and\" is written `&&`",
        "or" | "OR" | "|" => "; \"or\" is written `||`",
        "not" | "NOT" => "; \"not\" is written `!`",
        "=" => "; \"equals\" is written `==`",
        _ => "",
    }
}
