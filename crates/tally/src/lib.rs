//! Batch folding, sketches, returns and definitions of the statistics; pure
