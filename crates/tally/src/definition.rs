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
    /// Online accounts of any kind.
    OnlineAccounts,
    /// Of them, those with access.
    AccountsWithAccess,
    /// Patients that the review code excludes.
    PatientsExcluded,
    /// Patients on the lists that suppliers return.
    PatientsReturned,
    /// The one over the other.
    ExclusionRate,
    /// Patients registered, as published by organisation.
    PatientsPublished,
    /// The first step of the monthly measure of 2024.
    ComplianceStep1,
    /// The second.
    ComplianceStep2,
    /// The third: prospective access is the default for new users of the App.
    ComplianceStep3,
    /// The fourth: access is on for at least 90 % of online accounts.
    ComplianceStep4,
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
    /// What it means is not known here: the words say what is, and no figure is made.
    pub not_known: bool,
}

/// What the two steps of which nobody told us ask.
const STEP_NOT_KNOWN: &str = "A step of the monthly measure of 2024 that this program does not count: its words are not known \
                              here. Of the steps that come after it only their own words are counted, whether or not it is met.";

const AREA_AT_MOMENT: &str = "Practices open at the moment, by the registry's directory as at the moment.";
const AREA_AT_EVENT: &str = "The area that the practice lay in when the event was counted, or of PCNs, of people of sub-ICBs and \
                             of sets of practices where it lay at the end of the period; England has every event, also those \
                             of practices that the registry has not told of yet.";

/// Every definition.
pub const CATALOGUE: [Definition; 16] = [
    Definition {
        measure: Measure::PracticesLive,
        words: "Practices at which the capability was last observed ON at the moment, by the rule of the observation's \
                source. Observed, never assumed; an unknown or partial state is not live.",
        area: AREA_AT_MOMENT,
        denominator: Some(Measure::PracticesTotal),
        not_known: false,
    },
    Definition {
        measure: Measure::PracticesTotal,
        words: "Practices in the registry that were open at the moment: past their open date, before their close date, \
                neither dormant nor proposed.",
        area: AREA_AT_MOMENT,
        denominator: None,
        not_known: false,
    },
    Definition {
        measure: Measure::PatientsRegistered,
        words: "The sum of the list sizes of the open practices, by the publication that is named as the source. A \
                practice without a published list counts as nothing.",
        area: AREA_AT_MOMENT,
        denominator: None,
        not_known: false,
    },
    Definition {
        measure: Measure::PatientsWithAccess,
        words: "Online accounts with the capability on, by each live practice's latest supplier return for a period that \
                ended on or before the moment's day. Practices that are not live count as nothing, and so do live \
                practices without a return.",
        area: AREA_AT_MOMENT,
        denominator: Some(Measure::PatientsRegistered),
        not_known: false,
    },
    Definition {
        measure: Measure::RecordViews,
        words: "Times that a record was opened through the capability in the period, by any approved app.",
        area: AREA_AT_EVENT,
        denominator: None,
        not_known: false,
    },
    Definition {
        measure: Measure::Viewers,
        words: "Distinct pseudonyms that opened a record in the period (the 30 days to the moment, unless another period \
                is named), estimated from sketches; the bounds are two standard errors away.",
        area: AREA_AT_EVENT,
        denominator: Some(Measure::PatientsWithAccess),
        not_known: false,
    },
    Definition {
        measure: Measure::OnlineAccounts,
        words: "Online accounts of any kind at live practices, by each one's latest supplier return for a period that ended on \
                or before the moment's day, where the return gives them.",
        area: AREA_AT_MOMENT,
        denominator: None,
        not_known: false,
    },
    Definition {
        measure: Measure::AccountsWithAccess,
        words: "Online accounts with the capability on, at those live practices whose latest return also gives the online \
                accounts of any kind; so both are of the same practices.",
        area: AREA_AT_MOMENT,
        denominator: Some(Measure::OnlineAccounts),
        not_known: false,
    },
    Definition {
        measure: Measure::PatientsExcluded,
        words: "Patients with the code 1364731000000104 (enhanced review indicated before granting access to own health record), \
                by each open practice's latest supplier return that also gives its list. Those given access all the same by \
                1364751000000106 are not taken off.",
        area: AREA_AT_MOMENT,
        denominator: Some(Measure::PatientsReturned),
        not_known: false,
    },
    Definition {
        measure: Measure::PatientsReturned,
        words: "Patients on the list, as the supplier counted them in the same return: of the same practices and days as what \
                is counted out of them, and not a publication's.",
        area: AREA_AT_MOMENT,
        denominator: None,
        not_known: false,
    },
    Definition {
        measure: Measure::ExclusionRate,
        words: "definitions/patients-excluded over definitions/patients-returned.",
        area: AREA_AT_MOMENT,
        denominator: Some(Measure::PatientsReturned),
        not_known: false,
    },
    Definition {
        measure: Measure::PatientsPublished,
        words: "Registered patients of the organisation, exact as published, by the publication that is named as the source and \
                of its latest day at or before the moment. England is the sum of the regions.",
        area: "The organisation as the publication drew it on its day; practices are not added up here.",
        denominator: None,
        not_known: false,
    },
    Definition {
        measure: Measure::ComplianceStep1,
        words: STEP_NOT_KNOWN,
        area: AREA_AT_MOMENT,
        denominator: Some(Measure::PracticesTotal),
        not_known: true,
    },
    Definition {
        measure: Measure::ComplianceStep2,
        words: STEP_NOT_KNOWN,
        area: AREA_AT_MOMENT,
        denominator: Some(Measure::PracticesTotal),
        not_known: true,
    },
    Definition {
        measure: Measure::ComplianceStep3,
        words: "Practices at which prospective access is the default for new users of the App: the capability was last observed \
                ON, by the rule of the observation's source. Practices of which nothing was observed, or an unknown state, are \
                those without data.",
        area: AREA_AT_MOMENT,
        denominator: Some(Measure::PracticesTotal),
        not_known: false,
    },
    Definition {
        measure: Measure::ComplianceStep4,
        words: "Practices that are live and where, by their latest supplier return for a period that ended on or before the \
                moment's day, the capability is on for at least 90 % of online accounts. Without data are those whose state or \
                online accounts are not known.",
        area: AREA_AT_MOMENT,
        denominator: Some(Measure::PracticesTotal),
        not_known: false,
    },
];

