//! No text whatever makes the parser panic or overflow its stack, and each error points into its text.

use filter::{DEPTH_MAX, Filter, TEXT_BYTES_MAX};
use proptest::prelude::*;

use crate::practice::schema;

/// Parses, and asks everything of an error that a caller may ask.
fn survives(text: &str) {
    if let Err(error) = Filter::parse(text, &schema()) {
        let line = text.split('\n').nth(error.line() - 1).expect("the line is one of the text's");
        assert!((1..=line.chars().count() + 1).contains(&error.column()), "{text:?}: {error}");
        assert_eq!(error.caret().lines().count(), 2, "{text:?}");
        assert!(!error.to_string().is_empty());
    }
}

/// Pieces of which filters are made, some of them broken.
fn piece() -> impl Strategy<Value = String> {
    let pieces = [
        "practice",
        "practice.code",
        "practice.list_size",
        ".",
        "has(",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "?",
        "&&",
        "||",
        "!",
        "-",
        "+",
        "*",
        "/",
        "%",
        "==",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "in",
        "&",
        "|",
        "=",
        "true",
        "false",
        "null",
        "1",
        "0x1F",
        "9223372036854775808",
        "1.5",
        "1e9",
        ".5",
        "2u",
        "\"TPP\"",
        "'a'",
        "r'\\'",
        "b'x'",
        "\"\"\"",
        "'''",
        "\"",
        "'",
        "\\",
        "`",
        "`a b`",
        "//",
        "\n",
        "\r",
        "\t",
        "\u{c}",
        "\0",
        "é",
        "🦀",
        "\u{202e}",
        "size(",
        ".startsWith(",
        ".exists(x,",
        ".map(",
        "timestamp(",
        "if",
        "as",
        "_",
        "@",
        "#",
        "$",
        ";",
        "~",
        "^",
        "1.",
        "1..2",
        "0x",
        "Practice{",
        "a.b.c",
        ".a",
    ];
    prop_oneof![8 => proptest::sample::select(pieces.to_vec()).prop_map(str::to_owned), 1 => "\\PC{0,3}"]
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        survives(&text);
    }

    #[test]
    fn any_heap_of_pieces_is_read_or_refused(pieces in prop::collection::vec((piece(), any::<bool>()), 0..40)) {
        let text: String = pieces.iter().map(|(piece, space)| format!("{piece}{}", if *space { " " } else { "" })).collect();
        survives(&text);
    }

    #[test]
    fn a_filter_with_a_slip_of_the_pen_is_read_or_refused(at in any::<prop::sample::Index>(), length in 0_usize..4, instead in piece()) {
        let text = "has(practice.closed) && (practice.code in [\"A\", 'B'] || practice.list_size - 1 > -5) && !practice.paused";
        let letters: Vec<char> = text.chars().collect();
        let at = at.index(letters.len());
        let after = (at + length).min(letters.len());
        let slipped: String = letters[..at].iter().copied().chain(instead.chars()).chain(letters[after..].iter().copied()).collect();
        survives(&slipped);
    }
}

/// Filters as deep as they may be, of each kind of nesting, and beyond.
fn deep_texts() -> Vec<String> {
    let mut texts = Vec::new();
    for depth in [DEPTH_MAX - 1, DEPTH_MAX, DEPTH_MAX + 1, 10 * DEPTH_MAX, 5_000] {
        texts.push(format!("{}true{}", "(".repeat(depth), ")".repeat(depth)));
        texts.push("(".repeat(depth));
        texts.push(")".repeat(depth));
        texts.push(format!("{}true", "!(".repeat(depth / 2)));
        texts.push(format!("{}true{}", "!(".repeat(depth / 2), ")".repeat(depth / 2)));
        texts.push(format!("{}true", "!".repeat(depth)));
        texts.push(format!("{}1 == 1", "-".repeat(depth)));
        texts.push(format!("1{} == 1", "+1".repeat(depth - 1)));
        texts.push(format!("1{} == 1", "*1".repeat(depth - 1)));
        texts.push(format!("true{}", "==true".repeat(depth)));
        texts.push(format!("a{}", ".a".repeat(depth)));
        texts.push(format!("a{}", ".a()".repeat(depth / 2)));
        texts.push(format!("a{}", "[0]".repeat(depth)));
        texts.push(format!("a{}", "()".repeat(depth)));
        texts.push(format!("1{}", "{}".repeat(depth)));
        texts.push(format!("''{}", " [0]".repeat(depth)));
        texts.push(format!("{}1{}", "[".repeat(depth), "]".repeat(depth)));
        texts.push(format!("{}1", "{1:".repeat(depth)));
        texts.push(format!("{}1{} > 0", "size(".repeat(depth), ")".repeat(depth)));
        texts.push(format!("has({}a.b{})", "has(".repeat(depth), ")".repeat(depth)));
        texts.push(format!("{}true", "true ? true : ".repeat(depth)));
        texts.push(format!("{}true", "true && (true || ".repeat(depth)));
        texts.push(format!("{}true{}", "true && (true || ".repeat(depth / 2), ")".repeat(depth / 2)));
        texts.push(vec!["true"; depth].join(" && "));
        texts.push(vec!["true"; depth].join(" || "));
        texts.push(vec!["true"; depth].join(" "));
        texts.push(format!("1 in [{}]", vec!["1"; depth].join(",")));
    }
    // Of many conditions the parser makes balanced trees, which are deep only within one another.
    for width in [2, 16, 84] {
        let mut text = "true".to_owned();
        for level in 0..DEPTH_MAX - 1 {
            let joined = ["&&true", "||true"][level % 2].repeat(width - 1);
            text = format!("({text}){joined}");
            if text.len() < TEXT_BYTES_MAX {
                texts.push(text.clone());
            }
        }
    }
    texts
}

#[test]
fn the_deepest_filters_fit_a_small_stack() {
    // Half of what a thread of the tests or of tokio has; in a build without optimisation, whose frames are largest.
    let stack_bytes = 1024 * 1024;
    let parsing = || deep_texts().iter().for_each(|text| survives(text));
    std::thread::Builder::new().stack_size(stack_bytes).spawn(parsing).unwrap().join().unwrap();
}
