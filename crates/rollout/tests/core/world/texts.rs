//! Documents that most tests begin with.

/// Ten working days' notice; a first wave of ten on 6 May, the rest from 12 May on, ten a day.
pub(crate) const SPRING: &str = r#"
name: spring
title: Spring opening
objective: Every practice shows new entries to its patients.
cohort: practice.list_size > 0
seed: 7
windows:
  - days: [monday, tuesday, wednesday, thursday, friday]
    from: "08:00"
    to: "18:00"
notice_working_days: 10
caps:
  daily:
    national: {practices: 10}
gate: {min_success: 0.9, min_sample: 5, soak: 24h, timeout: 72h}
suppliers:
  EMIS: {mode: push}
  TPP: {mode: push}
waves:
  - wave: 1
    title: First practices
    take: {practices: 10}
    from: 2031-05-06
    until: 2031-05-07
  - wave: 2
    title: Everybody else
    after: [1]
    from: 2031-05-12
    until: 2031-05-30
"#;

/// A document of one wave on one Tuesday, with everybody in it and nothing in its way; `more` are lines of the wave.
pub(crate) fn one_wave(more: &str) -> String {
    let head = SPRING.split("caps:").next().unwrap();
    format!(
        "{head}gate: {{min_success: 0.9, min_sample: 5, soak: 24h, timeout: 72h}}
suppliers:
  EMIS: {{mode: push}}
  TPP: {{mode: push}}
waves:
  - wave: 1
    from: 2031-05-06
{more}
"
    )
}

/// Four practices on 6 May, twelve on 12 and 13 May, then everybody else from 19 May on, four days a wave, six a day.
pub(crate) const STAGED: &str = r#"
name: spring
title: Spring opening
cohort: practice.list_size > 0
seed: 7
windows:
  - days: [monday, tuesday, wednesday, thursday, friday]
    from: "08:00"
    to: "18:00"
notice_working_days: 10
caps:
  daily:
    national: {practices: 6}
gate: {min_success: 0.9, min_sample: 3, soak: 24h, timeout: 72h}
suppliers:
  EMIS: {mode: push}
  TPP: {mode: push}
strategy:
  first_wave: 1
  from: 2031-05-06
  canary: {practices: 4, days: 1, apart_days: 3}
  sample: {practices: 12, days: 2, apart_days: 3}
  rest: {days: 4}
"#;
