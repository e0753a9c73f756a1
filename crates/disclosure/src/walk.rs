//! The search for worlds that look the same: a walk, step by step away from the true one.
//!
//! A step moves the subject by one patient and sets right whatever then looks different by moving others, one patient at a time:
//! always one of the tightest sum that is wrong, and of its numbers the one after which the least is wrong. Where that leads nowhere
//! it begins again and looks at the numbers in another order. It looks no further ahead: with a correction in between a patient is
//! in some twenty sums, and what sets all of them right at once lies several moves deep among thousands of numbers each, which no
//! search move by move to a fixed depth reaches.
//!
//! Chance is a function of the subject and of how far the step has come, so the same tables lead to the same worlds.

use crate::worlds::{Subject, Sum, Worlds};

/// Moves of one attempt: what can be set right is, nearly always, by fewer than ten.
const MOVES_MAX: usize = 16;

/// Attempts at one step: where few numbers hang together, they have been gone through by then.
const ATTEMPTS_MAX: u64 = 64;

/// Numbers looked at for one move. Of England's thousands a sample does: where any of them helps, many do.
const LOOKS_PER_MOVE_MAX: usize = 512;

/// Numbers looked at for one step, besides [`SCANS_MAX`]: bounds the time for a cell that is not safe.
const LOOKS_MAX: usize = 2_000;

/// Further looks for one step, as many as going through England's numbers so often.
const SCANS_MAX: usize = 3;

/// After the first attempt one move in so many is made blindly: the best one may be what leads nowhere.
const BLIND_MOVES_ONE_IN: u64 = 4;

/// What an area can lose against a practice within it: one by each move of two steps.
const LEAD_MAX: i64 = 2 * (MOVES_MAX as i64 + 1);

