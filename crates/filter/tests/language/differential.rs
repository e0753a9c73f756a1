//! Our evaluation against the `cel` crate's interpreter, on random filters and rows.
//!
//! The interpreter sees the row as a map in which missing values are absent, dates as the text that they are on the
//! wire, and moments as microseconds: without chrono, which this project leaves out, it has no moments of its own, and is
//! given a `timestamp` that counts them. Every answer must be the same, and where CEL has an error we must have no answer.

use std::sync::Arc;

use cel::{Context, Program};
use filter::{Filter, FilterErrorKind};
use jiff::Timestamp;
use jiff::civil::{Date, date};
use proptest::prelude::*;
use proptest::sample::select;

use crate::practice::{Practice, practice, schema};

#[expect(clippy::disallowed_types, reason = "what the interpreter takes; nothing is decided by its order")]
type Map = std::collections::HashMap<String, cel::Value>;

/// A program and its interpreter's answer for a row; none for any of its errors.
fn interpreted(program: &Program, row: &Practice) -> Option<bool> {
    let mut context = Context::default();
    context.add_variable_from_value("practice", as_map(row));
    let timestamp = |text: Arc<String>| text.parse::<Timestamp>().map_or(i64::MIN, Timestamp::as_microsecond);
    context.add_function("timestamp", timestamp).expect("the interpreter has no timestamp of its own");
    match program.execute(&context) {
        Ok(cel::Value::Bool(truth)) => Some(truth),
        Ok(other) => panic!("not a condition: {other:?}"),
        Err(_) => None,
    }
}

fn as_map(row: &Practice) -> Map {
    let text = |text: String| cel::Value::from(text);
    let fields: [(&str, Option<cel::Value>); 9] = [
        ("code", Some(text(row.code.clone()))),
        ("supplier", row.supplier.clone().map(text)),
        ("list_size", Some(row.list_size.into())),
        ("branches", row.branches.map(Into::into)),
        ("paused", row.paused.map(Into::into)),
        ("opened", Some(text(row.opened.to_string()))),
        ("closed", row.closed.map(|date| text(date.to_string()))),
        ("updated", row.updated.map(|moment| moment.as_microsecond().into())),
        ("roles", row.roles.clone().map(Into::into)),
    ];
    fields.into_iter().filter_map(|(name, value)| value.map(|value| (name.to_owned(), value))).collect()
}

fn compiled(text: &str) -> Program {
    Program::compile(text).unwrap_or_else(|errors| panic!("{text}\n{errors}"))
}

// Few values, so that random filters and random rows meet often.

const TEXTS: [&str; 9] = ["", "A81001", "A81002", "TPP", "TPP Ltd", "P", "é", "\"\\'\n", "🦀é"];
const NUMBERS: [i64; 12] = [0, 1, -1, 2, 3, 7, 8_000, -8_000, i64::MAX, i64::MIN, i64::MAX - 1, i64::MIN + 1];

fn dates() -> impl Strategy<Value = Date> {
    select(vec![date(1999, 4, 1), date(1999, 4, 2), date(2031, 3, 31), date(999, 12, 31), date(9999, 12, 31)])
}

fn moments() -> impl Strategy<Value = Timestamp> {
    select(vec!["2031-03-30T01:00:00Z", "2031-03-30T00:59:59.999999Z", "1999-04-01T00:00:00Z", "0999-01-01T00:00:00Z"])
        .prop_map(|text| text.parse().expect("a moment"))
}

fn texts() -> impl Strategy<Value = String> {
    select(TEXTS.to_vec()).prop_map(str::to_owned)
}

fn rows() -> impl Strategy<Value = Practice> {
    let often = |strategy| proptest::option::weighted(0.7, strategy);
    (
        texts(),
        often(texts().boxed()),
        select(NUMBERS.to_vec()),
        proptest::option::weighted(0.7, select(NUMBERS.to_vec())),
        proptest::option::weighted(0.7, any::<bool>()),
        dates(),
        proptest::option::weighted(0.7, dates()),
        proptest::option::weighted(0.7, moments()),
        proptest::option::weighted(0.7, prop::collection::vec(texts(), 0..4)),
    )
        .prop_map(|(code, supplier, list_size, branches, paused, opened, closed, updated, roles)| Practice {
            code,
            supplier,
            list_size,
            branches,
            paused,
            opened,
            closed,
            updated,
            roles,
        })
}

// Filters as text, each of the right type, in the spellings that people use.

fn text_literal() -> impl Strategy<Value = String> {
    (texts(), 0..4).prop_map(|(text, style)| {
        let escaped = text.replace('\\', "\\\\").replace('\n', "\\n");
        let needs_escapes = text.contains(['\\', '\n', '"', '\'']);
        match style {
            0 => format!("'{}'", escaped.replace('\'', "\\'")),
            1 if !needs_escapes => format!("r\"{text}\""),
            2 => format!("'''{}'''", escaped.replace('\'', "\\x27")),
            _ => format!("\"{}\"", escaped.replace('"', "\\\"")),
        }
    })
}

fn text() -> impl Strategy<Value = String> {
    let fields = select(vec!["practice.code", "practice.supplier", "practice . supplier"]);
    prop_oneof![3 => fields.prop_map(str::to_owned), 2 => text_literal()]
}

