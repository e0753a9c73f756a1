//! Where in a filter's text something stands, for people: line and column from 1, and the line with a caret below.

use std::fmt::Write;

/// A filter on one line can be thousands of characters long; around an error this many are enough to see it.
const EXCERPT_CHARS_MAX: usize = 80;

/// A place in a text, with what is needed to show it after the text is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    /// From 1.
    pub(crate) line: usize,
    /// In characters, from 1.
    pub(crate) column: usize,
    /// The line, or the part of a long one around the place; control characters are spaces.
    excerpt: String,
    /// The column within the excerpt, from 0.
    caret: usize,
}

impl Position {
    /// The place of a byte of the text; beyond its end, the end.
    pub(crate) fn of_byte(text: &str, byte: usize) -> Self {
        let before = text.get(..byte).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before[line_start..].chars().count() + 1;
        Self::of(text, line, column)
    }

    /// The place at a line and a column, both from 1.
    pub(crate) fn of(text: &str, line: usize, column: usize) -> Self {
        let letters: Vec<char> = text.split('\n').nth(line - 1).unwrap_or_default().chars().collect();
        let fits = letters.len() <= EXCERPT_CHARS_MAX;
        let first = if fits { 0 } else { column.saturating_sub(1 + EXCERPT_CHARS_MAX / 2).min(letters.len()) };
        let shown = letters.iter().skip(first).take(EXCERPT_CHARS_MAX);
        let excerpt: String = shown.map(|letter| if letter.is_control() { ' ' } else { *letter }).collect();
        Self { line, column, excerpt: excerpt.trim_end().to_owned(), caret: column - 1 - first }
    }

    /// The line, and below it a caret under the place.
    pub(crate) fn shown(&self) -> String {
        let mut shown = self.excerpt.clone();
        // Writing to a String cannot fail.
        let _ = write!(shown, "\n{:>width$}", '^', width = self.caret + 1);
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_from_one() {
        let text = "é == 1\n  && ü";
        let position = Position::of_byte(text, text.find('ü').unwrap());
        assert_eq!((position.line, position.column), (2, 6));
        assert_eq!(position.shown(), "  && ü\n     ^");
        assert_eq!(Position::of_byte(text, 3).column, 3);
    }

    #[test]
    fn the_end_of_the_text_is_a_place() {
        assert_eq!(Position::of_byte("a ==", 4).shown(), "a ==\n    ^");
        assert_eq!(Position::of_byte("a ==", 400).shown(), "a ==\n    ^");
        assert_eq!(Position::of_byte("", 0).shown(), "\n^");
    }

    #[test]
    fn a_long_line_is_shown_around_the_place() {
        let text = format!("{}!{}", "a".repeat(500), "b".repeat(500));
        let position = Position::of_byte(&text, 500);
        assert_eq!(position.column, 501);
        assert_eq!(position.shown(), format!("{}!{}\n{}^", "a".repeat(40), "b".repeat(39), " ".repeat(40)));
    }
}
