//! The bounds of a filter's text, checked before the parser sees it.
//!
//! The parser and the walks over its tree are recursive, and a stack that overflows takes the whole process with it, not
//! one request. The parser bounds nested parentheses, but not chains: `a.b.c…` and `1+1+1…` become trees as deep as they
//! are long. So this module walks over the text once, as the lexer would, and bounds [how deep](depth) its tree can be. To
//! know where text literals are it must agree with the lexer on them; a literal the lexer would refuse is refused here, since
//! the lexer goes on behind its quote as if the rest were code.

mod depth;

use depth::Level;

use crate::error::{FilterError, FilterErrorKind};
use crate::position::Position;

/// The longest text of a filter, in bytes: a list of 1,500 practice codes. More belongs into a selection by list.
pub const TEXT_BYTES_MAX: usize = 16 * 1024;

/// How deep a filter may be nested, in parentheses, lists, calls and chained operators: several times what people write,
/// and little enough for the recursive parser on a thread with a small stack.
pub const DEPTH_MAX: usize = 48;

/// How many operations a filter may ask of each row: a microsecond or two, so that a million rows stay within seconds.
pub const STEPS_MAX: usize = 1_000;

/// Lets through what the parser can take, and is worth taking.
pub(crate) fn admit(text: &str) -> Result<(), FilterError> {
    if text.len() > TEXT_BYTES_MAX {
        let kind = FilterErrorKind::TooLong { bytes: text.len() };
        return Err(FilterError::new(Position::of(text, 1, 1), kind));
    }
    if text.trim().is_empty() {
        let message = "the filter is empty; one that lets everything pass is `true`".to_owned();
        return Err(FilterError::new(Position::of(text, 1, 1), FilterErrorKind::Syntax { message }));
    }
    let mut walk = Walk { text, at: 0, levels: vec![Level::default()], after_operand: false };
    while let Some(letter) = walk.peek() {
        walk.step(letter)?;
    }
    Ok(())
}

/// A walk over the tokens.
struct Walk<'a> {
    text: &'a str,
    at: usize,
    /// The open brackets, outermost first.
    levels: Vec<Level>,
    /// Whether an operand has just ended, so that a bracket here calls or indexes it.
    after_operand: bool,
}

