//! Every way in which a filter can be wrong, with the words and the place that its writer is shown.

use std::fmt::Write;

use filter::{Filter, STEPS_MAX, TEXT_BYTES_MAX};

use crate::practice;

#[test]
fn each_error_says_what_is_wrong_and_points_at_it() {
    let wrong = [
        // names
        "practice.suplier == \"TPP\"",
        "practise.supplier == \"TPP\"",
        "practice.list_siez < 8000 && practice.paused",
        "supplier == \"TPP\"",
        "practice == \"TPP\"",
        "practice.supplier.name == \"TPP\"",
        "practice . zebra == 1",
        "zebra == 1",
        ".practice.code == 'A'",
        "has(practice.suplier)",
        "has(practice)",
        "has(practice.code, practice.code)",
        "has('a'.b)",
        "'a'.b == 1",
        // types
        "practice.list_size",
        "practice.list_size < \"8000\"",
        "\"8000\" < practice.list_size",
        "practice.list_size < 8000 && practice.supplier",
        "practice.supplier || practice.paused",
        "!practice.list_size",
        "practice.paused < true",
        "practice.paused == 1",
        "practice.list_size + practice.supplier == 1",
        "-practice.supplier == 1",
        "practice.list_size.startsWith(\"8\")",
        "practice.supplier.startsWith(8)",
        "practice.opened.startsWith(\"1999\")",
        "practice.opened == practice.code",
        "practice.roles == \"RO76\"",
        "practice.list_size in practice.roles",
        "\"RO76\" in practice.code",
        "size(practice.list_size) == 1",
        "practice.list_size in [1, \"2\"]",
        "practice.list_size in [1, -2, practice.branches]",
        "practice.supplier in [\"TPP\", 5]",
        "practice.paused in [true]",
        "practice.opened in [\"1999-04-01\", \"1999-04-31\"]",
        "practice.list_size == practice.supplier == true",
        // dates and moments
        "practice.opened > \"1999-02-29\"",
        "practice.opened > \"19990401\"",
        "\"1 April 1999\" < practice.opened",
        "practice.updated > \"2031-03-30\"",
        "practice.updated > timestamp(\"2031-03-30\")",
        "practice.updated > timestamp(\"2031-03-30T25:00:00Z\")",
        "practice.updated > timestamp(practice.code)",
        "practice.updated > timestamp()",
        // what CEL has and filters have not
        "practice.closed == null",
        "practice.list_size > 8000.5",
        "practice.list_size > 8000u",
        "practice.supplier == b'TPP'",
        "practice.paused ? true : false",
        "practice.?code == 'A'",
        "practice.roles[0] == \"RO76\"",
        "practice.roles.exists(role, role == \"RO76\")",
        "practice.roles.map(role, size(role)) == [4]",
        "practice.supplier in {\"TPP\": 1}",
        "Practice{code: 'A'} == 1",
        "[1, 2] == [1, 2]",
        "practice.list_size in [[1]]",
        "practice.code.matches(\"A.*\")",
        "int(practice.code) == 1",
        "practice.supplier.upperAscii() == 'TPP'",
        "startsWith(practice.code, 'A')",
        "practice.code.startsWith()",
        "practice.code.size(1) == 1",
        "practice.`code` == 'A'",
        // what is no CEL
        "",
        "   ",
        "practice.supplier ==",
        "practice.supplier = \"TPP\"",
        "practice.supplier == \"TPP",
        "practice.supplier == “TPP”",
        "practice.supplier == \"T\\P\"",
        "(practice.paused",
        "practice.paused)",
        "practice.paused practice.paused",
        "practice.paused and practice.paused",
        "not practice.paused",
        "// nothing else",
        "practice.paused & practice.paused",
        "practice.paused # really",
        "practice.list_size > 8,000",
        "practice.list_size > 99999999999999999999",
        "practice.list_size > -99999999999999999999",
        "practice.code in [\"A\", ]]",
        "if == 1",
        "é == 1",
        "\u{0}",
        "practice.paused &&\n    practice.list_size > \"1\"",
        "// who are paused\npractice.pausd",
        "practice.supplier == \"é\" && practice.list_size == \"é\"",
        "practice.list_size == - \"1\"",
        "practice.supplier == - 1",
    ];
    let schema = practice::schema();
    let mut shown = String::new();
    for text in wrong {
        let error = Filter::parse(text, &schema).expect_err(text);
        writeln!(shown, "{error}\n{}\n", error.caret()).unwrap();
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn a_filter_that_would_cost_too_much_is_refused() {
    let schema = practice::schema();
    let alternatives = vec!["practice.code == 'A'"; STEPS_MAX / 4].join(" || ");
    assert!(Filter::parse(&alternatives, &schema).is_ok());
    let alternatives = vec!["practice.code=='A'"; STEPS_MAX / 4 + 1].join("||");
    let error = Filter::parse(&alternatives, &schema).unwrap_err();
    assert!(error.to_string().contains("better written as `in [...]`"), "{error}");

    let codes = vec!["'A81001'"; 1_500].join(",");
    assert!(Filter::parse(&format!("practice.code in [{codes}]"), &schema).is_ok());

    let long = " ".repeat(TEXT_BYTES_MAX) + "true";
    let error = Filter::parse(&long, &schema).unwrap_err();
    assert_eq!(error.to_string(), "the filter has 16388 bytes; 16384 are the most (column 1)");
}
