//! Which mutators of a shard are full.

use super::{super::count::Released, *};

const FIRST: u64 = FIRST_TOKEN;
const SECOND: u64 = FIRST_TOKEN + 1;
const THIRD: u64 = FIRST_TOKEN + 2;

/// A running mutator.
struct Running {
    word: StateWord,
    poll: Poll,
    rendezvous: Rendezvous,
    waiting: AtomicUsize,
    reported: AtomicUsize,
}

impl Running {
    fn new() -> Self {
        let (waiting, reported) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { word: StateWord::running(0), poll: Poll::new(), rendezvous: Rendezvous::new(), waiting, reported }
    }
}

impl Owner for Running {
    fn word(&self) -> &StateWord {
        &self.word
    }

    fn poll(&self) -> &Poll {
        &self.poll
    }

    fn rendezvous(&self) -> &Rendezvous {
        &self.rendezvous
    }

    fn waiting(&self) -> &AtomicUsize {
        &self.waiting
    }

    fn report_behind(&self, objects: usize) {
        // Relaxed, all in this file: one thread.
        self.reported.store(objects, Ordering::Relaxed);
    }
}

static KIND: Kind = Kind { reclaim: free, free, name: || "nothing" };

unsafe fn free(count: NonNull<Count>) {
    // SAFETY: `ask` has boxed it, and nothing refers to it any more.
    drop(unsafe { Box::from_raw(count.as_ptr()) });
}

/// Drops the last reference to an object of the mutator with this token, as another thread.
fn ask(owners: &Owners, token: u64) {
    let count = NonNull::from(Box::leak(Box::new(Count::new(token))));
    // SAFETY: made just now.
    assert_eq!(unsafe { count.as_ref() }.release_elsewhere(), Released::Ask(token));
    assert!(!owners.ask(token, Object { count, kind: &KIND, round: 0 }));
}

fn free_all(mutator: &Running, merged: Merged) {
    for object in merged.dead {
        // SAFETY: the object is dead, and this has to reclaim it.
        unsafe { (object.kind.reclaim)(object.count) };
    }
    mutator.waiting.fetch_sub(merged.waited, Ordering::Relaxed);
}

#[test]
fn a_full_mutator_is_alone_or_one_of_several() {
    let mutators = [(); 3].map(|()| Running::new());
    let owners = Owners { entries: Mutex::default(), full: Full(AtomicU64::new(NONE)) };
    let full = || [FIRST, SECOND, THIRD].map(|token| owners.is_full(token));
    for (mutator, token) in mutators.iter().zip([FIRST, SECOND, THIRD]) {
        // SAFETY: the mutators live until the end of this test.
        unsafe { owners.enter(token, NonNull::from(mutator)) };
    }
    for _ in 1..FULL {
        ask(&owners, FIRST);
    }
    assert_eq!((full(), mutators[0].reported.load(Ordering::Relaxed)), ([false; 3], 0));
    ask(&owners, FIRST);
    assert_eq!((full(), mutators[0].reported.load(Ordering::Relaxed)), ([true, false, false], FULL));
    assert_eq!(mutators[0].waiting.load(Ordering::Relaxed), FULL);
    for _ in 0..FULL {
        ask(&owners, SECOND);
    }
    assert_eq!(full(), [true; 3], "it is not told which");
    free_all(&mutators[0], owners.drain(FIRST));
    assert_eq!(full(), [false, true, false]);
    for _ in 0..2 * FULL {
        ask(&owners, FIRST);
    }
    assert_eq!((full(), mutators[0].reported.load(Ordering::Relaxed)), ([true; 3], 2 * FULL));
    free_all(&mutators[1], owners.leave(SECOND));
    assert_eq!(full(), [true, false, false]);
    // The new token of the first one is in the same shard.
    let new = FIRST + 64;
    free_all(&mutators[0], renew((&owners, FIRST), (&owners, new), || {}));
    assert!(full() == [false; 3] && !owners.is_full(new));
    for _ in 0..FULL {
        ask(&owners, new);
    }
    assert_eq!((full(), owners.is_full(new)), ([false; 3], true));
    assert_eq!(mutators[0].reported.load(Ordering::Relaxed), 2 * FULL, "it was more before");
    free_all(&mutators[0], owners.leave(new));
    free_all(&mutators[2], owners.leave(THIRD));
    assert!(full() == [false; 3] && mutators.iter().all(|mutator| mutator.waiting.load(Ordering::Relaxed) == 0));
}
