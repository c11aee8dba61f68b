//! A visit of a value in pieces: it ends after so many elements of the value's containers, and
//! another one goes on from there.
//!
//! The first visit is *quick*: it counts, and notes no position. It ends the visit of a container
//! that holds more than is left, and still visits all that lies inline. So a value that is not big
//! costs a subtraction for each of its containers. A value that turns out to be big is visited
//! again from its beginning, *by position*, in as many pieces as it takes. Some of its elements are
//! visited twice, a piece at most.
//!
//! - **[pieces.position]** A position has an index for each depth: of an element among the elements
//!   of all containers that lie side by side there, and of an element of the containers in that
//!   one, and so on.
//! - **[pieces.unchanged]** The visits together visit every element if the value does not change
//!   between them. If it does, they visit elements that it holds, perhaps not all of them: a
//!   position is found again by comparing it with lengths, and nothing else is kept.
//! - **[pieces.bounded]** A visit looks at as many elements as its caller allows, at the containers
//!   that lie beside those and around them, and at what lies inline. A container that cannot go on
//!   from an index (a map, a linked list) is one element, and is visited whole.

use super::Visitor;

/// Where a visit ended: empty at the beginning of the value ([pieces.position]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position(Vec<usize>);

/// How far a visitor may go, and where it stands.
pub(crate) struct Pieces {
    /// Elements that may be visited before a visit looks closer: none in a visit by position.
    left: usize,
    /// The visit has ended before the value did.
    ended: bool,
    /// The rest belongs to visits by position.
    by_position: bool,
    /// Elements that the piece may still visit.
    budget: usize,
    /// The way to the first element of the piece while `finding`, and to the first one of the next
    /// piece when the visit has ended.
    position: Position,
    finding: bool,
    /// The depth of the containers that are reached now, and the elements of those that came
    /// before, side by side.
    depth: usize,
    before: usize,
}

/// A visitor that may visit a value in pieces.
pub(crate) trait InPieces: Visitor {
    fn pieces(&mut self) -> &mut Pieces;
}

impl Pieces {
    /// Returns the state of a visitor that visits everything.
    pub(crate) fn none() -> Self {
        Self {
            left: usize::MAX,
            ended: false,
            by_position: false,
            budget: 0,
            position: Position::default(),
            finding: false,
            depth: 0,
            before: 0,
        }
    }

    /// Begins a quick visit, of at most `most` elements.
    #[inline(always)]
    pub(crate) fn begin_quick(&mut self, most: usize) {
        debug_assert!(!self.ended && !self.by_position, "a visit that has ended was not noticed");
        self.left = most;
    }

    /// Begins a quick visit inside of one. Returns what [`end_inner`](Self::end_inner) takes.
    #[inline(always)]
    pub(crate) fn begin_inner(&mut self, most: usize) -> (usize, bool) {
        debug_assert!(!self.by_position);
        (core::mem::replace(&mut self.left, most), core::mem::replace(&mut self.ended, false))
    }

    /// Ends a visit inside of another one. Returns whether it ended before its value did.
    #[inline(always)]
    pub(crate) fn end_inner(&mut self, (left, ended): (usize, bool)) -> bool {
        self.left = left;
        core::mem::replace(&mut self.ended, ended)
    }

    /// Returns whether the quick visit ended before the value did.
    #[inline(always)]
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Returns whether the visit is one by position. What lies inline was visited before, by the
    /// quick one.
    #[inline(always)]
    pub(crate) fn by_position(&self) -> bool {
        self.by_position
    }

    /// Returns whether a visit by position is at what lies inline in the value, which the quick one
    /// has visited.
    pub(crate) fn is_inline_again(&self) -> bool {
        self.by_position && self.depth == 0
    }

    /// Begins a visit of at most `most` elements, from a position on.
    pub(crate) fn begin_at(&mut self, position: Position, most: usize) {
        debug_assert!(most > 0);
        let finding = !position.0.is_empty();
        *self = Self { left: 0, by_position: true, budget: most, finding, position, ..Self::none() };
    }

    /// Ends a visit, of either kind. Returns the position of the next piece, if the visit ended
    /// before the value did.
    pub(crate) fn end(&mut self) -> Option<Position> {
        let ended = core::mem::replace(self, Self::none());
        ended.ended.then_some(ended.position)
    }
}

/// Visits the elements of a container, or those that are in the piece.
#[inline(always)]
pub(crate) fn elements<V: InPieces>(visitor: &mut V, len: usize, mut element: impl FnMut(&mut V, usize)) {
    let pieces = visitor.pieces();
    if len <= pieces.left {
        pieces.left -= len;
        for index in 0..len {
            element(visitor, index);
        }
    } else {
        some(visitor, len, element);
    }
}

