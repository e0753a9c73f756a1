//! How deep the parser's tree can be, counted from the tokens of the text alone.
//!
//! Counted is what holds for every tree of these tokens, so the count may be too high and is never too low. An operand is
//! as deep as it has dots, calls and brackets; a term is a chain of operands in which each operator is one level more,
//! whatever binds tighter; of terms joined by `&&`, and of those joined by `||`, the parser makes balanced trees; the
//! elements of a list lie side by side.

/// What lies between an open bracket, or the beginning, and the place reached.
#[derive(Default)]
pub(super) struct Level {
    /// Dots, calls and brackets of the operand at hand.
    operand: usize,
    /// The deepest operand of the term at hand before it.
    deepest_operand: usize,
    /// Operators of the term at hand.
    operators: usize,
    /// The terms before it, since the last `||`.
    conjunction: Joined,
    /// The conjunctions before it, since the last comma.
    disjunction: Joined,
    /// The deepest element before the last comma.
    deepest_element: usize,
}

impl Level {
    /// The depth of all that has been read at this level.
    pub(super) fn depth(&self) -> usize {
        let term = self.operators + self.operand.max(self.deepest_operand);
        self.deepest_element.max(self.disjunction.depth(self.conjunction.depth(term)))
    }

    /// How far a bracket that is opened now lies below the level.
    pub(super) fn above_bracket(&self) -> usize {
        self.disjunction.depth(self.conjunction.depth(self.operators + self.operand)) + 1
    }

    /// A dot, a call or an index.
    pub(super) fn postfix(&mut self) {
        self.operand += 1;
    }

    /// A bracket that is closed, as deep as that.
    pub(super) fn bracket(&mut self, depth: usize) {
        self.operand = self.operand.max(depth + 1);
    }

    /// An operator before or between operands.
    pub(super) fn operator(&mut self) {
        self.deepest_operand = self.deepest_operand.max(self.operand);
        self.operand = 0;
        self.operators += 1;
    }

    /// `&&`.
    pub(super) fn and(&mut self) {
        self.conjunction.add(self.operators + self.operand.max(self.deepest_operand));
        (self.operand, self.deepest_operand, self.operators) = (0, 0, 0);
    }

    /// `||`.
    pub(super) fn or(&mut self) {
        self.and();
        self.disjunction.add(std::mem::take(&mut self.conjunction).total());
    }

    /// A comma.
    pub(super) fn comma(&mut self) {
        *self = Self { deepest_element: self.depth(), ..Self::default() };
    }
}

/// What one of the two logical operators joins.
#[derive(Default)]
struct Joined {
    count: usize,
    deepest: usize,
}

impl Joined {
    fn add(&mut self, depth: usize) {
        self.count += 1;
        self.deepest = self.deepest.max(depth);
    }

    /// The depth of the balanced tree of what has been joined.
    fn total(&self) -> usize {
        self.deepest + levels(self.count)
    }

    /// The same with one more at its end.
    fn depth(&self, last: usize) -> usize {
        self.deepest.max(last) + levels(self.count + 1)
    }
}

/// The levels of a balanced tree above that many leaves.
fn levels(leaves: usize) -> usize {
    leaves.next_power_of_two().trailing_zeros() as usize
}
