//! A smaller England gets a programme of the same proportions.
//!
//! A document speaks of practices in absolute numbers: fifty a day, a wave of a thousand. In an England of three hundred
//! they would tell another story. So its caps, its fixed sizes of waves and the samples of its gates are scaled by the
//! share of practices that there are, and never below one. What is a share, a date or a moment stays as it is.

use anyhow::Context;
use ods::IcbCode;
use rollout::spec::{Cap, CapSet, GateSpec, ProgrammeSpec, Take};

/// How many practices there are, of how many the document speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scale {
    pub(crate) practices: u32,
    pub(crate) of: u32,
}

impl Scale {
    /// The document for so many practices; unchanged where they are as many as it speaks of.
    ///
    /// # Errors
    /// Where the document cannot be read; the message says where.
    pub(crate) fn document(self, document: String) -> anyhow::Result<String> {
        if self.practices == self.of {
            return Ok(document);
        }
        let mut spec: ProgrammeSpec =
            serde_saphyr::from_str(&document).map_err(|error| anyhow::anyhow!("the programme: {error}"))?;
        self.caps(&mut spec.caps.daily);
        self.caps(&mut spec.caps.in_flight);
        self.gate(&mut spec.gate);
        for wave in &mut spec.waves {
            if let Take::Practices(count) = &mut wave.take {
                *count = self.count(*count);
            }
            if let Some(gate) = &mut wave.gate {
                self.gate(gate);
            }
        }
        serde_saphyr::to_string(&spec).context("the scaled programme cannot be written")
    }

    fn caps(self, caps: &mut CapSet) {
        self.cap(&mut caps.national);
        self.cap(&mut caps.each_supplier);
        self.cap(&mut caps.each_icb);
        caps.suppliers.values_mut().for_each(|cap| self.cap(cap));
        // A synthetic England's ICBs have other codes, and an ICB of a smaller one is smaller.
        caps.icbs.iter_mut().for_each(|(_, cap): (&IcbCode, &mut Cap)| self.cap(cap));
    }

    fn cap(self, cap: &mut Cap) {
        cap.practices = cap.practices.map(|count| self.count(count));
        cap.patients = cap.patients.map(|count| self.scaled(count));
    }

    fn gate(self, gate: &mut GateSpec) {
        gate.min_sample = self.count(gate.min_sample);
    }

    fn count(self, count: u32) -> u32 {
        u32::try_from(self.scaled(count.into())).unwrap_or(u32::MAX)
    }

    /// Rounded up: what was allowed at all stays allowed.
    fn scaled(self, count: u64) -> u64 {
        let scaled = (u128::from(count) * u128::from(self.practices)).div_ceil(u128::from(self.of.max(1)));
        u64::try_from(scaled).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"
name: spring
cohort: practice.list_size > 0
windows: [{days: [monday], from: "09:00", to: "17:00"}]
caps: {daily: {national: {practices: 50}, suppliers: {TPP: {practices: 950, patients: 10000}}}}
notice_working_days: 5
gate: {min_success: 0.9, min_sample: 20, soak: 48h, timeout: 240h}
suppliers: {TPP: {mode: push}}
waves: [{wave: 1, from: 2031-03-03, take: {practices: 947}}, {wave: 2, from: 2031-03-10}]
"#;

    #[test]
    fn absolute_numbers_are_scaled_and_everything_else_stays() {
        let scale = Scale { practices: 300, of: 6_000 };
        let scaled: ProgrammeSpec = serde_saphyr::from_str(&scale.document(DOCUMENT.to_owned()).unwrap()).unwrap();
        let mut expected: ProgrammeSpec = serde_saphyr::from_str(DOCUMENT).unwrap();
        expected.caps.daily.national.practices = Some(3);
        let tpp = expected.caps.daily.suppliers.values_mut().next().unwrap();
        *tpp = Cap { practices: Some(48), patients: Some(500) };
        expected.gate.min_sample = 1;
        expected.waves[0].take = Take::Practices(48);
        assert_eq!(scaled, expected);
    }

    #[test]
    fn a_whole_england_keeps_the_document_to_the_letter() {
        let scale = Scale { practices: 6_000, of: 6_000 };
        assert_eq!(scale.document(DOCUMENT.to_owned()).unwrap(), DOCUMENT);
    }
}
