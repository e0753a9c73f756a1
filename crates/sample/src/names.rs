//! Invented names and postcodes: those of no practice, person or place.

use ods::draw_for;

const FIRST: [&str; 48] = [
    "Ambel", "Arkwen", "Bellow", "Bracken", "Bristle", "Candle", "Cinder", "Clover", "Cobble", "Corvel", "Damsel",
    "Dapple", "Ember", "Fable", "Fallow", "Feather", "Gander", "Garland", "Gosling", "Harbel", "Heron", "Juniper",
    "Kestrel", "Lantern", "Larkwen", "Linnet", "Mallow", "Marrow", "Merrel", "Nettle", "Orrin", "Osprey", "Parrow",
    "Pebble", "Plover", "Quillon", "Raddle", "Sorrel", "Starling", "Tansy", "Teasel", "Thimble", "Thistle", "Tinder",
    "Umber", "Vellum", "Wander", "Yarrow",
];

const SECOND: [&str; 30] = [
    "bourne", "bridge", "bury", "by", "combe", "cote", "dale", "den", "field", "ford", "gate", "ham", "haven", "hill",
    "holt", "hurst", "ley", "marsh", "mere", "minster", "mouth", "pool", "ridge", "shaw", "stead", "thorpe", "ton",
    "vale", "wick", "worth",
];

/// Names of regions, one each.
pub(crate) const REGIONS: [&str; 7] =
    ["Lanternmouth", "Wanderland and West", "Ploverlands", "Midquillon", "Eastern Marrows", "Thistlereach", "Fellmark"];

/// How many places there are.
pub(crate) const PLACES_COUNT: u64 = (FIRST.len() * SECOND.len()) as u64;

/// The place with this number; numbers beyond the last begin again.
pub(crate) fn place(number: u64) -> String {
    let number = (number % PLACES_COUNT) as usize;
    format!("{}{}", FIRST[number % FIRST.len()], SECOND[number / FIRST.len()])
}

/// Some place; the same for the same seed, purpose and subject.
fn some_place(seed: u64, purpose: &str, subject: &str) -> String {
    place(draw_for(seed, purpose, subject, 0, 0).below(PLACES_COUNT))
}

/// In capitals, as the publishers write it.
pub(crate) fn practice(seed: u64, subject: &str) -> String {
    let place = some_place(seed, "practice-name", subject);
    let name = match draw_for(seed, "practice-name-form", subject, 0, 0).below(8) {
        0..=2 => format!("{place} Surgery"),
        3 | 4 => format!("{place} Medical Centre"),
        5 => format!("{place} Health Centre"),
        6 => format!("The {place} Practice"),
        // A comma, so that whoever reads the files meets cells in quotation marks.
        _ => format!("{place}, {} & Partners", some_place(seed, "practice-name-partner", subject)),
    };
    name.to_uppercase()
}

/// In capitals, as the publishers write it.
pub(crate) fn pcn(seed: u64, subject: &str) -> String {
    let place = some_place(seed, "pcn-name", subject);
    let name = match draw_for(seed, "pcn-name-form", subject, 0, 0).below(4) {
        0 => format!("{place} & {} PCN", some_place(seed, "pcn-name-second", subject)),
        1 => format!("{place}, {} & District PCN", some_place(seed, "pcn-name-second", subject)),
        _ => format!("{place} PCN"),
    };
    name.to_uppercase()
}

/// In the postal area ZZ, which does not exist; `district` counts from 0.
pub(crate) fn postcode(seed: u64, subject: &str, district: usize) -> String {
    // ZZ99 stands for "no fixed abode" and its like in health records.
    const DISTRICTS: usize = 98;
    // The Royal Mail leaves out letters that are easily misread.
    const LETTERS: &[u8] = b"ABDEFGHJLNPQRSTUWXYZ";
    let unit = |attempt| {
        let index = draw_for(seed, "postcode", subject, 0, attempt).below(LETTERS.len() as u64);
        char::from(LETTERS[index as usize])
    };
    let sector = draw_for(seed, "postcode-sector", subject, 0, 0).below(9) + 1;
    format!("ZZ{} {sector}{}{}", district % DISTRICTS + 1, unit(0), unit(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_differ_until_they_begin_again() {
        let places: std::collections::BTreeSet<_> = (0..PLACES_COUNT).map(place).collect();
        assert_eq!(places.len() as u64, PLACES_COUNT);
        assert_eq!(place(PLACES_COUNT), place(0));
    }

    #[test]
    fn postcodes_lie_in_no_real_area() {
        for district in 0..200 {
            let postcode = postcode(1, "A81001", district);
            assert!(postcode.starts_with("ZZ") && !postcode.starts_with("ZZ99"), "{postcode}");
        }
    }
}
