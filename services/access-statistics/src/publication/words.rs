//! What an issue says, in plain words, for those who will not open the table.

use std::fmt::Write as _;

use tally::{FigureValue, Level, Measure, PublicationPeriod, PublishedArea, PublishedFigure};

use super::{Edition, moment};

/// Breakdowns that are short enough to be read.
const READ: [(Level, &str); 3] = [
    (Level::Region, "By region"),
    (Level::Supplier, "By supplier of the GP system"),
    (Level::Wave, "By wave of the programme"),
];

pub(super) fn summary(edition: &Edition, figures: &[PublishedFigure]) -> String {
    let issue = edition.issue();
    let publication = &issue.name.publication;
    let mut text = format!("# {}\n\n", edition.title());
    let day = publication.as_at().date().strftime("%-d %B %Y").to_string();
    let known_at = moment(issue.known_at);
    line(
        &mut text,
        &format!("Figures as at the end of {day}, of {}, by what was known on {known_at}.", publication.capability),
    );
    let release_at = moment(edition.release_at);
    match edition.issued.released_at {
        Some(_) => line(&mut text, &format!("Release: {release_at}.")),
        None => line(&mut text, &format!("**Under embargo until {release_at}: not to be passed on.**")),
    }
    line(&mut text, &format!("Position of the practice registry: {}.", issue.positions.registry));
    if let Some(correction) = &issue.correction {
        line(&mut text, &format!("\n**This corrects an earlier issue.** {}", correction.words));
        corrected(&mut text, edition, figures);
    }

    text.push_str("\n## England\n\n");
    for figure in figures.iter().filter(|figure| figure.level == Level::England) {
        line(&mut text, &format!("- {}", england(figure, publication.period)));
    }
    for (level, heading) in READ {
        table(&mut text, level, heading, figures);
    }
    by_app(&mut text, figures);
    text.push_str(HOW_TO_READ);
    text.push_str("\n## What is counted\n\n");
    for definition in edition.definitions() {
        line(&mut text, &format!("- **{}** ({}): {}", name(definition.measure), definition.measure, definition.words));
    }
    text
}

const HOW_TO_READ: &str = "
## How to read the numbers

- England's figures, and counts of practices, are exact. Numbers of patients in smaller areas, and of views by app, are rounded to
  the nearest 5.
- `*` stands for 1 to 7 patients, or for a larger number that is withheld so that nobody else's can be worked out.
- Percentages come from the numbers shown. Practices with 100 patients or fewer have no row of their own.
- An area has no number of patients with access where no live practice has returned one, and a whole breakdown is left out where it
  would tell too much.
- All areas, also ICBs, sub-ICBs, PCNs and single practices, are in the CSV and JSON files.
";

fn line(text: &mut String, words: &str) {
    writeln!(text, "{words}").expect("a string takes every line");
}

/// What became of England's figures since the issue before.
fn corrected(text: &mut String, edition: &Edition, figures: &[PublishedFigure]) {
    let Some(before) = &edition.corrected else { return };
    let england = |figure: &&PublishedFigure| figure.level == Level::England;
    let before_figures = before.issue.figures();
    for now in figures.iter().filter(england) {
        let then = before_figures.iter().filter(england).find(|then| then.measure == now.measure);
        if let Some(then) = then.filter(|then| then.value != now.value) {
            let (issue, then, now_shown) = (before.issue.name.issue, shown(then.value), shown(now.value));
            line(text, &format!("- {} in England: {then} in issue {issue}, now {now_shown}.", name(now.measure)));
        }
    }
}

