//! Ages: for how many days what is kept for a time is kept.

use access_statistics::StatisticsConfig;
use clap::Args;
use jiff::SignedDuration;

const HOURS_PER_DAY: i64 = 24;

/// A quarter: longer than any client tries, and than a supplier takes to hear what became of a request.
const REQUEST_RETENTION_DAYS: u16 = 90;

/// For how many days what is kept for a time is kept. What each is for is told by [`StatisticsConfig`] and the journal's
/// `EngineConfig`.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Ages {
    /// For so many days a request may be repeated and gets its first reply; later its id is a new request's
    #[arg(long, value_name = "DAYS", default_value_t = REQUEST_RETENTION_DAYS, value_parser = clap::value_parser!(u16).range(1..))]
    request_retention_days: u16,
    /// Practices' counts are kept by the hour for so many days, then by the day alone
    #[arg(long, value_name = "DAYS", default_value_t = 45, value_parser = clap::value_parser!(u16).range(1..=3660))]
    hourly_counts_days: u16,
    /// A practice's viewers are told apart by the day for so many days and on to the end of that month, then by the month
    #[arg(long, value_name = "DAYS", default_value_t = 45, value_parser = clap::value_parser!(u16).range(1..=3660))]
    practice_viewers_days: u16,
    /// For so many days a batch of events may be repeated; other events under its numbers are told from it as long
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=3660))]
    batches_days: u16,
    /// What was put into quarantine is listed for so many days
    #[arg(long, value_name = "DAYS", default_value_t = 400, value_parser = clap::value_parser!(u16).range(1..=3660))]
    quarantine_days: u16,
}

impl Ages {
    pub(crate) fn request_retention(self) -> SignedDuration {
        days(self.request_retention_days)
    }

    pub(crate) fn of_statistics(self, config: StatisticsConfig) -> StatisticsConfig {
        StatisticsConfig {
            hourly_count_days: self.hourly_counts_days.into(),
            practice_sketch_days: self.practice_viewers_days.into(),
            batches_kept: days(self.batches_days),
            quarantine_kept: days(self.quarantine_days),
            ..config
        }
    }
}

fn days(count: u16) -> SignedDuration {
    SignedDuration::from_hours(HOURS_PER_DAY * i64::from(count))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Given {
        #[command(flatten)]
        ages: Ages,
    }

    fn statistics(words: &[&str]) -> StatisticsConfig {
        let given = Given::try_parse_from(["serve"].iter().chain(words)).expect("the words are right");
        given.ages.of_statistics(StatisticsConfig::default())
    }

    #[test]
    fn what_is_not_said_is_as_the_statistics_have_it() {
        assert_eq!(format!("{:?}", statistics(&[])), format!("{:?}", StatisticsConfig::default()));
    }

    #[test]
    fn each_age_is_the_one_that_was_named() {
        let words =
            ["--hourly-counts-days=10", "--practice-viewers-days=20", "--batches-days=30", "--quarantine-days=40"];
        let config = statistics(&words);
        assert_eq!((config.hourly_count_days, config.practice_sketch_days), (10, 20));
        assert_eq!((config.batches_kept, config.quarantine_kept), (days(30), days(40)));
        assert!(Given::try_parse_from(["serve", "--batches-days=0"]).is_err());
    }
}
