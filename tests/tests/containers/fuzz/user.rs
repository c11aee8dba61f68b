//! User code that panics on purpose, lies, and comes back to the heap from within a container's method.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    rc::Rc,
    sync::Once,
    thread::LocalKey,
    time::Duration,
};

use gc_core::{AttachError, Heap, Mutator, Root};
use gc_tests::random::Random;

use super::elements::{Element, Plain};

/// What user code reaches of the heap. It is one thread's: the mutator is borrowed while a method of a container runs.
pub struct World {
    pub heap: Heap,
    pub mutator: RefCell<Mutator>,
    /// A container that no operation is under way on.
    pub spare: RefCell<Root<Vec<Plain<'static>>>>,
    /// Borrows the cell whose content is being changed, which panics.
    pub again: RefCell<Option<Rc<dyn Fn(&Mutator)>>>,
}

/// How often each thing happened.
#[derive(Default, Clone, Copy, Debug)]
pub struct Happened {
    pub panics: u64,
    pub other_panics: u64,
    pub forgotten: u64,
    pub reentered: u64,
    pub broken_maps: u64,
}

thread_local! {
    static RANDOM: RefCell<Random> = RefCell::new(Random::new(0));
    /// User code panics at one call in so many; 0: never.
    static PANICS: Cell<u64> = const { Cell::new(0) };
    static LIES: Cell<bool> = const { Cell::new(false) };
    static ARMED: Cell<bool> = const { Cell::new(false) };
    /// Whether expected panics are not told.
    static QUIET: Cell<bool> = const { Cell::new(false) };
    static WORLD: RefCell<Option<Rc<World>>> = const { RefCell::new(None) };
    static HAPPENED: Cell<Happened> = Cell::default();
}

/// What user code panics with.
struct OnPurpose;

pub fn seed(seed: u64) {
    RANDOM.set(Random::new(seed));
}

pub fn enter(world: Option<Rc<World>>) {
    WORLD.set(world);
}

pub fn happened() -> Happened {
    HAPPENED.get()
}

pub fn count(what: impl FnOnce(&mut Happened)) {
    let mut happened = HAPPENED.get();
    what(&mut happened);
    HAPPENED.set(happened);
}

/// A number below `bound`, by chance.
pub fn draw(bound: u64) -> u64 {
    RANDOM.with_borrow_mut(|random| random.below(bound))
}

pub fn below(bound: usize) -> usize {
    draw(bound as u64) as usize
}

pub fn chance(one_in: u64) -> bool {
    draw(one_in) == 0
}

/// An index into so many, now and then just outside.
pub fn index(len: usize) -> usize {
    if chance(32) { len + below(2) } else { below(len.max(1)) }
}

/// A range of so many, now and then one that is not.
pub fn span(len: usize) -> std::ops::Range<usize> {
    let (a, b) = (below(len + 1), below(len + 1));
    if chance(32) { b.max(a) + 1..a + below(3) } else { a.min(b)..a.max(b) }
}

/// Each piece of user code begins with this.
pub fn user() {
    let one_in = PANICS.get();
    if !ARMED.get() || one_in == 0 {
        return;
    }
    match draw(one_in) {
        // A second panic would end the process, by the rules of the language.
        0 if !std::thread::panicking() => {
            count(|happened| happened.panics += 1);
            resume_unwind(Box::new(OnPurpose));
        }
        1 => reenter(),
        _ => {}
    }
}

/// Whether user code gives a wrong answer now.
pub fn lies() -> bool {
    ARMED.get() && LIES.get() && chance(3)
}

/// A closure's answer.
pub fn decide() -> bool {
    user();
    chance(2)
}

/// Does `work` with user code that behaves.
pub fn calmly<R>(work: impl FnOnce() -> R) -> R {
    let _restored = Restored(&ARMED, ARMED.replace(false));
    work()
}