pub(crate) struct Walk<'a> {
    worlds: &'a mut Worlds,
    subject: Subject,
    /// The subject's distance from the truth after this step.
    wanted: i64,
    /// Every move since the walk began, and how many of them the present step found.
    trail: Vec<(usize, i64)>,
    step_begins: usize,
    /// Sums that are out of their bounds.
    wrong: Vec<usize>,
    /// Of the present step.
    looks_left: usize,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(worlds: &'a mut Worlds, subject: Subject) -> Self {
        Self { worlds, subject, wanted: 0, trail: Vec::new(), step_begins: 0, wrong: Vec::new(), looks_left: 0 }
    }

    /// Goes to a world in which the subject is one more, or one less. False where none is found: the walk is over then.
    pub(crate) fn step(&mut self, direction: i64) -> bool {
        self.wanted += direction;
        for (number, _) in &self.trail[self.step_begins..] {
            self.worlds.numbers[*number].moved_now = 0;
        }
        self.step_begins = self.trail.len();
        let (value, bounds) = match self.subject {
            Subject::Part(part) => (self.worlds.numbers[part].value, self.worlds.numbers[part].bounds),
            Subject::Sum(sum) => (self.worlds.sums[sum].value, self.worlds.sums[sum].bounds),
        };
        if !bounds.holds(value + self.wanted) {
            return false;
        }
        if let Subject::Sum(sum) = self.subject {
            self.wrong.push(sum);
        }
        self.looks_left = LOOKS_MAX + SCANS_MAX * self.worlds.largest_sum;
        (0..ATTEMPTS_MAX).any(|attempt| self.looks_left > 0 && self.attempt(direction, attempt))
    }

    /// Goes back to the true world.
    pub(crate) fn end(self) {
        for (number, _) in self.trail {
            let number = &mut self.worlds.numbers[number];
            (number.moved, number.moved_now) = (0, 0);
            for sum in &number.sums {
                self.worlds.sums[*sum].moved = 0;
            }
        }
    }

    /// Moves numbers until no sum is out of its bounds, or back to where the step began.
    fn attempt(&mut self, direction: i64, attempt: u64) -> bool {
        if let Subject::Part(part) = self.subject {
            self.shift(part, direction);
        }
        for moves in 0..MOVES_MAX {
            let tightest = self.wrong.iter().min_by_key(|sum| (self.worlds.sums[**sum].parts.len(), **sum));
            let Some(&sum) = tightest else { break };
            let direction = -excess(&self.worlds.sums[sum], self.wanted_of(sum), 0).signum();
            let order = draw([self.subject_number(), attempt, moves as u64]);
            let is_blind = attempt > 0 && order.is_multiple_of(BLIND_MOVES_ONE_IN);
            let looks = if is_blind { 1 } else { LOOKS_PER_MOVE_MAX.min(self.looks_left) };
            let Some(part) = self.best_move(sum, direction, order, looks) else { break };
            self.shift(part, direction);
        }
        if self.wrong.is_empty() && self.is_of_people() {
            return true;
        }
        while self.trail.len() > self.step_begins {
            let (part, direction) = self.trail.pop().expect("it is longer");
            self.add(part, -direction);
        }
        false
    }

    /// Whether people can be so many: where some are counted at several practices, an area has no fewer than any practice
    /// within it.
    fn is_of_people(&self) -> bool {
        let moved = self.trail.iter().flat_map(|(number, _)| &self.worlds.numbers[*number].sums);
        let mut in_question = moved.filter(|sum| self.worlds.sums[**sum].lead.is_some_and(|lead| lead <= LEAD_MAX));
        in_question.all(|sum| self.worlds.has_its_largest(*sum))
    }

    /// Of the first numbers of a sum, in an order of their own, the one after whose move the least is wrong.
    fn best_move(&mut self, sum: usize, direction: i64, order: u64, looks: usize) -> Option<usize> {
        let parts = &self.worlds.sums[sum].parts;
        let wrong: i64 = self.wrong.iter().map(|sum| self.misfit(*sum, 0)).sum();
        let candidates = shuffled(parts, order).filter(|part| self.may_move(*part, direction));
        let mut best: Option<(i64, usize)> = None;
        let mut looked = 0;
        for part in candidates.take(looks) {
            looked += 1;
            let sums = self.worlds.numbers[part].sums.iter();
            let after = wrong + sums.map(|sum| self.misfit(*sum, direction) - self.misfit(*sum, 0)).sum::<i64>();
            if best.is_none_or(|(least, _)| after < least) {
                best = Some((after, part));
            }
            if after == 0 {
                break;
            }
        }
        self.looks_left = self.looks_left.saturating_sub(looked);
        best.map(|(_, part)| part)
    }

    /// Whether a number can go one further: within its bounds, not back on this step's own way, and not the subject itself,
    /// which is where it shall be.
    fn may_move(&self, part: usize, direction: i64) -> bool {
        let number = &self.worlds.numbers[part];
        self.subject != Subject::Part(part)
            && number.moved_now * direction >= 0
            && number.bounds.holds(number.value + number.moved + direction)
    }

    /// Moves a number by one, and remembers it.
    fn shift(&mut self, part: usize, direction: i64) {
        self.trail.push((part, direction));
        self.add(part, direction);
    }

    /// Moves a number by one, and keeps account of what is wrong.
    fn add(&mut self, part: usize, direction: i64) {
        let number = &mut self.worlds.numbers[part];
        number.moved += direction;
        number.moved_now += direction;
        for place in 0..number.sums.len() {
            let sum = self.worlds.numbers[part].sums[place];
            self.worlds.sums[sum].moved += direction;
            let known = self.wrong.iter().position(|wrong| *wrong == sum);
            match (known, self.misfit(sum, 0) != 0) {
                (None, true) => self.wrong.push(sum),
                (Some(place), false) => {
                    self.wrong.swap_remove(place);
                }
                (None, false) | (Some(_), true) => {}
            }
        }
    }

    /// By how much a sum is out of its bounds once it has moved by so much more.
    fn misfit(&self, sum: usize, more: i64) -> i64 {
        excess(&self.worlds.sums[sum], self.wanted_of(sum), more).abs()
    }

    /// Where the sum is the subject, its distance from the truth is given.
    fn wanted_of(&self, sum: usize) -> Option<i64> {
        (self.subject == Subject::Sum(sum)).then_some(self.wanted)
    }

    fn subject_number(&self) -> u64 {
        match self.subject {
            Subject::Part(part) => part as u64 * 2,
            Subject::Sum(sum) => sum as u64 * 2 + 1,
        }
    }
}

/// How far a sum is above what it may be; below it, less than 0.
fn excess(sum: &Sum, wanted: Option<i64>, more: i64) -> i64 {
    let Sum { value, moved, bounds, .. } = sum;
    let moved = moved + more;
    match wanted {
        Some(wanted) => moved - wanted,
        None => (value + moved - bounds.most).max(0) + (value + moved - bounds.least).min(0),
    }
}

/// The items in an order that is theirs by chance: neighbours by name, who lie in the same areas, do not come one after the other.
fn shuffled(items: &[usize], order: u64) -> impl Iterator<Item = usize> + '_ {
    let len = items.len();
    let mut stride = 1 + order as usize % len;
    while greatest_common_divisor(stride, len) != 1 {
        stride += 1;
    }
    let start = (order >> 32) as usize % len;
    (0..len).map(move |place| items[(start + place * stride) % len])
}

fn greatest_common_divisor(one: usize, other: usize) -> usize {
    if other == 0 { one } else { greatest_common_divisor(other, one % other) }
}

/// A number that depends on what it is of, and on nothing else.
fn draw(of: [u64; 3]) -> u64 {
    of.into_iter().fold(0x9e37_79b9_7f4a_7c15, |mixed: u64, of| {
        let mixed = (mixed ^ of).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ mixed >> 31).wrapping_mul(0x94d0_49bb_1331_11eb)
    })
}
