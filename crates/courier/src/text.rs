//! The texts of notices, where no service of others keeps them: a subject and a body with `((places))`, as GOV.UK Notify
//! writes them.

use std::path::Path;

use crate::error::ConfigError;
use crate::message::{Fields, Kind, Text};

/// The places that a text may have.
const PLACES: [&str; 9] = [
    "programme",
    "capability",
    "practice_name",
    "practice_code",
    "not_before",
    "last_day",
    "working_days",
    "objections_until",
    "reference",
];

/// A text to be filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wording {
    subject: String,
    body: String,
}

/// The texts of an installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Texts {
    email_first: Wording,
    email_moved: Wording,
    letter_first: Wording,
    letter_moved: Wording,
}

impl Texts {
    /// Those that come with the program, in plain words.
    #[must_use]
    pub fn standard() -> Self {
        let own =
            |text, origin| Wording::read(text, origin).expect("a test reads the texts that come with the program");
        let first = include_str!("../texts/first.txt");
        let moved = include_str!("../texts/moved.txt");
        Self {
            email_first: own(first, "first.txt"),
            email_moved: own(moved, "moved.txt"),
            letter_first: own(first, "first.txt"),
            letter_moved: own(moved, "moved.txt"),
        }
    }

    /// Those of a folder: `email-first.txt`, `email-moved.txt`, `letter-first.txt`, `letter-moved.txt`. One that is not there
    /// is the standard one.
    ///
    /// # Errors
    /// Where a file cannot be read, or has a place that nothing is known for.
    pub fn from_folder(folder: &Path) -> Result<Self, ConfigError> {
        let mut texts = Self::standard();
        for (name, wording) in [
            ("email-first.txt", &mut texts.email_first),
            ("email-moved.txt", &mut texts.email_moved),
            ("letter-first.txt", &mut texts.letter_first),
            ("letter-moved.txt", &mut texts.letter_moved),
        ] {
            let path = folder.join(name);
            match std::fs::read_to_string(&path) {
                Ok(text) => *wording = Wording::read(&text, &path.display().to_string())?,
                Err(source) if source.kind() == std::io::ErrorKind::NotFound => {}
                Err(source) => return Err(ConfigError::File { path: path.display().to_string(), source }),
            }
        }
        Ok(texts)
    }

    /// Which text a message has.
    pub(crate) fn of(&self, kind: Kind, text: Text) -> &Wording {
        match (kind, text) {
            (Kind::Email, Text::First) => &self.email_first,
            (Kind::Email, Text::Moved) => &self.email_moved,
            (Kind::Letter, Text::First) => &self.letter_first,
            (Kind::Letter, Text::Moved) => &self.letter_moved,
        }
    }
}

impl Wording {
    /// Reads a text: `Subject: …` on its first line, an empty one, then the body.
    ///
    /// # Errors
    /// Where it has no subject or no body, or a place that nothing is known for.
    pub fn read(text: &str, origin: &str) -> Result<Self, ConfigError> {
        let wrong = |problem: String| ConfigError::Text { origin: origin.to_owned(), problem };
        let (subject, body) = text.split_once('\n').unwrap_or((text, ""));
        let subject = subject.trim().strip_prefix("Subject:").map(str::trim).filter(|subject| !subject.is_empty());
        let Some(subject) = subject else { return Err(wrong("its first line is no `Subject: …`".to_owned())) };
        let body = body.trim();
        if body.is_empty() {
            return Err(wrong("it has no body".to_owned()));
        }
        let wording = Self { subject: subject.to_owned(), body: body.to_owned() };
        if let Some(place) = wording.places().find(|place| !PLACES.contains(place)) {
            return Err(wrong(format!("it has a place (({place})), and there are only {}", PLACES.join(", "))));
        }
        Ok(wording)
    }

    fn places(&self) -> impl Iterator<Item = &str> {
        let after = self.subject.split("((").skip(1).chain(self.body.split("((").skip(1));
        after.map(|rest| rest.split("))").next().unwrap_or_default().trim())
    }

    /// Subject and body, filled in; a place that nothing is given for is left empty.
    pub(crate) fn fill(&self, fields: &Fields) -> (String, String) {
        (filled(&self.subject, fields), filled(&self.body, fields))
    }
}

/// What is filled in is not looked at again, so that a practice's name with brackets in it stays what it is.
fn filled(text: &str, fields: &Fields) -> String {
    let mut parts = text.split("((");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (place, rest) = part.split_once("))").unwrap_or((part, ""));
        filled.push_str(fields.get(place.trim()).map_or("", String::as_str));
        filled.push_str(rest);
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_filled_in_once() {
        let wording = Wording::read("Subject: For ((practice_code))\n\nNot before ((not_before)).\n", "t").unwrap();
        let fields =
            Fields::from([("practice_code", "((not_before))".to_owned()), ("not_before", "Monday".to_owned())]);
        assert_eq!(wording.fill(&fields), ("For ((not_before))".to_owned(), "Not before Monday.".to_owned()));
    }

    #[test]
    fn the_texts_that_come_with_the_program_say_what_a_practice_must_know() {
        let texts = Texts::standard();
        for text in [Text::First, Text::Moved] {
            for kind in [Kind::Email, Kind::Letter] {
                let wording = texts.of(kind, text);
                let places: Vec<&str> = wording.places().collect();
                for place in ["practice_code", "not_before", "objections_until", "reference"] {
                    assert!(places.contains(&place), "{kind:?} {text:?} does not say {place}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_text_is_refused_with_its_place() {
        for (text, said) in [
            ("Dear all,\n\nHello", "no `Subject: …`"),
            ("Subject: Hello\n\n", "no body"),
            ("Subject: Hello\n\nDear ((name)),", "((name))"),
        ] {
            let error = Wording::read(text, "letter-first.txt").unwrap_err().to_string();
            assert!(error.starts_with("letter-first.txt: ") && error.contains(said), "{error}");
        }
    }

    #[test]
    fn a_folder_may_have_some_of_the_texts() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("letter-first.txt"), "Subject: Ours\n\nOur words\n").unwrap();
        let texts = Texts::from_folder(folder.path()).unwrap();
        assert_eq!(texts.of(Kind::Letter, Text::First).fill(&Fields::new()).0, "Ours");
        assert_eq!(texts.of(Kind::Email, Text::First), Texts::standard().of(Kind::Email, Text::First));
        std::fs::write(folder.path().join("email-moved.txt"), "no subject").unwrap();
        assert!(Texts::from_folder(folder.path()).is_err());
    }
}