fn int() -> impl Strategy<Value = String> {
    let fields = select(vec!["practice.list_size", "practice.branches"]).prop_map(str::to_owned);
    let sizes = prop_oneof![text(), Just("practice.roles".to_owned())];
    let leaf = prop_oneof![
        4 => fields,
        3 => select(NUMBERS.to_vec()).prop_map(|number| number.to_string()),
        1 => Just("0x1F40".to_owned()),
        1 => sizes.clone().prop_map(|sized| format!("size({sized})")),
        1 => sizes.prop_map(|sized| format!("{sized}.size()")),
    ];
    leaf.prop_recursive(3, 8, 2, |inner| {
        let operators = select(vec!["+", "-", "*", "/", "%", " - ", "*-"]);
        prop_oneof![
            4 => (inner.clone(), operators, inner.clone()).prop_map(|(left, operator, right)| match operator {
                // A sign needs an operand of its own.
                "*-" => format!("{left}*(-({right}))"),
                _ => format!("{left}{operator}({right})"),
            }),
            1 => (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("{a} + {b} * {c}")),
            1 => inner.prop_map(|int| format!("-({int})")),
        ]
    })
}

fn day() -> impl Strategy<Value = String> {
    select(vec!["practice.opened", "practice.closed"]).prop_map(str::to_owned)
}

fn day_literal() -> impl Strategy<Value = String> {
    dates().prop_map(|date| format!("\"{date}\""))
}

fn moment_literal() -> impl Strategy<Value = String> {
    moments().prop_map(|moment| format!("timestamp(\"{moment}\")"))
}

fn list(literal: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    prop::collection::vec(literal, 0..5).prop_map(|literals| format!("[{}]", literals.join(", ")))
}

fn condition() -> impl Strategy<Value = String> {
    let comparison = || select(vec!["==", "!=", "<", "<=", ">", ">=", " == ", " <= "]);
    let compared = |(left, operator, right): (String, &str, String)| format!("{left}{operator}{right}");
    let number = || select(NUMBERS.to_vec()).prop_map(|number| number.to_string());
    let names =
        select(vec!["code", "supplier", "list_size", "branches", "paused", "opened", "closed", "updated", "roles"]);
    let part = select(vec!["startsWith", "endsWith", "contains"]);
    let leaf = prop_oneof![
        6 => (int(), comparison(), int()).prop_map(compared),
        4 => (text(), comparison(), text()).prop_map(compared),
        2 => (day(), comparison(), prop_oneof![day(), day_literal()]).prop_map(compared),
        1 => (day_literal(), comparison(), day()).prop_map(compared),
        2 => (Just("practice.updated".to_owned()), comparison(), moment_literal()).prop_map(compared),
        1 => (moment_literal(), comparison(), moment_literal()).prop_map(compared),
        1 => (int(), list(number())).prop_map(|(item, list)| format!("{item} in {list}")),
        2 => (text(), list(text_literal())).prop_map(|(item, list)| format!("{item} in {list}")),
        1 => (day(), list(day_literal())).prop_map(|(item, list)| format!("{item} in {list}")),
        1 => list(moment_literal()).prop_map(|list| format!("practice.updated in {list}")),
        2 => text().prop_map(|item| format!("{item} in practice.roles")),
        3 => (text(), part, text()).prop_map(|(whole, function, part)| format!("{whole}.{function}({part})")),
        2 => names.prop_map(|name| format!("has(practice.{name})")),
        2 => Just("practice.paused".to_owned()),
        1 => any::<bool>().prop_map(|truth| truth.to_string()),
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
        let joined = |operator: &'static str| {
            prop::collection::vec(inner.clone(), 2..5)
                .prop_map(move |conditions| format!("({})", conditions.join(operator)))
        };
        prop_oneof![
            joined(" && "),
            joined("||"),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("{a} || {b} && {c}")),
            inner.clone().prop_map(|condition| format!("!({condition})")),
            inner.clone().prop_map(|condition| format!("!!({condition})")),
            (inner.clone(), select(vec!["==", "!="]), inner.clone())
                .prop_map(|(left, operator, right)| format!("({left}) {operator} ({right})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn every_answer_is_the_interpreters(text in condition(), rows in prop::collection::vec(rows(), 8)) {
        let schema = schema();
        let parsed = Filter::parse(&text, &schema);
        // Conditions within conditions are now and then deeper than any filter may be.
        prop_assume!(!parsed.as_ref().is_err_and(|error| *error.kind() == FilterErrorKind::TooDeep));
        let ours = parsed.unwrap_or_else(|error| panic!("{error}\n{}", error.caret()));
        let canonical = ours.canonical(&schema);
        let read_back = Filter::parse(&canonical, &schema).unwrap_or_else(|error| panic!("{error}\n{}", error.caret()));
        prop_assert_eq!(&read_back, &ours, "{}", canonical);
        prop_assert_eq!(read_back.canonical(&schema), canonical.clone());
        let (theirs, theirs_of_canonical) = (compiled(&text), compiled(&canonical));
        for row in rows {
            let answer = ours.evaluate(&row).ok();
            prop_assert_eq!(answer, interpreted(&theirs, &row), "{} for {:?}", text, row);
            prop_assert_eq!(answer, interpreted(&theirs_of_canonical, &row), "{} for {:?}", canonical, row);
            prop_assert_eq!(ours.matches(&row), answer == Some(true));
        }
    }
}

/// Random filters meet the one pair that overflows a division too seldom.
#[test]
fn arithmetic_at_the_edges_of_the_numbers_is_the_interpreters() {
    let schema = schema();
    for operator in ["+", "-", "*", "/", "%"] {
        // Both operands are fields: one program for all pairs.
        let text = format!("practice.list_size {operator} practice.branches > 0");
        let (ours, theirs) = (Filter::parse(&text, &schema).unwrap(), compiled(&text));
        for left in NUMBERS {
            for right in NUMBERS {
                let row = Practice { list_size: left, branches: Some(right), ..practice() };
                assert_eq!(ours.evaluate(&row).ok(), interpreted(&theirs, &row), "{left} {operator} {right}");
            }
        }
    }
}
