//! What a seed makes of suppliers: two that are called, one that takes lists for booked dates, and one whose practices switch
//! themselves on.

use jiff::SignedDuration;
use jiff::civil::Time;
use ods::Supplier;
use supplier_simulator::{BookedDates, Delay, SelfService, Share, SupplierProfile};

use super::Chance;

/// Who is called.
pub(crate) const CALLED: [&str; 2] = ["EMIS", "TPP"];

/// Who takes lists, and switches on booked dates.
pub(crate) const BOOKED: &str = "Booker";

/// Whose practices switch themselves on.
pub(crate) const SELF_SERVICE: &str = "Homer";

/// Of the day on which its list is taken: from then on it is too late.
pub(crate) const CUT_OFF: Time = Time::constant(15, 0, 0, 0);

/// How long before the cut-off it is claimed: what a claim takes is a good part of an hour here.
pub(crate) const CLAIM_LEAD: SignedDuration = SignedDuration::from_mins(45);

pub(super) fn supplier(chance: &Chance, number: u64) -> &'static str {
    match chance.between("supplier", number, 0, 19) {
        0..=8 => CALLED[0],
        9..=13 => CALLED[1],
        14..=16 => BOOKED,
        _ => SELF_SERVICE,
    }
}

pub(super) fn profiles(chance: &Chance, is_quiet: bool) -> Vec<SupplierProfile> {
    let called = CALLED.map(|supplier| profile(chance, supplier, is_quiet));
    let share =
        |purpose: &str, least, most| if is_quiet { share_of(0.0) } else { share(chance, purpose, 1.0, least, most) };
    let booked = BookedDates {
        claim_lead: CLAIM_LEAD,
        reported_twice_share: share("booked-reports-twice", 0.2, 0.8),
        ..BookedDates::new(Time::constant(8, 45, 0, 0), Time::constant(10, 0, 0, 0))
    };
    let self_service = SelfService {
        looks_at: Time::constant(9, 30, 0, 0),
        enabled_share: share_of(if is_quiet { 1.0 } else { 0.7 }),
        partial_share: share("self-service-partial", 0.0, 0.4),
        takes: Delay { min: SignedDuration::from_mins(10), max: SignedDuration::from_hours(5) },
    };
    let booked = SupplierProfile { booked: Some(booked), ..profile(chance, BOOKED, is_quiet) };
    let self_service = SupplierProfile { self_service: Some(self_service), ..profile(chance, SELF_SERVICE, is_quiet) };
    called.into_iter().chain([booked, self_service]).collect()
}

fn profile(chance: &Chance, supplier: &str, is_quiet: bool) -> SupplierProfile {
    let name: Supplier = supplier.parse().expect("a supplier's name");
    let prompt = SupplierProfile::prompt(name);
    if is_quiet {
        return prompt;
    }
    let share = |purpose: &str, probability: f64, least: f64, most: f64| {
        share(chance, &format!("{supplier}-{purpose}"), probability, least, most)
    };
    let longest = chance.between(&format!("{supplier}-delay"), "longest", 0, 120);
    let longest = SignedDuration::from_mins(i64::try_from(longest).unwrap_or(0));
    SupplierProfile {
        delay: Delay { min: SignedDuration::ZERO, max: longest },
        answers_within: SignedDuration::from_mins(30),
        refused_share: share("refuses", 0.4, 0.1, 0.3),
        lost_reply_share: share("loses", 0.4, 0.1, 0.3),
        mistaken_share: share("mistakes", 0.3, 0.05, 0.2),
        ..prompt
    }
}

fn share(chance: &Chance, purpose: &str, probability: f64, least: f64, most: f64) -> Share {
    share_of(chance.share(purpose, probability, least, most))
}

fn share_of(share: f64) -> Share {
    Share::try_from(share).expect("a share between two shares")
}