impl Measure {
    /// Its definition.
    #[must_use]
    pub fn definition(self) -> &'static Definition {
        let found = CATALOGUE.iter().find(|definition| definition.measure == self);
        found.expect("the catalogue defines every measure")
    }

    /// The measure that a definition's resource name names.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        CATALOGUE.iter().map(|definition| definition.measure).find(|measure| measure.to_string() == name)
    }

    fn id(self) -> &'static str {
        match self {
            Self::PracticesLive => "practices-live",
            Self::PracticesTotal => "practices-total",
            Self::PatientsRegistered => "patients-registered",
            Self::PatientsWithAccess => "patients-with-access",
            Self::RecordViews => "record-views",
            Self::Viewers => "viewers",
            Self::OnlineAccounts => "online-accounts",
            Self::AccountsWithAccess => "accounts-with-access",
            Self::PatientsExcluded => "patients-excluded",
            Self::PatientsReturned => "patients-returned",
            Self::ExclusionRate => "exclusion-rate",
            Self::PatientsPublished => "patients-published",
            Self::ComplianceStep1 => "compliance-step-1",
            Self::ComplianceStep2 => "compliance-step-2",
            Self::ComplianceStep3 => "compliance-step-3",
            Self::ComplianceStep4 => "compliance-step-4",
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
        let stocks = [PracticesLive, PracticesTotal, PatientsRegistered, PatientsWithAccess, OnlineAccounts];
        let others = [RecordViews, Viewers, AccountsWithAccess, PatientsReturned, PatientsPublished, ExclusionRate];
        let steps = [PatientsExcluded, ComplianceStep1, ComplianceStep2, ComplianceStep3, ComplianceStep4];
        let mut names = std::collections::BTreeSet::new();
        for measure in stocks.into_iter().chain(others).chain(steps) {
            assert_eq!(measure.definition().measure, measure);
            assert!(names.insert(measure.to_string()), "{measure} is the name of two figures");
        }
        assert_eq!(names.len(), CATALOGUE.len());
    }

    #[test]
    fn the_catalogue_reads_like_this() {
        let lines = CATALOGUE.map(|definition| format!("{}: {}", definition.measure, definition.words));
        insta::assert_snapshot!(lines.join("\n"));
    }
}
