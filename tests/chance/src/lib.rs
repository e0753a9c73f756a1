//! What a process draws at random, drawn from a seed: for a simulation that comes out the same twice.
//!
//! tokio draws which of several waiters it wakes first, and the keys of hash maps are drawn, both from the operating system
//! by way of `getrandom`. The standard library leaves that symbol weak, so that another can stand in its place; this one
//! answers threads that were [seeded](seed_thread) from their seed, and all others as the system does.
//!
//! Only a simulation may name this crate: keys and salts that are drawn by it can be guessed.

use std::cell::Cell;
use std::fs::File;
use std::io::Read;

thread_local! {
    /// Where the thread's sequence is; None where it has none.
    static SEQUENCE: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Draws everything on this thread from `seed` from now on. To be called before anything was drawn on it: the standard library
/// draws once for each thread and then counts.
pub fn seed_thread(seed: u64) {
    SEQUENCE.set(Some(seed));
}

/// Stands in the place of the C library's: fills `buffer` with `length` bytes and returns how many, or -1.
///
/// # Safety
/// As of the function whose place it takes: `buffer` can be written to, `length` bytes long.
#[expect(unsafe_code, reason = "the standard library finds it by its symbol alone")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrandom(buffer: *mut u8, length: usize, _flags: u32) -> isize {
    if buffer.is_null() {
        return -1;
    }
    // SAFETY: the caller's promise, see above.
    let bytes = unsafe { std::slice::from_raw_parts_mut(buffer, length) };
    match SEQUENCE.get() {
        Some(mut place) => {
            for chunk in bytes.chunks_mut(8) {
                place = place.wrapping_add(0x9e37_79b9_7f4a_7c15);
                chunk.copy_from_slice(&mixed(place).to_le_bytes()[..chunk.len()]);
            }
            SEQUENCE.set(Some(place));
        }
        None if File::open("/dev/urandom").and_then(|mut file| file.read_exact(bytes)).is_err() => return -1,
        None => {}
    }
    isize::try_from(length).unwrap_or(-1)
}

/// The finaliser of SplitMix64.
fn mixed(place: u64) -> u64 {
    let mut mixed = place;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, RandomState};
    use std::thread;

    use super::*;

    fn drawn(seed: Option<u64>) -> u64 {
        let draw = move || {
            seed.into_iter().for_each(seed_thread);
            RandomState::new().hash_one(0)
        };
        thread::spawn(draw).join().unwrap()
    }

    #[test]
    fn what_the_standard_library_draws_is_the_seeds_and_chance_elsewhere() {
        assert_eq!(drawn(Some(7)), drawn(Some(7)));
        assert_ne!(drawn(Some(7)), drawn(Some(8)));
        assert_ne!(drawn(None), drawn(None));
    }
}
