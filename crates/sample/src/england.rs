//! The whole: practices in PCNs in areas, with names, patients and suppliers, as files.

use crate::settlement::Settlement;
use crate::supplier_mix::SupplierMix;
use crate::{Error, geography, list_sizes, names};
use jiff::civil::{Date, date};
use ods::epraccur::Layout;
use ods::{
    Epraccur, Format, ListSize, ListSizes, MappedPractice, Organisations, Pcn, PcnCode, PracticeCode, PracticeMap,
    RegisteredPractice, Source, Status, SubIcbCode, draw,
};
use std::collections::BTreeSet;

/// Practices of the real England in 2026.
pub const PRACTICES_COUNT_DEFAULT: u32 = 6_129;

/// More practices than any country has; what the shape of a practice code leaves room for.
pub const PRACTICES_COUNT_MAX: u32 = 1_000_000;

/// Lines before the first practice, in the files that have a header.
const HEADER_LINES: u64 = 1;

/// What England is to be like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// Another seed gives other names, sizes and neighbours in the same proportions.
    pub seed: u64,
    /// From 1 to [`PRACTICES_COUNT_MAX`].
    pub practices_count: u32,
    /// The suppliers and their shares.
    pub supplier_mix: SupplierMix,
    /// The day that the files describe. No practice opens after it.
    pub extract_date: Date,
}

impl Recipe {
    /// All of England, with the real shares of suppliers.
    #[must_use]
    pub fn new(seed: u64, extract_date: Date) -> Self {
        Self { seed, practices_count: PRACTICES_COUNT_DEFAULT, supplier_mix: SupplierMix::default(), extract_date }
    }
}

/// A synthetic England, as the documents that its files hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct England {
    /// Practices and where they belong.
    pub map: PracticeMap,
    /// Their patients.
    pub list_sizes: ListSizes,
    /// The same practices with their opening dates; no others, and none that is closed.
    pub epraccur: Epraccur,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// As the publisher names it.
    pub name: &'static str,
    /// Its kind.
    pub format: Format,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl England {
    /// England by this recipe: the same for the same recipe.
    ///
    /// # Errors
    /// Where the number of practices is out of bounds.
    pub fn new(recipe: &Recipe) -> Result<Self, Error> {
        let practices_count = recipe.practices_count;
        if !(1..=PRACTICES_COUNT_MAX).contains(&practices_count) {
            return Err(Error::PracticesCount { practices_count });
        }
        let (areas, organisations) = geography::lay_out(recipe.seed, practices_count);
        let settlement = Settlement::new(recipe.seed, practices_count, &areas);
        let list_sizes = list_sizes::list_sizes(recipe.seed, &settlement.to_be_sized(&areas));
        let suppliers = recipe.supplier_mix.assign(recipe.seed, &settlement.leanings());

        let mut england = Self::empty(organisations, recipe.extract_date);
        let mut rows: Vec<_> = settlement.sites.into_iter().zip(list_sizes).zip(suppliers).collect();
        rows.sort_by_key(|((site, _), _)| site.code);
        for ((site, patients), supplier) in rows {
            let code = site.code;
            let sub_icb = areas[site.area].sub_icb;
            let name = names::practice(recipe.seed, code.as_str());
            let postcode = Some(names::postcode(recipe.seed, code.as_str(), site.area));
            england.join_pcn(recipe.seed, site.pcn, sub_icb);
            england.register(recipe, code, &name, postcode.clone(), sub_icb);
            let line = england.map.practices.len() as u64 + HEADER_LINES + 1;
            let sub_icb_ons_code =
                england.map.organisations.sub_icbs.get(&sub_icb).and_then(|sub_icb| sub_icb.ons_code);
            let list_size = ListSize { line, code, patients, sub_icb, sub_icb_ons_code, postcode: postcode.clone() };
            england.list_sizes.practices.push(list_size);
            let supplier = Some(supplier);
            england.map.practices.push(MappedPractice { line, code, name, postcode, pcn: site.pcn, sub_icb, supplier });
        }
        Ok(england)
    }

    fn empty(organisations: Organisations, extract_date: Date) -> Self {
        let source = Source { publication: "GP_PRAC_PAT_LIST".into(), extract_date: Some(extract_date) };
        Self {
            map: PracticeMap { source: source.clone(), organisations, practices: Vec::new() },
            list_sizes: ListSizes { source, practices: Vec::new() },
            epraccur: Epraccur { layout: Layout::New, practices: Vec::new(), others: 0 },
        }
    }

    /// There are only PCNs that have a practice.
    fn join_pcn(&mut self, seed: u64, pcn: PcnCode, sub_icb: SubIcbCode) {
        if !pcn.is_unallocated() {
            let new = || Pcn { code: pcn, name: names::pcn(seed, pcn.as_str()), sub_icbs: BTreeSet::new() };
            self.map.organisations.pcns.entry(pcn).or_insert_with(new).sub_icbs.insert(sub_icb);
        }
    }

    fn register(
        &mut self,
        recipe: &Recipe,
        code: PracticeCode,
        name: &str,
        postcode: Option<String>,
        sub_icb: SubIcbCode,
    ) {
        let Some(icb) = self.map.organisations.icb_of(sub_icb) else { return };
        self.epraccur.practices.push(RegisteredPractice {
            line: self.epraccur.practices.len() as u64 + 1,
            code,
            name: name.into(),
            postcode,
            region: icb.region,
            icb: Some(icb.code),
            sub_icb: Some(sub_icb),
            opened: opened(recipe.seed, code, recipe.extract_date),
            closed: None,
            status: Status::Active,
        });
    }

    /// The files as the publishers would write them: the map, the list sizes, epraccur in its new layout.
    #[must_use]
    pub fn files(&self) -> [File; 3] {
        [
            File { name: "gp-reg-pat-prac-map.csv", format: Format::Map, bytes: self.map.encode() },
            File { name: "gp-reg-pat-prac-all.csv", format: Format::ListSizes, bytes: self.list_sizes.encode() },
            File { name: "epraccur.csv", format: Format::Epraccur, bytes: self.epraccur.encode() },
        ]
    }
}

/// Four practices in five have the day on which the register began; the others opened since.
fn opened(seed: u64, practice: PracticeCode, extract_date: Date) -> Date {
    let register_began = date(1974, 4, 1);
    if draw(seed, "opened-later", practice, 0, 0).below(5) > 0 {
        return register_began.min(extract_date);
    }
    let days = draw(seed, "opened", practice, 0, 0).below(50 * 365) as i32;
    register_began.saturating_add(jiff::Span::new().days(days)).min(extract_date)
}