/// Visits a container that cannot go on from an index, as one element ([pieces.bounded]).
pub(crate) fn whole<V: InPieces>(visitor: &mut V, mut visit: impl FnMut(&mut V)) {
    elements(visitor, 1, |visitor, _| {
        let pieces = visitor.pieces();
        let outer =
            (core::mem::replace(&mut pieces.left, usize::MAX), core::mem::replace(&mut pieces.by_position, false));
        visit(visitor);
        let pieces = visitor.pieces();
        (pieces.left, pieces.by_position) = outer;
    });
}

/// Visits those elements of a container that are in the piece, or none in a quick visit.
#[cold]
#[inline(never)]
fn some<V: InPieces>(visitor: &mut V, len: usize, mut element: impl FnMut(&mut V, usize)) {
    let pieces = visitor.pieces();
    if !pieces.by_position {
        (pieces.left, pieces.ended) = (0, true);
    }
    if pieces.ended {
        return;
    }
    let (depth, before) = (pieces.depth, pieces.before);
    pieces.before = before + len;
    let first = match pieces.position.0.get(depth) {
        Some(at) if pieces.finding => at.saturating_sub(before),
        _ => 0,
    };
    for index in first..len {
        let pieces = visitor.pieces();
        // The piece begins in this element, or with it.
        let inside = pieces.finding && pieces.position.0.len() > depth + 1;
        if !inside {
            pieces.finding = false;
            if pieces.budget == 0 {
                pieces.ended = true;
                pieces.position.0.clear();
                pieces.position.0.resize(depth + 1, before + index);
                return;
            }
            pieces.budget -= 1;
        }
        (pieces.depth, pieces.before) = (depth + 1, 0);
        element(visitor, index);
        let pieces = visitor.pieces();
        (pieces.depth, pieces.before) = (depth, before + len);
        if pieces.ended {
            pieces.position.0[depth] = before + index;
            return;
        }
        // If the value has changed, the place was not found inside.
        pieces.finding = false;
    }
}

#[cfg(all(test, not(gc_loom)))]
mod tests {
    use std::collections::{BTreeSet, LinkedList, VecDeque};

    use super::*;
    use crate::{
        Gc,
        collections::HashMap,
        object::{CellWord, EphemeronPair, PointerSlot},
        trace::{Trace, sealed},
    };

    /// Notes the pointers that it visits.
    struct Counting {
        pieces: Pieces,
        visited: Vec<usize>,
    }

    impl sealed::Visitor for Counting {}

    impl InPieces for Counting {
        fn pieces(&mut self) -> &mut Pieces {
            &mut self.pieces
        }
    }

    impl Visitor for Counting {
        const MOVES: bool = false;

        unsafe fn pointer_slot(&mut self, pointer_slot: *mut PointerSlot) {
            // SAFETY: the caller passes a pointer slot.
            self.visited.push(unsafe { &*pointer_slot }.get().addr());
        }

        unsafe fn cell<T: Trace>(&mut self, _: *mut CellWord, _: *mut T) {
            unreachable!("there are no cells")
        }

        unsafe fn ephemeron(&mut self, _: *mut EphemeronPair) {
            unreachable!("there are no ephemerons")
        }

        fn elements(&mut self, len: usize, element: impl FnMut(&mut Self, usize)) {
            elements(self, len, element);
        }

        fn whole(&mut self, visit: impl FnMut(&mut Self)) {
            whole(self, visit);
        }
    }