fn england(figure: &PublishedFigure, period: PublicationPeriod) -> String {
    let mut words = format!("{}: {}", name(figure.measure), shown(figure.value));
    if let Some((least, most)) = figure.bounds.filter(|(least, most)| least < most) {
        words = format!(
            "{}: about {} (between {} and {})",
            name(figure.measure),
            shown(figure.value),
            number(least),
            number(most)
        );
    }
    if let Some(whole) = &figure.denominator {
        let day = whole.as_at.map(|day| day.strftime(", %-d %B %Y").to_string()).unwrap_or_default();
        let percent = figure.permille.map(|permille| format!(", {}", percent(permille))).unwrap_or_default();
        let of = format!(" of {} {}{percent}", shown(whole.value), name(whole.measure).to_lowercase());
        write!(words, "{of} (counted by: {}{day})", whole.source).expect("a string takes every word");
    }
    if matches!(figure.measure, Measure::Viewers | Measure::RecordViews) {
        write!(words, ", from {} to {}", period.days().start(), period.days().end())
            .expect("a string takes every word");
    }
    words.push('.');
    if let Some(without @ 1..) = figure.practices_without_data {
        let practices = if without == 1 { "practice has" } else { "practices have" };
        write!(words, " {} live {practices} returned nothing.", number(without)).expect("a string takes every word");
    }
    words
}

fn table(text: &mut String, level: Level, heading: &str, figures: &[PublishedFigure]) {
    let rows: Vec<&PublishedFigure> = figures.iter().filter(|figure| figure.level == level).collect();
    if rows.is_empty() {
        return;
    }
    let has_viewers = figures.iter().any(|figure| figure.measure == Measure::Viewers);
    let viewers = if has_viewers { " People who viewed |" } else { "" };
    let rule = if has_viewers { " ---: |" } else { "" };
    line(text, &format!("\n## {heading}\n"));
    line(
        text,
        &format!("| Area | Practices live | Of practices | Patients with access | Of patients registered |{viewers}"),
    );
    line(text, &format!("|---|---: | ---: | ---: | ---: |{rule}"));
    let areas: Vec<&PublishedArea> = {
        let mut areas: Vec<&PublishedArea> = rows.iter().map(|figure| &figure.area).collect();
        areas.dedup();
        areas
    };
    for area in areas {
        let of = |measure| rows.iter().find(|figure| figure.area == *area && figure.measure == measure);
        let value = |measure| of(measure).map_or_else(|| "–".to_owned(), |figure| shown(figure.value));
        let whole = |measure| {
            let whole = of(measure).and_then(|figure| figure.denominator.as_ref());
            whole.map_or_else(|| "–".to_owned(), |whole| shown(whole.value))
        };
        let share = of(Measure::PatientsWithAccess).and_then(|figure| figure.permille);
        let with_access = value(Measure::PatientsWithAccess);
        let share = share.map(|permille| format!(" ({})", percent(permille))).unwrap_or_default();
        let viewers = if has_viewers { format!(" {} |", value(Measure::Viewers)) } else { String::new() };
        let (live, practices) = (value(Measure::PracticesLive), whole(Measure::PracticesLive));
        let registered = whole(Measure::PatientsWithAccess);
        line(text, &format!("| {area} | {live} | {practices} | {with_access}{share} | {registered} |{viewers}"));
    }
}

/// England's views by app.
fn by_app(text: &mut String, figures: &[PublishedFigure]) {
    let rows: Vec<&PublishedFigure> = figures.iter().filter(|figure| figure.level == Level::Channel).collect();
    if rows.is_empty() {
        return;
    }
    line(text, &format!("\n## {} in England, by app\n", name(Measure::RecordViews)));
    for row in rows {
        let share = row.permille.map(|permille| format!(" ({})", percent(permille))).unwrap_or_default();
        line(text, &format!("- {}: {}{share}", row.area, shown(row.value)));
    }
}

/// A figure in the field's words.
fn name(measure: Measure) -> &'static str {
    match measure {
        Measure::PracticesLive => "Practices live",
        Measure::PracticesTotal => "Practices",
        Measure::PatientsRegistered => "Patients registered",
        Measure::PatientsWithAccess => "Patients with access",
        Measure::RecordViews => "Times that a record was opened",
        Measure::Viewers => "People who viewed a record",
        other => other.definition().words,
    }
}

fn shown(value: FigureValue) -> String {
    value.number().map_or_else(|| "`*`".to_owned(), number)
}

fn percent(permille: u64) -> String {
    format!("{}.{} %", permille / 10, permille % 10)
}

/// 1234567 as `1,234,567`.
fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
