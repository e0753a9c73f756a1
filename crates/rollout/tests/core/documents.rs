//! Documents as users write them.
