//! Codes of the shapes that the publishers use. They depend on how many practices there are, never on the seed: so an
//! example that names `A81001` or `Y11` holds in every synthetic England.

use ods::{IcbCode, OnsCode, PcnCode, PracticeCode, RegionCode, SubIcbCode};

/// Letters that begin the codes of English practices.
const PRACTICE_LETTERS: &[u8] = b"ABCDEFGHJKLMNPY";
/// Practices that share a letter and two digits: serials 001 to 999.
const BLOCK_PRACTICES: usize = 999;
/// The two digits that the real codes begin at, so that the first practice is A81001.
const FIRST_BLOCK_DIGITS: usize = 81;

/// PCNs that can be told apart, U10001 to U99999.
pub(crate) const PCNS_COUNT_MAX: usize = 89_999;

/// Hands out practice codes; each ICB begins a new block, as the real codes once told the area.
pub(crate) struct PracticeCodes {
    block: usize,
    serial: usize,
}

impl PracticeCodes {
    pub(crate) fn new() -> Self {
        Self { block: 0, serial: 0 }
    }

    /// There are blocks for 1,498,500 practices, far above the limit of a recipe.
    pub(crate) fn next(&mut self) -> PracticeCode {
        if self.serial == BLOCK_PRACTICES {
            self.begin_block();
        }
        self.serial += 1;
        let letter = char::from(PRACTICE_LETTERS[self.block % PRACTICE_LETTERS.len()]);
        let digits = (FIRST_BLOCK_DIGITS + self.block / PRACTICE_LETTERS.len()) % 100;
        let code = format!("{letter}{digits:02}{:03}", self.serial);
        code.parse().expect("a letter, two digits and three digits are a practice code")
    }

    /// Does nothing before the first code of a block.
    pub(crate) fn begin_block(&mut self) {
        if self.serial > 0 {
            self.block += 1;
            self.serial = 0;
        }
    }
}

/// `number` counts from 0, below 10.
pub(crate) fn region(number: usize) -> RegionCode {
    // Far from the real ones, which are in the fifties and sixties.
    format!("Y{:02}", 11 + number).parse().expect("Y and two digits are a region code")
}

/// `number` counts from 0, below 100. `long` asks for the five characters that merged ICBs have.
pub(crate) fn icb(number: usize, long: bool) -> IcbCode {
    let letter = letter(number);
    let code = if long {
        format!("{letter}{}X{}Z", number % 10, number / 10)
    } else {
        format!("Q{}{letter}", 1 + number / 26)
    };
    code.parse().expect("both shapes are those of an ICB code")
}

/// `number` counts from 0, below 1,000. Every twelfth has five characters, as in reality.
pub(crate) fn sub_icb(number: usize) -> SubIcbCode {
    let letter = letter(number);
    let code = if number % 12 == 11 {
        format!("{letter}{}X{}W", number % 10, number / 10 % 10)
    } else {
        format!("{:02}{letter}", 50 + number / 26)
    };
    code.parse().expect("both shapes are those of a sub-ICB code")
}

/// `number` counts from 0, below [`PCNS_COUNT_MAX`].
pub(crate) fn pcn(number: usize) -> PcnCode {
    format!("U{:05}", 10_001 + number).parse().expect("U and five digits are a PCN code")
}

/// Of the given kind of area (`E40` region, `E54` ICB, `E38` sub-ICB); the publishers' own begin at 1.
pub(crate) fn ons(kind: &str, number: usize) -> OnsCode {
    format!("{kind}{:06}", 900_001 + number).parse().expect("E and eight digits are an ONS code")
}

fn letter(number: usize) -> char {
    char::from(b'A' + (number % 26) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_first_practice_is_a81001_and_each_block_goes_on_to_the_next() {
        let mut codes = PracticeCodes::new();
        codes.begin_block();
        assert_eq!(codes.next().as_str(), "A81001");
        for _ in 1..BLOCK_PRACTICES {
            codes.next();
        }
        assert_eq!(codes.next().as_str(), "B81001");
        codes.begin_block();
        assert_eq!(codes.next().as_str(), "C81001");
    }

    #[test]
    fn as_many_practices_as_a_recipe_may_have_get_different_codes() {
        let mut codes = PracticeCodes::new();
        let count = crate::PRACTICES_COUNT_MAX as usize;
        let all: BTreeSet<_> = (0..count)
            .map(|number| {
                if number % 30_000 == 0 {
                    codes.begin_block();
                    codes.next()
                } else {
                    codes.next()
                }
            })
            .collect();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn codes_of_organisations_differ() {
        let icbs: BTreeSet<_> = (0..100).map(|number| icb(number, number % 6 == 5)).collect();
        let sub_icbs: BTreeSet<_> = (0..500).map(sub_icb).collect();
        assert_eq!((icbs.len(), sub_icbs.len()), (100, 500));
        assert_eq!(pcn(PCNS_COUNT_MAX - 1).as_str(), "U99999");
    }
}