impl Walk<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn step(&mut self, letter: char) -> Result<(), FilterError> {
        match letter {
            '"' | '\'' => return self.text_literal(false),
            'a'..='z' | 'A'..='Z' | '_' => return self.word(),
            '/' if self.rest().starts_with("//") => {
                self.at += self.rest().find('\n').unwrap_or(self.rest().len());
                return Ok(());
            }
            '(' | '[' | '{' => self.open()?,
            ')' | ']' | '}' => self.close()?,
            '&' if self.rest().starts_with("&&") => {
                self.joined(Level::and)?;
                self.at += 1;
            }
            '|' if self.rest().starts_with("||") => {
                self.joined(Level::or)?;
                self.at += 1;
            }
            '=' if self.rest().starts_with("==") => {
                self.joined(Level::operator)?;
                self.at += 1;
            }
            ',' => self.joined(Level::comma)?,
            '.' => self.joined(Level::postfix)?,
            '+' | '-' | '*' | '/' | '%' | '<' | '>' | '!' => self.joined(Level::operator)?,
            '?' => {
                let kind = FilterErrorKind::Unsupported {
                    what: "`?`",
                    instead: "; join conditions with `&&` and `||`, and ask for presence with has()",
                };
                return Err(self.error(self.at, kind));
            }
            '0'..='9' => self.after_operand = true,
            _ => {}
        }
        self.at += letter.len_utf8();
        Ok(())
    }

    fn open(&mut self) -> Result<(), FilterError> {
        if self.after_operand {
            self.joined(Level::postfix)?;
        }
        self.levels.push(Level::default());
        self.bounded()
    }

    fn close(&mut self) -> Result<(), FilterError> {
        // A bracket that closes nothing is for the parser to complain about.
        if self.levels.len() > 1 {
            let closed = self.levels.pop().unwrap_or_default();
            if let Some(outer) = self.levels.last_mut() {
                outer.bracket(closed.depth());
            }
        }
        self.after_operand = true;
        self.bounded()
    }

    /// A token after which an operand begins, counted at the innermost level.
    fn joined(&mut self, count: impl FnOnce(&mut Level)) -> Result<(), FilterError> {
        self.after_operand = false;
        if let Some(level) = self.levels.last_mut() {
            count(level);
        }
        self.bounded()
    }

    fn bounded(&self) -> Result<(), FilterError> {
        let Some((inner, outer)) = self.levels.split_last() else { return Ok(()) };
        let depth = outer.iter().map(Level::above_bracket).sum::<usize>() + inner.depth();
        if depth > DEPTH_MAX { Err(self.error(self.at, FilterErrorKind::TooDeep)) } else { Ok(()) }
    }

    /// A name, a keyword, or the prefix of a text literal.
    fn word(&mut self) -> Result<(), FilterError> {
        let length = self.rest().bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        let word = &self.rest()[..length];
        let quoted = self.rest()[length..].starts_with(['"', '\'']);
        let (prefix, raw) = (matches!(word, "r" | "R" | "b" | "B"), matches!(word, "r" | "R"));
        let raw_bytes = matches!(word, "br" | "bR" | "Br" | "BR");
        let operator = word == "in";
        self.at += length;
        if quoted && (prefix || raw_bytes) {
            return self.text_literal(raw || raw_bytes);
        }
        self.after_operand = true;
        if operator { self.joined(Level::operator) } else { Ok(()) }
    }

    /// A text literal, from its opening quotes to behind its closing ones.
    fn text_literal(&mut self, raw: bool) -> Result<(), FilterError> {
        let start = self.at;
        let rest = self.rest();
        let quote = if rest.starts_with('"') { "\"" } else { "'" };
        let triple = if quote == "\"" { "\"\"\"" } else { "'''" };
        let (quotes, many_lines) = if rest.starts_with(triple) { (triple, true) } else { (quote, false) };
        self.at += quotes.len();
        loop {
            let Some(letter) = self.peek() else { return Err(self.unclosed(start)) };
            if self.rest().starts_with(quotes) {
                self.at += quotes.len();
                self.after_operand = true;
                return Ok(());
            }
            match letter {
                '\n' | '\r' if !many_lines => return Err(self.unclosed(start)),
                '\\' if !raw => self.escape()?,
                _ => self.at += letter.len_utf8(),
            }
        }
    }

    /// A backslash and what belongs to it.
    fn escape(&mut self) -> Result<(), FilterError> {
        let code = self.rest().as_bytes();
        let hexadecimal = |count: usize| {
            code.get(2..2 + count).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)).then_some(2 + count)
        };
        let length = match code.get(1) {
            Some(b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'"' | b'\'' | b'\\' | b'?' | b'`') => Some(2),
            Some(b'x' | b'X') => hexadecimal(2),
            Some(b'u') => hexadecimal(4),
            Some(b'U') => hexadecimal(8),
            Some(b'0'..=b'3') => code
                .get(2..4)
                .is_some_and(|digits| digits.iter().all(|digit| matches!(digit, b'0'..=b'7')))
                .then_some(4),
            _ => None,
        };
        match length {
            Some(length) => {
                self.at += length;
                Ok(())
            }
            None => {
                let message = "this is no escape; a backslash itself is written \\\\".to_owned();
                Err(self.error(self.at, FilterErrorKind::Syntax { message }))
            }
        }
    }

    fn unclosed(&self, start: usize) -> FilterError {
        let message = "the text that begins here has no closing quote".to_owned();
        self.error(start, FilterErrorKind::Syntax { message })
    }

    fn error(&self, byte: usize, kind: FilterErrorKind) -> FilterError {
        FilterError::new(Position::of_byte(self.text, byte), kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Option<(FilterErrorKind, usize)> {
        admit(text).err().map(|error| (error.kind().clone(), error.column()))
    }

    #[test]
    fn a_chain_of_names_or_of_operators_is_as_deep_as_it_is_long() {
        assert_eq!(refused(&format!("a{}", ".a".repeat(DEPTH_MAX))), None);
        assert_eq!(refused(&format!("a{}", ".a".repeat(DEPTH_MAX + 1))), Some((FilterErrorKind::TooDeep, 98)));
        assert!(refused(&format!("1{} == 1", "+1".repeat(DEPTH_MAX))).is_some());
        assert!(refused(&format!("{}1", "!".repeat(DEPTH_MAX + 1))).is_some());
    }

    #[test]
    fn depth_adds_up_over_parentheses_closed_and_open() {
        let half = ".a".repeat(DEPTH_MAX / 2);
        let less = ".a".repeat(DEPTH_MAX / 2 - 1);
        for (fits, too_deep) in [
            (format!("(a{half}){less}"), format!("(a{half}){half}")),
            (format!("-(a{less}){less}"), format!("--(a{less}){less}")),
            (format!("a{half} + (a{half}.a)"), format!("1{} + (a{half})", "+1".repeat(DEPTH_MAX / 2))),
            (format!("[1, a{half}, 2]{less}"), format!("[1, a{half}, 2]{half}")),
            (format!("{}1{}", "(".repeat(DEPTH_MAX), ")".repeat(DEPTH_MAX)), "(".repeat(DEPTH_MAX + 1)),
            (format!("a{}", "[0]".repeat(DEPTH_MAX - 1)), format!("a{}", "[0]".repeat(DEPTH_MAX + 1))),
            (format!("a{}", "()".repeat(DEPTH_MAX - 1)), format!("'a' {}", "()".repeat(DEPTH_MAX + 1))),
            (")".repeat(100), "[{(".repeat(DEPTH_MAX / 3 + 1)),
        ] {
            assert_eq!(refused(&fits), None, "{fits}");
            assert_eq!(refused(&too_deep).map(|(kind, _)| kind), Some(FilterErrorKind::TooDeep), "{too_deep}");
        }
    }

    #[test]
    fn many_conditions_and_long_lists_are_not_deep() {
        assert_eq!(refused(&vec!["a.b == 1"; 1_000].join(" && ")), None);
        assert_eq!(refused(&vec!["a.b == 1"; 1_000].join(" || ")), None);
        assert_eq!(refused(&format!("a.b in [{}]", vec!["-1"; 3_000].join(","))), None);
    }

    #[test]
    fn what_stands_in_literals_and_comments_is_not_counted() {
        let brackets = "(".repeat(DEPTH_MAX + 1);
        for text in [
            format!("a == \"{brackets}\""),
            format!("a == 'it\\'s {brackets}'"),
            format!("a == r'\\{brackets}'"),
            format!("a == \"\"\"{brackets}\n\" \"\" \\\" {brackets}\"\"\""),
            format!("a == br'''\\ {brackets}'''"),
            format!("a == 1 // {brackets}\n && b"),
        ] {
            assert_eq!(refused(&text), None, "{text}");
        }
        assert!(refused(&format!("// it's \n {brackets}")).is_some());
        assert!(refused(&format!("xr'\\\\' + {brackets}")).is_some(), "only r and b are prefixes of a literal");
    }

    #[test]
    fn a_literal_without_an_end_is_refused_where_it_begins() {
        for text in
            ["a == \"b", "a == 'b\"", "a == 'b\n'", "a == \"\"\"b\"\"", "a == '''b'", "a == r\"b\\", "a == 'b\\'"]
        {
            let (kind, column) = refused(text).unwrap();
            let begins = text.find(['"', '\'']).unwrap() + 1;
            assert!(kind.to_string().contains("no closing quote"), "{text}: {kind}");
            assert_eq!(column, begins, "{text}");
        }
    }

    #[test]
    fn an_unknown_escape_is_refused_where_it_stands() {
        for escape in ["\\q", "\\x4", "\\u123", "\\U1234567", "\\08", "\\400", "\\é", "\\"] {
            let (kind, column) = refused(&format!("a == \"b{escape}\"")).unwrap();
            let expected = if escape == "\\" { ("no closing quote", 6) } else { ("no escape", 8) };
            assert!(kind.to_string().contains(expected.0), "{escape}: {kind}");
            assert_eq!(column, expected.1, "{escape}");
        }
        assert_eq!(refused(r#"a == "\a\\\x41\u0041\U00000041\101\?\`\"""#), None);
    }

    #[test]
    fn a_text_over_the_limit_is_refused_unread() {
        let long = format!("a == '{}'", "b".repeat(TEXT_BYTES_MAX));
        assert_eq!(refused(&long), Some((FilterErrorKind::TooLong { bytes: long.len() }, 1)));
    }
}
