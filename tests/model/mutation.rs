//! Guards that can be taken away, one at a time, to show that the properties find out.
//!
//! `apply` folds any event and judges nothing. So a guard of `decide` is taken away by applying the event that it would have
//! withheld, or by hiding from one decision what the guard looks at; the code itself stays as it is.

use practice::PermitRefusal;

/// What is taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutation {
    /// Nothing: the model as it is.
    Nothing,
    /// Nothing either; but what is late and can change nothing any more may still arrive at any time.
    NothingSkipped,
    /// The registry grants a permit although a pause is in force.
    PermitUnderPause,
    /// The registry grants a second permit while one is open.
    PermitBesideAnother,
    /// The registry grants a permit to an older decision than it has seen.
    PermitToOldGeneration,
    /// The registry grants a permit again to a key that was settled.
    PermitToClosedKey,
    /// A pause's receipt is written without a look at the open permits.
    ReceiptWithoutLookingAtPermits,
    /// A receipt that was PENDING is told ALREADY_ON once the command took effect.
    ReceiptSaysAlreadyOn,
    /// A settlement does not make the receipts final that wait for it.
    ReceiptStaysPending,
    /// A settlement does not record what was observed with it.
    SettlementWithoutObservation,
    /// The scheduler's journal takes records under any epoch.
    NoFence,
    /// A hold does not withhold what was queued.
    HoldVoidsNothing,
    /// The seal does not look at holds.
    SealIgnoresHolds,
    /// Neither of both.
    HoldVoidsNothingAndSealIgnoresHolds,
    /// What is only intended is sent.
    SentBeforeSeal,
    /// A lost reply counts as not applied, though the key was not closed.
    LostReplyIsNotApplied,
    /// What a pause came too late for is not switched off again.
    NoReversal,
    /// What was switched off is switched off once more while the registry says that a receipt waits.
    ReversedTwice,
    /// Permits of what was given up are not given back.
    NoRelease,
    /// A key that is given back before its permit was asked for is not closed.
    ReleaseLeavesKeyOpen,
    /// A supplier carries out a key that it had closed.
    SupplierReopensKeys,
    /// A supplier carries out whatever arrives, however often, and in any order.
    SupplierRepeatsKeys,
}

impl Mutation {
    /// Whether the registry grants a permit all the same.
    pub(crate) fn ignores(self, refusal: &PermitRefusal) -> bool {
        match refusal {
            PermitRefusal::Paused(_) => self == Self::PermitUnderPause,
            PermitRefusal::PermitOpen(..) => self == Self::PermitBesideAnother,
            PermitRefusal::GenerationStale(_) => self == Self::PermitToOldGeneration,
            PermitRefusal::KeyClosed => self == Self::PermitToClosedKey,
            _ => false,
        }
    }

    pub(crate) fn hold_voids_nothing(self) -> bool {
        matches!(self, Self::HoldVoidsNothing | Self::HoldVoidsNothingAndSealIgnoresHolds)
    }

    pub(crate) fn seal_ignores_holds(self) -> bool {
        matches!(self, Self::SealIgnoresHolds | Self::HoldVoidsNothingAndSealIgnoresHolds)
    }
}