/// Puts a flag back to what it was.
struct Restored(&'static LocalKey<Cell<bool>>, bool);

impl Drop for Restored {
    fn drop(&mut self) {
        self.0.set(self.1);
    }
}

/// Does `work` with user code that does not, this time in one way and next time in another; whether it was left by a panic.
pub fn dangerously(work: impl FnOnce()) -> bool {
    PANICS.set([0, 4, 16, 16, 60, 60, 250, 250][below(8)]);
    LIES.set(chance(4));
    let _restored = (Restored(&ARMED, ARMED.replace(true)), Restored(&QUIET, QUIET.replace(true)));
    attempt(work)
}

/// Whether `work` is left by a panic; by one that nobody expects, so is this.
pub fn attempt(work: impl FnOnce()) -> bool {
    let Err(payload) = catch_unwind(AssertUnwindSafe(work)) else { return false };
    if !payload.is::<OnPurpose>() {
        if !expected(&*payload) {
            resume_unwind(payload);
        }
        count(|happened| happened.other_panics += 1);
    }
    true
}

/// Panics of containers and cells that are used as they may not be.
fn expected(payload: &(dyn Any + Send)) -> bool {
    let Some(text) = payload.downcast_ref::<String>().map(String::as_str).or(payload.downcast_ref().copied()) else {
        return false;
    };
    [
        "expected a map that is whole",
        "index out of bounds",
        "out of range",
        "out of bounds",
        "Out of bounds",
        "assertion failed: mid <= self.len()",
        "assertion failed: k <= self.len()",
        "assertion failed: n <= self.len()",
        "assertion failed: i < self.len()",
        "assertion failed: j < self.len()",
        "slice index starts at",
        "range start is",
        "range start and end are equal",
        "Ord is ill-defined in BTreeMap range",
        "does not correctly implement a total order",
        "should be <= len",
        "should be < len",
        "capacity overflow",
        "entries more: memory allocation failed because the computed capacity",
        "Cannot split off at a nonexistent index",
        "mid > len",
        "greater than length of slice",
        "cannot be greater than the length",
        "destination and source slices have different lengths",
        "copy_from_slice: source slice length",
        "duplicate keys found",
        "expected to write it, but a write guard of this thread is alive",
        "expected to read it, but a write guard of this thread is alive",
        "dest is out of bounds",
    ]
    .iter()
    .any(|expected| text.contains(expected))
}

/// Panics that are expected are not told.
pub fn silence() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let told = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !QUIET.try_with(Cell::get).unwrap_or(false) || !expected(info.payload()) {
                told(info);
            }
        }));
    });
}

/// [`attempt`], of what is known to panic.
pub fn must_panic(work: impl FnOnce()) {
    let restored = Restored(&QUIET, QUIET.replace(true));
    let left = attempt(work);
    drop(restored);
    assert!(left, "expected a panic, found none");
}

/// What a program may do to the heap from within a container's method.
fn reenter() {
    let Some(world) = WORLD.with_borrow(Clone::clone) else { return };
    count(|happened| happened.reentered += 1);
    let propagate = !std::thread::panicking() && chance(4);
    let way = draw(6);
    calmly(|| {
        let Ok(m) = world.mutator.try_borrow() else { panic!("user code ran while the world was the collector's") };
        match way {
            0 => (0..8).for_each(|_| {
                Plain::fresh(&m).read();
            }),
            1 => {
                let Ok(mut spare) = world.spare.try_borrow_mut() else { return };
                let spare = spare.get_mut(&m);
                spare.insert(below(spare.len() + 1), Plain::fresh(&m));
                spare.iter().for_each(Element::read);
                if spare.len() > 20 {
                    spare.drain(5..);
                }
            }
            2 => {
                let again = world.again.borrow().clone();
                if let Some(again) = again {
                    if propagate {
                        let _restored = Restored(&QUIET, QUIET.replace(true));
                        again(&m);
                    }
                    must_panic(|| again(&m));
                }
            }
            3 => {
                assert_eq!(world.heap.attach().map(drop), Err(AttachError::AlreadyAttached));
                assert_eq!(world.heap.attach_timeout(Duration::ZERO).map(drop), Err(AttachError::AlreadyAttached));
                let mut thresholds = world.heap.thresholds();
                thresholds.nursery_bytes = 0;
                assert!(world.heap.set_thresholds(thresholds).is_err());
                let _ = (world.heap.stats(), m.heap().ptr_eq(&world.heap));
            }
            4 => {
                let Ok(spare) = world.spare.try_borrow() else { return };
                let copy = spare.clone_in(&m);
                copy.borrow(&m).iter().for_each(Element::read);
            }
            _ => assert!(world.mutator.try_borrow_mut().is_err(), "user code could have collected"),
        }
    });
}
