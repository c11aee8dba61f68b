//! The most of a figure for some cycles: memory that was in use at a time will be again, if the
//! program goes on as before.

/// The most of a figure since a cycle ended, and in so many cycles before.
#[derive(Clone, Copy)]
pub(crate) struct Peak<const CYCLES: usize> {
    now: usize,
    /// The last one first.
    before: [usize; CYCLES],
}

impl<const CYCLES: usize> Default for Peak<CYCLES> {
    fn default() -> Self {
        Self { now: 0, before: [0; CYCLES] }
    }
}

impl<const CYCLES: usize> Peak<CYCLES> {
    pub(crate) fn note(&mut self, figure: usize) {
        self.now = self.now.max(figure);
    }

    /// Ends a cycle, and begins the next with a figure.
    pub(crate) fn begin(&mut self, figure: usize) {
        self.before.rotate_right(1);
        self.before[0] = core::mem::replace(&mut self.now, figure);
    }

    pub(crate) fn most(&self) -> usize {
        self.before.iter().copied().fold(self.now, usize::max)
    }
}
