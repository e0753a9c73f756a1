//! What filters mean, example by example, above all where a value is missing.

use filter::{EvaluationError, Filter};

use crate::practice::{Practice, practice, schema};

fn parsed(text: &str) -> Filter {
    Filter::parse(text, &schema()).unwrap_or_else(|error| panic!("{error}\n{}", error.caret()))
}

fn holds(text: &str, row: &Practice) -> Option<bool> {
    parsed(text).evaluate(row).ok()
}

#[test]
fn every_operator_and_function_does_what_its_name_says() {
    for text in [
        "practice.supplier == \"TPP\" && practice.list_size <= 8000",
        "practice.supplier != 'EMIS' || practice.paused",
        "!practice.paused",
        "practice.paused == false",
        "practice.paused != (practice.list_size == 8000)",
        "practice.code < 'A81002' && practice.code >= \"A81001\"",
        "practice.list_size / practice.branches == 4000",
        "practice.list_size % 3 == 2 && -practice.list_size < -7999",
        "practice.list_size - 2 * practice.branches + 1 == 7997",
        "practice.code in ['B1', 'A81001']",
        "practice.list_size in [0x1F40, 1]",
        "practice.opened in ['1999-04-01']",
        "practice.opened < '1999-04-02' && '1999-03-31' < practice.opened && practice.opened < practice.closed",
        "practice.updated == timestamp('2031-03-30T02:00:00+01:00')",
        "practice.updated in [timestamp('2031-03-30T01:00:00Z')]",
        "'RO76' in practice.roles && size(practice.roles) == 2",
        "practice.code.startsWith('A8') && practice.code.endsWith('001') && practice.code.contains('810')",
        "practice.code.size() == 6 && size('é€') == 2",
        "has(practice.closed) && has(practice.code)",
        "practice.code == r'A81001' && practice.code == '''A81001''' // by any spelling",
    ] {
        assert_eq!(holds(text, &practice()), Some(true), "{text}");
        assert_eq!(holds(&format!("!({text}\n)"), &practice()), Some(false), "{text}");
    }
}

#[test]
fn a_missing_value_matches_neither_a_condition_nor_its_negation() {
    let row = Practice { supplier: None, paused: None, roles: None, closed: None, updated: None, ..practice() };
    for text in [
        "practice.supplier == 'TPP'",
        "practice.supplier != 'TPP'",
        "!(practice.supplier == 'TPP')",
        "practice.supplier in []",
        "practice.paused",
        "!practice.paused",
        "'RO76' in practice.roles",
        "size(practice.roles) == 0",
        "practice.closed > '2000-01-01'",
        "practice.updated > timestamp('2000-01-01T00:00:00Z')",
    ] {
        let filter = parsed(text);
        assert!(matches!(filter.evaluate(&row), Err(EvaluationError::Missing(_))), "{text}");
        assert!(!filter.matches(&row), "{text}");
    }
    assert_eq!(holds("has(practice.supplier)", &row), Some(false));
    assert_eq!(holds("!has(practice.supplier) || practice.supplier == 'TPP'", &row), Some(true));
}

#[test]
fn a_side_that_decides_absorbs_a_missing_one_in_either_order() {
    let row = Practice { supplier: None, ..practice() };
    let missing = "practice.supplier == 'TPP'";
    for (text, expected) in [
        (format!("{missing} || true"), Some(true)),
        (format!("true || {missing}"), Some(true)),
        (format!("{missing} && false"), Some(false)),
        (format!("false && {missing}"), Some(false)),
        (format!("{missing} || false"), None),
        (format!("{missing} && true"), None),
        (format!("{missing} || ({missing} && false) || true"), Some(true)),
        (format!("!({missing}) && true"), None),
    ] {
        assert_eq!(holds(&text, &row), expected, "{text}");
    }
}

#[test]
fn arithmetic_without_a_result_has_no_answer() {
    let row = Practice { branches: Some(0), ..practice() };
    let evaluated = |text: &str| parsed(text).evaluate(&row);
    assert_eq!(evaluated("practice.list_size / practice.branches > 1"), Err(EvaluationError::DivisionByZero));
    assert_eq!(evaluated("practice.list_size % practice.branches > 1"), Err(EvaluationError::DivisionByZero));
    assert_eq!(evaluated("practice.list_size * 9223372036854775807 > 1"), Err(EvaluationError::Overflow));
    assert_eq!(evaluated("-(-9223372036854775808 + practice.branches) > 1"), Err(EvaluationError::Overflow));
    assert_eq!(evaluated("practice.branches == 0 || practice.list_size / practice.branches > 1"), Ok(true));
}

#[test]
fn all_spellings_of_one_filter_have_one_canonical_text() {
    let schema = schema();
    for (spellings, canonical) in [
        (
            ["practice.code in ['B','A',\"B\"]", "// who\n  practice.code   in [\"A\" , r'B',]"],
            "practice.code in [\"A\", \"B\"]",
        ),
        (
            [
                "practice.paused&&(practice.list_size>1&&has(practice.closed))",
                "((practice.paused && practice.list_size > 0x1) && has(practice.closed))",
            ],
            "practice.paused && practice.list_size > 1 && has(practice.closed)",
        ),
        (
            ["(practice.paused || true) && !(false)", "(((practice.paused) || true)) && !!!false"],
            "(practice.paused || true) && !false",
        ),
        (
            ["!(!practice.paused) == (true != false)", "(!(!(practice.paused))) == (true != false)"],
            "!(!practice.paused) == (true != false)",
        ),
        (
            ["practice.code.size() + (1*2) - -(5) == (-5)", "((size(practice.code) + 1 * 2)) - -(5) == -5"],
            "size(practice.code) + 1 * 2 - -(5) == -5",
        ),
        (
            [
                "-(-(practice.list_size)) * (1 + 2) % (3 / 4) > (1 - (2 - 3))",
                "-(-practice.list_size)*(1+2)%(3/4)>1-(2-3)",
            ],
            "-(-practice.list_size) * (1 + 2) % (3 / 4) > 1 - (2 - 3)",
        ),
        (
            ["practice.code != '\"\\\\\\u0001\\n'", "practice.code != \"\\\"\\\\\\x01\\012\""],
            "practice.code != \"\\\"\\\\\\u0001\\n\"",
        ),
        (
            [
                "practice.updated < timestamp('2031-06-01T09:00:00+01:00')",
                "practice.updated < timestamp('2031-06-01T08:00:00Z')",
            ],
            "practice.updated < timestamp(\"2031-06-01T08:00:00Z\")",
        ),
    ] {
        for spelling in spellings {
            let filter = parsed(spelling);
            let text = filter.canonical(&schema);
            assert_eq!(text, canonical);
            assert_eq!(parsed(&text), filter, "{text}");
        }
    }
    assert_ne!(parsed("practice.list_size - (1 - 2) == 1"), parsed("practice.list_size - 1 - 2 == 1"));
    assert_eq!(Filter::everything(), parsed("true"));
}
