//! Objects that were handed over, in their order.

use core::ptr::NonNull;
use std::collections::VecDeque;

use super::generations::Generations;

/// Objects that were handed over.
#[derive(Default)]
pub(super) struct Handed {
    pub(super) words: VecDeque<*mut u8>,
    /// How many words at the end may hold young objects.
    pub(super) young: usize,
}

impl Handed {
    pub(super) fn push(&mut self, object: NonNull<u8>, generations: Generations<'_>) {
        self.words.push_back(object.as_ptr());
        // So that the young ones are the last ones.
        self.young = if self.young > 0 || generations.is_young(object.addr().get()) { self.young + 1 } else { 0 };
    }

    pub(super) fn pop(&mut self) -> Option<*mut u8> {
        let word = self.words.pop_front()?;
        self.young = self.young.min(self.words.len());
        if self.words.capacity() > 4 * self.words.len().max(LEAST) {
            self.words.shrink_to(2 * self.words.len());
        }
        Some(word)
    }
}

/// Objects for which memory is kept in a queue.
const LEAST: usize = 64;
