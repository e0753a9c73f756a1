//! CEL for lists and cohorts: a closed, checked, bounded subset; pure
