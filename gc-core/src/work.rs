//! What a collection still has to do, on stacks of its own, and the threads that help with it.

use core::ptr::NonNull;

use crate::{memory::Edge, team::Team};

/// A part of a slice object that was not traced yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rest {
    pub(crate) slice: NonNull<u8>,
    /// Elements.
    pub(crate) from: usize,
    pub(crate) until: usize,
}

/// Stacks of work. One worker's, or a packet on its way from one to another.
#[derive(Default)]
pub(crate) struct Work {
    /// Places that hold pointers to from-space.
    pub(crate) places: Vec<NonNull<Edge>>,
    /// Objects that still have to be traced.
    pub(crate) objects: Vec<NonNull<u8>>,
    pub(crate) slices: Vec<Rest>,
}

// SAFETY: addresses of heap memory; whoever holds the work answers for using them.
unsafe impl Send for Work {}

/// Elements of a slice that are traced at once.
pub(crate) const PIECE: usize = 1024;
/// The most that is given away at once, of each kind: more would only be given back.
const PACKET: usize = 512;

impl Work {
    /// Takes the next piece of a slice off the stack: the rest of it stays.
    pub(crate) fn next_piece(&mut self) -> Option<Rest> {
        let rest = self.slices.last_mut()?;
        let piece = Rest { until: rest.until.min(rest.from + PIECE), ..*rest };
        rest.from = piece.until;
        if rest.from == rest.until {
            self.slices.pop();
        }
        Some(piece)
    }

    /// How many pieces there are, of any size.
    pub(crate) fn len(&self) -> usize {
        self.places.len() + self.objects.len() + self.slices.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds other work.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.places.append(&mut other.places);
        self.objects.append(&mut other.objects);
        self.slices.append(&mut other.slices);
    }

    /// Half of everything, to be given away: the oldest half, which most is reached from. Nothing if there is but one piece.
    pub(crate) fn split(&mut self) -> Option<Self> {
        let mut half = Self {
            places: oldest_half(&mut self.places),
            objects: oldest_half(&mut self.objects),
            slices: oldest_half(&mut self.slices),
        };
        if half.slices.is_empty()
            && let Some(rest) = self.slices.last_mut()
            && rest.until - rest.from > PIECE
        {
            let middle = rest.from + (rest.until - rest.from) / 2;
            half.slices.push(Rest { from: middle, ..*rest });
            rest.until = middle;
        }
        (!half.is_empty()).then_some(half)
    }
}

fn oldest_half<T>(stack: &mut Vec<T>) -> Vec<T> {
    stack.drain(..(stack.len() / 2).min(PACKET)).collect()
}

/// What a helper does with a packet.
type Do<'a> = dyn Fn(Work) + Sync + 'a;

/// What a helper does with a packet: valid while it is busy (W2 of `team`).
#[derive(Clone, Copy)]
struct Task(*const Do<'static>);

// SAFETY: a shared reference to something `Sync`, in effect.
unsafe impl Send for Task {}

/// The threads that help with a heap's collections.
pub(crate) struct Crew(Team<Work, Task>);

impl Crew {
    pub(crate) fn new() -> Self {
        Self(Team::new())
    }

    /// Whether somebody would take work.
    #[inline(always)]
    pub(crate) fn is_hungry(&self) -> bool {
        self.0.is_hungry()
    }

    /// Wakes helpers that will be wanted soon.
    pub(crate) fn rouse(&self) {
        self.0.rouse();
    }

    /// Gives work away, in the middle of [`lead`](Self::lead) or of its task.
    #[cold]
    pub(crate) fn share(&self, work: Work) {
        self.0.share(work);
    }

    /// Leads up to `helpers` threads: calls `work` with nothing first, and then with what others shared, until nobody has work
    /// any more; helpers call `task`. Both give work away by [`share`](Self::share), and return when they have none.
    ///
    /// A panic in either aborts the process: half of a collection is of no use to anybody.
    pub(crate) fn lead(&self, helpers: usize, task: &Do<'_>, mut work: impl FnMut(Option<Work>)) {
        let bomb = AbortOnUnwind;
        let task: *const Do<'_> = task;
        // SAFETY: only the lifetime changes. Helpers use the task while they are busy, which none is after the team is closed,
        // below; a panic does not get past the bomb.
        let task = Task(unsafe { core::mem::transmute::<*const Do<'_>, *const Do<'static>>(task) });
        self.0.open(task, helpers);
        work(None);
        while let Some(packet) = self.0.next_or_close() {
            work(Some(packet));
        }
        core::mem::forget(bomb);
    }

    /// A helper's life.
    pub(crate) fn serve(&self) {
        self.0.serve(|task, packet| {
            let bomb = AbortOnUnwind;
            // SAFETY: the helper is busy (W2), and `lead` keeps its task until none is.
            unsafe { (*task.0)(packet) };
            core::mem::forget(bomb);
        });
    }

    /// Sends the helpers home.
    pub(crate) fn end(&self) {
        self.0.end();
    }
}

/// Half of a collection is of no use to anybody: dropped by a panic, it ends the process.
pub(crate) struct AbortOnUnwind;

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        eprintln!("gc-core: a collection failed half-way, see above; the heap cannot be used any more: aborting");
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::sync::atomic::{AtomicUsize, Ordering};

    fn slice(from: usize, until: usize) -> Work {
        Work { slices: vec![Rest { slice: NonNull::dangling(), from, until }], ..Work::default() }
    }

    #[test]
    fn slices_come_in_pieces_and_split() {
        let mut work = slice(0, 3 * PIECE + 7);
        let mut half = work.split().unwrap();
        let mut lengths = Vec::new();
        for work in [&mut work, &mut half] {
            while let Some(piece) = work.next_piece() {
                lengths.push(piece.until - piece.from);
            }
        }
        assert!(lengths.iter().all(|&length| length <= PIECE));
        assert_eq!(lengths.iter().sum::<usize>(), 3 * PIECE + 7);
        assert!(slice(0, PIECE).split().is_none(), "one piece is not worth giving away");
    }

    #[test]
    fn work_is_done_once_whoever_does_it() {
        // A piece of work of n elements leads to two of half as many.
        let crew = Crew::new();
        let done = AtomicUsize::new(0);
        let each = |work: Option<Work>| {
            let mut work =
                work.unwrap_or_else(|| Work { objects: vec![NonNull::dangling(); 20_000], ..Work::default() });
            while work.objects.pop().is_some() {
                done.fetch_add(1, Ordering::Relaxed);
                if crew.is_hungry()
                    && let Some(half) = work.split()
                {
                    crew.share(half);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| crew.serve());
            }
            for round in 1..=50 {
                crew.lead(3, &|work| each(Some(work)), each);
                assert_eq!(done.load(Ordering::Relaxed), round * 20_000);
            }
            crew.end();
        });
    }
}
