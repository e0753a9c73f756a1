//! The items that every practice's readiness checklist has: one list for the registry, which records where each stands, and
//! for the scheduler, whose programmes demand them.

/// An item of every practice's checklist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CatalogueItem {
    /// Its name, `staff-training`.
    pub item: &'static str,
    /// For people.
    pub title: &'static str,
    /// When it is done, in a sentence.
    pub description: &'static str,
    /// Who usually sees to it, by role.
    pub usual_owner: &'static str,
}

/// The ten items, by name.
pub const CATALOGUE: [CatalogueItem; 10] = [
    CatalogueItem {
        item: "at-risk-review",
        title: "Review of patients at risk",
        description: "Patients who could come to harm by seeing their record have been found, and their records marked.",
        usual_owner: "safeguarding lead",
    },
    CatalogueItem {
        item: "communications",
        title: "Telling patients",
        description: "Patients have been told what they will see, from when, and whom to ask.",
        usual_owner: "practice manager",
    },
    CatalogueItem {
        item: "configuration",
        title: "Settings of the GP system",
        description: "The settings for new and existing accounts are as the supplier's guide says.",
        usual_owner: "practice manager",
    },
    CatalogueItem {
        item: "dpia",
        title: "Data protection impact assessment",
        description: "The assessment has been done and signed for the practice as data controller.",
        usual_owner: "data protection officer",
    },
    CatalogueItem {
        item: "named-lead",
        title: "A named lead",
        description: "A named person at the practice answers for the change.",
        usual_owner: "GP partner",
    },
    CatalogueItem {
        item: "policies",
        title: "Policies",
        description: "The practice's policies on access, redaction and complaints cover records that are seen at once.",
        usual_owner: "practice manager",
    },
    CatalogueItem {
        item: "proxy-and-under-16-policy",
        title: "Proxies and under-16s",
        description: "Who may see the record of a child, or of somebody they care for, has been decided and written down.",
        usual_owner: "safeguarding lead",
    },
    CatalogueItem {
        item: "registration-process",
        title: "Registration of new patients",
        description: "New patients are asked and set up so that access begins as it should.",
        usual_owner: "reception lead",
    },
    CatalogueItem {
        item: "safety-case",
        title: "Clinical safety case",
        description: "The supplier's and the programme's clinical safety cases have been read and their risks taken on.",
        usual_owner: "clinical safety lead",
    },
    CatalogueItem {
        item: "staff-training",
        title: "Staff training",
        description: "Everybody who writes into records has been trained to write for a patient who reads.",
        usual_owner: "practice manager",
    },
];

/// The item of the catalogue with this name.
#[must_use]
pub fn catalogue_item(item: &str) -> Option<&'static CatalogueItem> {
    CATALOGUE.iter().find(|known| known.item == item)
}

/// Whether this can be the name of an item: lower-case words and digits joined by hyphens, `staff-training`.
#[must_use]
pub fn is_item_name(item: &str) -> bool {
    let plain = item.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    !item.is_empty() && item.len() <= ITEM_BYTES_MAX && plain && !item.starts_with('-') && !item.ends_with('-')
}

/// Longest name of an item.
pub const ITEM_BYTES_MAX: usize = 63;
