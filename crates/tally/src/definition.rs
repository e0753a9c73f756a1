//! The catalogue of definitions: what each figure means, over which area and out of what (rule 14).
//!
//! A figure never travels without the name of its definition. The words are those of the programme; changing what a
//! figure means is a new definition with a new name, so that old figures keep theirs.

use std::fmt;

/// The figures there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// Practices live.
    PracticesLive,
    /// Practices open.
    PracticesTotal,
    /// Patients registered.
    PatientsRegistered,
    /// Patients with access.
    PatientsWithAccess,
    /// Records opened.
    RecordViews,
    /// People who opened one.
    Viewers,
}

/// What a figure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    /// The figure.
    pub measure: Measure,
    /// What is counted.
    pub words: &'static str,
    /// Which practices belong to the area.
    pub area: &'static str,
    /// The figure that it is a part of, where it is one.
    pub denominator: Option<Measure>,
}

const AREA_AT_MOMENT: &str = "Practices open at the moment, by the registry's directory as at the moment.";
const AREA_AT_EVENT: &str = "The area that the practice lay in when the event was counted; England has every event, also \
                             those of practices that the registry has not told of yet.";

/// Every definition.
pub const CATALOGUE: [Definition; 6] = [
    Definition {
        measure: Measure::PracticesLive,
        words: "Practices at which the capability was last observed ON at the moment, by the rule of the observation's \
                source. Observed, never assumed; an unknown or partial state is not live.",
        area: AREA_AT_MOMENT,
        denominator: Some(Measure::PracticesTotal),
    },
    Definition {
        measure: Measure::PracticesTotal,
        words: "Practices in the registry that were open at the moment: past their open date, before their close date, \
                neither dormant nor proposed.",
        area: AREA_AT_MOMENT,
        denominator: None,
    },
    Definition {
        measure: Measure::PatientsRegistered,
        words: "The sum of the list sizes of the open practices, by the publication that is named as the source. A \
                practice without a published list counts as nothing.",
        area: AREA_AT_MOMENT,
        denominator: None,
    },
    Definition {
        measure: Measure::PatientsWithAccess,
        words: "Online accounts with the capability on, by each live practice's latest supplier return for a period that \
                ended on or before the moment's day. Practices that are not live count as nothing, and so do live \
                practices without a return.",
        area: AREA_AT_MOMENT,
        denominator: Some(Measure::PatientsRegistered),
    },
    Definition {
        measure: Measure::RecordViews,
        words: "Times that a record was opened through the capability in the period, by any approved app.",
        area: AREA_AT_EVENT,
        denominator: None,
    },
    Definition {
        measure: Measure::Viewers,
        words: "Distinct pseudonyms that opened a record in the period (the 30 days to the moment, unless another period \
                is named), estimated from sketches; the bounds are two standard errors away.",
        area: AREA_AT_EVENT,
        denominator: Some(Measure::PatientsWithAccess),
    },
];

impl Measure {
    /// Its definition.
    #[must_use]
    pub fn definition(self) -> &'static Definition {
        let found = CATALOGUE.iter().find(|definition| definition.measure == self);
        found.expect("the catalogue defines every measure")
    }

    fn id(self) -> &'static str {
        match self {
            Self::PracticesLive => "practices-live",
            Self::PracticesTotal => "practices-total",
            Self::PatientsRegistered => "patients-registered",
            Self::PatientsWithAccess => "patients-with-access",
            Self::RecordViews => "record-views",
            Self::Viewers => "viewers",
        }
    }
}

/// The definition's resource name, `definitions/viewers`.
impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "definitions/{}", self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_measure_has_its_definition() {
        use Measure::*;
        for measure in [PracticesLive, PracticesTotal, PatientsRegistered, PatientsWithAccess, RecordViews, Viewers] {
            assert_eq!(measure.definition().measure, measure);
        }
    }

    #[test]
    fn the_catalogue_reads_like_this() {
        let lines = CATALOGUE.map(|definition| format!("{}: {}", definition.measure, definition.words));
        insta::assert_snapshot!(lines.join("\n"));
    }
}
