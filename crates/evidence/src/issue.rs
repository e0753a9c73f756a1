//! An issue of a publication, held against what was told when it was made, and against itself once what it rests on was corrected.

/// An issue, and what it is held against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// `publications/2031-W23`.
    pub name: String,
    /// Its files when it was made.
    pub made: Vec<u8>,
    /// Its files after a correction of what it rests on.
    pub later: Vec<u8>,
    /// England's patients with access as it says them.
    pub published: String,
    /// The same as a summary told them when it was made.
    pub told: i64,
}

impl Issue {
    /// What is wrong with it, in words: nothing, where no correction changes it (rule 14) and it says of England, which is never
    /// rounded or hidden, what was told (rule 13).
    pub fn breaches(&self) -> Vec<String> {
        let Self { name, made, later, published, told } = self;
        let mut breaches = Vec::new();
        if made != later {
            breaches.push(format!("rule 14: {name} is another one after a correction of what it rests on"));
        }
        if *published != told.to_string() {
            breaches.push(format!("rule 13: {name} says {published} of England, and {told} was told"));
        }
        breaches
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issue() -> Issue {
        Issue {
            name: "publications/2031-W23".to_owned(),
            made: b"area,value\nengland,1234\n".to_vec(),
            later: b"area,value\nengland,1234\n".to_vec(),
            published: "1234".to_owned(),
            told: 1_234,
        }
    }

    /// What is broken.
    fn rules(issue: &Issue) -> Vec<String> {
        issue.breaches().iter().map(|breach| breach.split(':').next().unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn an_issue_that_a_correction_changes_or_that_says_something_else_is_found() {
        assert_eq!(issue().breaches(), Vec::<String>::new());
        let changed = Issue { later: b"area,value\nengland,1235\n".to_vec(), ..issue() };
        assert_eq!(rules(&changed), ["rule 14"], "a correction reached it");
        let other = Issue { told: 1_235, ..issue() };
        assert_eq!(rules(&other), ["rule 13"], "it says something else than was told");
        let none = Issue { published: String::new(), ..issue() };
        assert_eq!(rules(&none), ["rule 13"], "it says nothing of England");
    }
}
