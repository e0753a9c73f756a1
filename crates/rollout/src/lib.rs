//! The scheduler's state machine: calendar, cohorts, plans, waves, gates, caps, commands, holds, explanations; pure

pub mod calendar;
