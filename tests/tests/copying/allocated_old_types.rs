//! Which types are allocated old, of many: those for which that is possible, and that are allocated now. And who allocates little in them
//! has nothing collected early.

use std::{sync::Barrier, thread};

use gc_core::{Collect, Gc, Heap, HeapBuilder, Mutator, Root, Slot, Trace};
use gc_tests::heaps::calm;

fn small() -> HeapBuilder {
    calm().nursery_bytes(1 << 20)
}

#[derive(Trace)]
pub(crate) struct Link<'gc> {
    pub(crate) value: u64,
    pub(crate) next: Option<Gc<'gc, Link<'gc>>>,
}

pub(crate) type List = Root<Option<Gc<'static, Link<'static>>>>;

/// Pushes a link to the front.
pub(crate) fn push(m: &mut Mutator, list: &mut List, value: u64) {
    let next = list.get(m);
    list.set(m, Some(m.alloc(Link { value, next })));
    m.safepoint();
}

/// Makes objects of a type of its own that live.
type Kept<const N: usize> = Root<Vec<Gc<'static, [u64; N]>>>;

fn phase<const N: usize>(m: &mut Mutator, bytes: usize) -> Kept<N> {
    let mut kept = m.root(Vec::<Gc<[u64; N]>>::new());
    for n in 0..bytes / (8 * N + 8) {
        let object = m.alloc([n as u64; N]);
        kept.get_mut(m).push(object);
        m.safepoint();
    }
    kept
}

/// Types that are allocated no more take no place from those that are.
#[test]
fn what_was_followed_once_is_forgotten() {
    const LINKS: u64 = 3_000_000;
    let heap = small().build().unwrap();
    let mut m = heap.attach().unwrap();
    let each = 4 << 20;
    let first = (
        phase::<5>(&mut m, each),
        phase::<6>(&mut m, each),
        phase::<7>(&mut m, each),
        phase::<8>(&mut m, each),
        phase::<9>(&mut m, each),
        phase::<10>(&mut m, each),
        phase::<11>(&mut m, each),
        phase::<12>(&mut m, each),
    );
    let second = (
        phase::<13>(&mut m, each),
        phase::<14>(&mut m, each),
        phase::<15>(&mut m, each),
        phase::<16>(&mut m, each),
        phase::<17>(&mut m, each),
        phase::<18>(&mut m, each),
        phase::<19>(&mut m, each),
        phase::<20>(&mut m, each),
    );
    let before = heap.stats().objects_promoted;
    let mut list = m.root(None::<Gc<Link>>);
    (0..LINKS).for_each(|value| push(&mut m, &mut list, value));
    let promoted = heap.stats().objects_promoted - before;
    assert!(promoted < LINKS / 2, "{promoted} of {LINKS} were copied");
    drop((first, second));
}

/// What has a slot is never allocated old, and takes no place from what is.
#[test]
fn what_cannot_be_allocated_old_takes_no_place() {
    const LINKS: u64 = 2_000_000;
    type Other<'gc, const N: usize> = (Slot<'gc, u64>, [u64; N]);
    let heap = small().build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut list = m.root(None::<Gc<Link>>);
    let mut others = (
        m.root(Vec::<Gc<Other<1>>>::new()),
        m.root(Vec::<Gc<Other<3>>>::new()),
        m.root(Vec::<Gc<Other<4>>>::new()),
        m.root(Vec::<Gc<Other<5>>>::new()),
    );
    for value in 0..LINKS {
        if value % 8 == 0 {
            let one = m.alloc((Slot::null(), [value; 1]));
            others.0.get_mut(&m).push(one);
            let other = m.alloc((Slot::null(), [value; 3]));
            others.1.get_mut(&m).push(other);
            let other = m.alloc((Slot::null(), [value; 4]));
            others.2.get_mut(&m).push(other);
            let other = m.alloc((Slot::null(), [value; 5]));
            others.3.get_mut(&m).push(other);
        }
        push(&mut m, &mut list, value);
    }
    let promoted = heap.stats().objects_promoted;
    assert!(promoted < LINKS, "{promoted} were copied, {LINKS} links and half as many others were made");
}

fn collections(heap: &Heap) -> u64 {
    heap.stats().collections.total()
}

/// Each has a block in hand, of which it uses a cell. The cells count, and not the blocks.
#[test]
fn many_mutators_that_allocate_little_have_nothing_collected() {
    const MUTATORS: usize = 100;
    const ROUNDS: u64 = 20;
    let heap = small().stress("pretenure".parse().unwrap()).build().unwrap();
    let mut m = heap.attach().unwrap();
    let start = Barrier::new(MUTATORS + 1);
    let made = thread::scope(|scope| {
        for _ in 0..MUTATORS {
            scope.spawn(|| {
                let mut m = heap.attach().unwrap();
                let mut list = m.root(None::<Gc<Link>>);
                push(&mut m, &mut list, 0);
                for value in 0..=ROUNDS {
                    m.blocked(|| start.wait());
                    m.blocked(|| start.wait());
                    push(&mut m, &mut list, value);
                }
                m.blocked(|| start.wait());
            });
        }
        // All have made one. Now the type is known.
        m.blocked(|| start.wait());
        m.collect(Collect::Young);
        m.collect(Collect::Young);
        m.blocked(|| start.wait());
        let before = collections(&heap);
        for _ in 0..ROUNDS {
            m.blocked(|| start.wait());
            m.blocked(|| start.wait());
        }
        m.blocked(|| start.wait());
        collections(&heap) - before
    });
    assert!(made < 3, "{made} collections for {} objects", MUTATORS as u64 * ROUNDS);
}
