//! I30: no publication discloses. The attackers here share no code with what they attack: they know rule 13, see every issue
//! ever published, and know of each practice where it lies, how long its list is, and on which return its number rests.

mod exhaustive;
mod history;
mod intervals;
mod knowledge;
mod reading;
mod relations;
mod remedies;
mod world;
