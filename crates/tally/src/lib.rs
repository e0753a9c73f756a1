//! The arithmetic of the statistics: what is counted, of whom, and what the figures mean. Pure.
//!
//! Two halves that meet in the service. Events: a producer's batch is placed by its sequence ([`standing`]), kept as
//! columns of ordinals ([`Events`], by the [`Dictionary`]) and folded into counts and sketches ([`Fold`], [`Sketch`]).
//! Figures of a moment: who was live, how large and where ([`Directory`]), how many accounts have access ([`Returns`]),
//! and from both the [`Stocks`] with their denominators, each by its [`Definition`].
//!
//! Nothing here stores, listens or tells the time; nothing here knows a person: pseudonyms become 64 bits of hash
//! ([`Person`]) and then bits of a sketch.

mod area;
mod area_index;
mod comparison;
mod compliance;
mod day;
mod definition;
mod dictionary;
mod directory;
mod event;
mod events;
mod fact;
mod fault;
mod fold;
mod kept_stocks;
mod listing;
mod period;
mod place;
mod practice_figures;
mod practice_set;
mod publication;
mod reconcile;
mod registers;
mod returns;
mod silence;
mod sketch;
mod slices;
mod source;
mod split;
mod summary;
#[cfg(test)]
mod testing;
mod timeline;
mod totals;

pub use area::{Area, AreaError, AreaKind, Keeping};
pub use area_index::{AREAS_PER_PRACTICE_MAX, AreaIndex, AreaOrdinal};
pub use comparison::{Window, by_first_day};
pub use compliance::{ACCOUNTS_WITH_ACCESS_PERCENT_MIN, Compliance, compliance};
pub use day::{Day, Hour};
pub use definition::{CATALOGUE, Definition, Measure};
pub use dictionary::{CAPABILITIES_MAX, CapabilityOrdinal, Dictionary, PracticeOrdinal, STRANDS_MAX, StrandOrdinal};
pub use directory::{Directory, ListSize, Observed, ObservedState, PracticeRecord, PracticeView, Told, Viewpoint};
pub use event::{CHANNEL_BYTES_MAX, CHANNEL_DEFAULT, Channel, ChannelError, EventKind, Person, Section, Strand};
pub use events::{Event, Events, EventsError};
pub use fact::{Fact, Facts};
pub use fault::EventFault;
pub use fold::{Column, Fold, People};
pub use kept_stocks::KeptStocks;
pub use listing::{ListedReturn, ReturnPlace, ReturnsQuery, list};
pub use period::{Interval, PERIOD_DAYS_DEFAULT, PERIOD_DAYS_MAX, Period, PeriodError};
pub use place::{Place, PracticeStanding};
pub use practice_figures::PracticeFigures;
pub use practice_set::{PracticeSet, memberships};
pub use publication::{
    Accounts, AskedIssue, Content, Correction, CountedViewers, CountedViews, Draft, Exactness, FigureValue, Issue,
    IssueName, IssuePositions, Issued, Level, List, PracticeContent, ProtectedFigure, PublicationName,
    PublicationNameError, PublicationPeriod, PublicationRejection, Publications, PublishedArea, PublishedDenominator,
    PublishedFigure, Release, Remedy, SetRelease, WaveName, WaveNameError,
};
pub use reconcile::{AccessChanges, Difference, DifferenceKind, RETURN_BEFORE_DAYS_MAX, Reconciliation, reconcile};
pub use returns::{
    Comparison, Figures, RETURN_PERIOD_DAYS_MAX, RETURNS_MAX, Returns, ReturnsEvent, ReturnsRejection, Revision,
    Sender, Submission, SubmitReturns,
};
pub use silence::Silence;
pub use sketch::{AREA_LG_K, Estimate, PRACTICE_LG_K, Sketch, SketchError, Union};
pub use slices::{Rest, Slice, Written};
pub use source::{SOURCE_NAME_BYTES_MAX, SequenceError, Source, SourceName, SourceNameError, Standing, standing};
pub use split::{Part, Parts, Split};
pub use summary::{Denominator, Figure, Stocks};
pub use timeline::{
    StockQuery, Whole, practices_by_area, stock_series, stock_series_of_sets, whole_series, whole_series_of_sets,
};
pub use totals::{
    PublishedTotals, SOURCE_CHARS_MAX, SubmitTotals, TOTALS_MAX, TotalsComparison, TotalsIssue, TotalsRejection,
};