    /// A pointer that is only compared.
    fn pointer(number: usize) -> Gc<'static, u64> {
        let address = core::ptr::NonNull::new(core::ptr::without_provenance_mut(number * 16)).unwrap();
        // SAFETY: it is never dereferenced.
        unsafe { Gc::from_address(address) }
    }

    /// Makes pointers that are all different.
    struct Pointers(usize);

    impl Pointers {
        fn next(&mut self) -> Gc<'static, u64> {
            self.0 += 1;
            pointer(self.0)
        }

        fn vec(&mut self, len: usize) -> Vec<Gc<'static, u64>> {
            (0..len).map(|_| self.next()).collect()
        }

        fn all(&self) -> BTreeSet<usize> {
            (1..=self.0).map(|number| number * 16).collect()
        }
    }

    fn visit<T: Trace>(value: &mut T, pieces: Pieces) -> (Vec<usize>, Option<Position>) {
        let mut visitor = Counting { pieces, visited: Vec::new() };
        // SAFETY: a value that nothing else uses.
        unsafe { T::trace(value, &mut visitor) };
        (visitor.visited, visitor.pieces.end())
    }

    fn quick(most: usize) -> Pieces {
        Pieces { left: most, ..Pieces::none() }
    }

    fn at(position: Position, most: usize) -> Pieces {
        let mut pieces = Pieces::none();
        pieces.begin_at(position, most);
        pieces
    }

    /// Visits a value in pieces of every size. Each visits no more than its elements and `inline`
    /// pointers beside them, and together they visit all that there are.
    fn in_pieces<T: Trace>(value: &mut T, all: &BTreeSet<usize>, inline: usize) {
        for most in 1..=all.len() + 2 {
            let (mut visited, ended) = visit(value, quick(most));
            assert!(visited.len() <= most + inline, "{} at once of {most}", visited.len());
            let mut next = ended.is_some().then(Position::default);
            let mut turns = 0;
            while let Some(position) = next {
                let (piece, ended) = visit(value, at(position.clone(), most));
                assert!(piece.len() <= most + inline, "{} at once of {most}", piece.len());
                assert_ne!(ended.as_ref(), Some(&position), "no step forward");
                visited.extend(piece);
                next = ended;
                turns += 1;
                assert!(turns <= 4 * all.len() + 4, "no end with pieces of {most}");
            }
            assert_eq!(&visited.into_iter().collect::<BTreeSet<_>>(), all, "pieces of {most}");
        }
    }

    #[test]
    fn containers_are_visited_in_pieces() {
        let mut p = Pointers(0);
        let mut vec = p.vec(20);
        in_pieces(&mut vec, &p.all(), 0);
        let mut ring: VecDeque<_> = vec.into();
        ring.rotate_left(7);
        in_pieces(&mut ring, &p.all(), 0);
        let mut boxed: Box<[_]> = ring.into_iter().map(Some).collect();
        in_pieces(&mut boxed, &p.all(), 0);
        in_pieces(&mut Some((1, boxed)), &p.all(), 0);
        let mut empty = Vec::<Gc<'static, u64>>::new();
        in_pieces(&mut empty, &BTreeSet::new(), 0);
    }

    #[test]
    fn containers_side_by_side_are_visited_in_pieces() {
        let mut p = Pointers(0);
        let mut value =
            (p.vec(5), p.next(), VecDeque::from(p.vec(7)), [p.next(), p.next()], p.vec(0), Box::new(p.vec(3)));
        in_pieces(&mut value, &p.all(), 1);
    }

    #[test]
    fn containers_in_containers_are_visited_in_pieces() {
        let mut p = Pointers(0);
        let mut rows: Vec<_> = [3, 0, 1, 6, 2, 0].map(|len| p.vec(len)).into();
        in_pieces(&mut rows, &p.all(), 0);
        let deep = vec![(vec![p.vec(2), p.vec(3)], p.next()), (vec![], p.next()), (vec![p.vec(4)], p.next())];
        in_pieces(&mut (rows, deep, p.vec(1)), &p.all(), 1);
    }

    #[test]
    fn maps_and_lists_are_one_element() {
        let mut p = Pointers(0);
        let map: HashMap<u32, Vec<Gc<'static, u64>>> = (0..3).map(|key| (key, p.vec(2))).collect();
        let list: LinkedList<_> = p.vec(5).into_iter().collect();
        let mut value = (p.vec(4), map, list, p.vec(4));
        in_pieces(&mut value, &p.all(), 10);
    }

    /// Whatever becomes of a value between two pieces, the visits come to an end, and see what it
    /// holds.
    #[test]
    fn a_value_may_change_between_pieces() {
        let mut seed = 1_u64;
        let mut random = move |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as usize % below
        };
        for _ in 0..2000 {
            let mut p = Pointers(0);
            let mut value = (p.vec(random(9)), (0..random(5)).map(|_| p.vec(random(5))).collect::<Vec<_>>());
            let mut next = Some(Position::default());
            let mut turns = 0;
            while let Some(position) = next {
                let (visited, ended) = visit(&mut value, at(position, 1 + random(4)));
                let held: BTreeSet<_> =
                    value.0.iter().chain(value.1.iter().flatten()).map(|p| p.address().addr()).collect();
                assert!(visited.iter().all(|&address| held.iter().any(|held| held.get() == address)));
                next = ended;
                turns += 1;
                assert!(turns < 1000, "no end");
                match random(8) {
                    0 => value.0.truncate(random(4)),
                    1 => value.0.extend(p.vec(random(9))),
                    2 => value.1.truncate(random(3)),
                    3 => value.1.push(p.vec(random(5))),
                    4 => value.1.iter_mut().for_each(Vec::clear),
                    5 => value.1.reverse(),
                    _ => {}
                }
            }
        }
    }
}
