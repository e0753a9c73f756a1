//! What a process takes from its machine, chance and time, taken from a seed: for a simulation that comes out the same twice.
//!
//! tokio draws which of several waiters it wakes first, and the keys of hash maps are drawn, both from the operating system
//! by way of `getrandom`. The standard library leaves that symbol weak, so that another can stand in its place; this one
//! answers threads that were [seeded](seed_thread) from their seed, and all others as the system does.
//!
//! h2 remembers for a second of the machine's time which streams it has reset, and answers what still comes for them by that: a
//! machine that is slow for a moment would have sent something else. So the clocks stand still on a seeded thread (decision 52),
//! on Linux; a simulation has a time of its own.
//!
//! Only a simulation may name this crate: keys and salts that are drawn by it can be guessed.

use std::cell::Cell;
use std::fs::File;
use std::io::Read;

thread_local! {
    /// Where the thread's sequence is; None where it has none.
    static SEQUENCE: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Draws everything on this thread from `seed` from now on, and stops its clocks. To be called before anything was drawn on it:
/// the standard library draws once for each thread and then counts.
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

/// What all clocks of a seeded thread show, in seconds; far from nought, so that an earlier moment can be told.
const STANDS_AT_S: i64 = 1 << 30;

/// Stands in the place of the C library's: where `clock` is, which on a seeded thread is always the same.
///
/// # Safety
/// As of the function whose place it takes: `time` can be written to.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the standard library finds it by its symbol alone")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> libc::c_int {
    if SEQUENCE.get().is_none() {
        // SAFETY: the kernel's own, with the caller's arguments; it refuses what cannot be written to.
        let answer = unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) };
        return if answer == 0 { 0 } else { -1 };
    }
    if time.is_null() {
        return -1;
    }
    // SAFETY: the caller's promise, see above; all bits nought are a `timespec`.
    unsafe {
        time.write(std::mem::zeroed());
        (*time).tv_sec = STANDS_AT_S;
    }
    0
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
    use std::time::{Duration, Instant};

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

    fn passes(seed: Option<u64>) -> Duration {
        let passes = move || {
            seed.into_iter().for_each(seed_thread);
            let began = Instant::now();
            thread::sleep(Duration::from_millis(1));
            began.elapsed()
        };
        thread::spawn(passes).join().unwrap()
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn no_time_passes_on_a_seeded_thread_and_it_does_elsewhere() {
        assert_eq!(passes(Some(7)), Duration::ZERO);
        assert!(passes(None) >= Duration::from_millis(1));
    }
}
