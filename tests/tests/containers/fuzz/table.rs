//! Tables of operations: named rows, each of which does one thing to a container.

use super::{
    elements::Element,
    user::{attempt, below, chance, count, draw, user},
};

/// What has a table of operations.
pub trait Table {
    type Element: Element;
    /// The operations.
    const NAMES: &'static [&'static str];
    /// Does the n-th.
    fn operate(&mut self, n: usize, source: &Source<'_, Self::Element>);
}

/// Writes a [`Table`]: a line for each operation.
macro_rules! operations {
    ($($name:literal: |$container:pat_param, $source:pat_param| $operation:expr;)+) => {
        const NAMES: &'static [&'static str] = &[$($name),+];

        fn operate(&mut self, n: usize, source: &Source<'_, Self::Element>) {
            let operations: &[fn(&mut Self, &Source<'_, Self::Element>)] =
                &[$(|$container, $source| { let _ = $operation; }),+];
            operations[n](self, source);
        }
    };
}
pub(super) use operations;

/// A container that is fuzzed.
pub trait Fuzzed: Table {
    const NAME: &'static str;
    /// Further operations: those of the slice that it lends.
    const MORE: &'static [&'static str] = &[];
    fn operate_more(&mut self, _: usize, _: &Source<'_, Self::Element>) {}

    /// One with some elements.
    fn make(source: &Source<'_, Self::Element>) -> Self;

    /// Reads every element that it still lends; whether it is whole. One that is not must lend none.
    fn read(&self) -> bool;

    fn size(&self) -> usize;
}

/// Elements that are new.
pub struct Source<'s, T> {
    make: &'s dyn Fn() -> T,
}

impl<'s, T> Source<'s, T> {
    pub fn new(make: &'s dyn Fn() -> T) -> Self {
        Self { make }
    }

    pub fn one(&self) -> T {
        (self.make)()
    }

    pub fn many(&self, number: usize) -> Vec<T> {
        (0..number).map(|_| self.one()).collect()
    }

    /// So many, now and then one more.
    pub fn as_many(&self, number: usize) -> Vec<T> {
        self.many(number + usize::from(chance(16)))
    }

    pub fn few(&self) -> Vec<T> {
        self.many(below(8))
    }

    /// What a closure makes.
    pub fn by_user(&self) -> T {
        user();
        self.one()
    }

    /// An iterator that is user code, with a size hint of its own.
    pub fn lying(&self) -> Lying<'_, T> {
        Lying {
            source: self,
            left: below(12),
            hint: match draw(6) {
                0 => (0, None),
                1 => (0, Some(0)),
                2 => (30, Some(1)),
                3 => (1000, None),
                4 if chance(8) => (usize::MAX, Some(usize::MAX)),
                _ => (usize::MAX, None),
            },
        }
    }
}

pub struct Lying<'s, T> {
    source: &'s Source<'s, T>,
    left: usize,
    hint: (usize, Option<usize>),
}

impl<T> Iterator for Lying<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        user();
        // It may go on after it has ended.
        if self.left == 0 {
            self.left = below(2);
            return None;
        }
        self.left -= 1;
        Some(self.source.one())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        user();
        // A hint that no vector has room for panics; where a `Splice` is dropped by a panic, that would end the process.
        if std::thread::panicking() {
            return (0, None);
        }
        // At first it is honest, by the highest number there is and no upper bound.
        if self.hint == (usize::MAX, None) { (self.left, Some(self.left)) } else { self.hint }
    }
}

impl<T> DoubleEndedIterator for Lying<'_, T> {
    fn next_back(&mut self) -> Option<T> {
        self.next()
    }
}

impl<T> ExactSizeIterator for Lying<'_, T> {
    fn len(&self) -> usize {
        self.size_hint().0
    }
}

pub fn forget<T>(value: T) {
    count(|happened| happened.forgotten += 1);
    std::mem::forget(value);
}

/// Runs an iterator whole, in part, or in part to be forgotten; with panics going through it, or caught at each step.
pub fn run<I: Iterator>(mut iterator: I) {
    let steps = if chance(3) { usize::MAX } else { below(10) };
    let caught = chance(4);
    for _ in 0..steps {
        let _ = iterator.size_hint();
        let mut more = false;
        let mut step = || {
            let item = iterator.next();
            more = item.is_some();
            user();
        };
        if caught {
            // What panicked may be asked again.
            if attempt(step) && chance(2) {
                continue;
            }
        } else {
            step();
        }
        if !more {
            break;
        }
    }
    if chance(2) {
        forget(iterator);
    }
}

/// [`run`], from both ends.
pub fn run_both<I: DoubleEndedIterator>(mut iterator: I) {
    if chance(2) {
        return run(iterator);
    }
    for _ in 0..below(10) {
        let item = if chance(2) { iterator.next() } else { iterator.next_back() };
        user();
        if item.is_none() {
            break;
        }
    }
    match draw(4) {
        0 => forget(iterator),
        1 => run(iterator.rev()),
        2 => drop(iterator.nth(below(4))),
        _ => {}
    }
}
