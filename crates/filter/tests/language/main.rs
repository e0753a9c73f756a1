//! The language of filters: what it means, what it refuses, and that it means what CEL means.

mod any_text;
mod differential;
mod errors;
mod meaning;
mod practice;
