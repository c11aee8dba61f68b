//! Survivors lie in the order in which a program walks them: an object, all that its first field leads to, then its second field. Of each
//! size class the addresses ascend.

use gc_core::{Collect, Gc, GcCell, Heap, Mutator, Root, Slot, Trace};

/// A tree, by whatever its nodes hold their children in.
trait Tree<'gc>: Trace<At<'gc> = Self> + Sized + 'gc {
    fn new(left: Option<Gc<'gc, Self>>, right: Option<Gc<'gc, Self>>) -> Self;
    fn children(&self, m: &'gc Mutator) -> [Option<Gc<'gc, Self>>; 2];
}

#[derive(Trace)]
struct Fields<'gc> {
    left: Option<Gc<'gc, Fields<'gc>>>,
    right: Option<Gc<'gc, Fields<'gc>>>,
}

impl<'gc> Tree<'gc> for Fields<'gc> {
    fn new(left: Option<Gc<'gc, Self>>, right: Option<Gc<'gc, Self>>) -> Self {
        Self { left, right }
    }

    fn children(&self, _: &'gc Mutator) -> [Option<Gc<'gc, Self>>; 2] {
        [self.left, self.right]
    }
}

#[derive(Trace)]
struct Slots<'gc>([Slot<'gc, Slots<'gc>>; 2]);

impl<'gc> Tree<'gc> for Slots<'gc> {
    fn new(left: Option<Gc<'gc, Self>>, right: Option<Gc<'gc, Self>>) -> Self {
        Self([Slot::new(left), Slot::new(right)])
    }

    fn children(&self, _: &'gc Mutator) -> [Option<Gc<'gc, Self>>; 2] {
        self.0.each_ref().map(Slot::get)
    }
}

/// As the fields of a script's object.
#[derive(Trace)]
struct Cells<'gc>([GcCell<Option<Gc<'gc, Cells<'gc>>>>; 2]);

impl<'gc> Tree<'gc> for Cells<'gc> {
    fn new(left: Option<Gc<'gc, Self>>, right: Option<Gc<'gc, Self>>) -> Self {
        Self([GcCell::new(left), GcCell::new(right)])
    }

    fn children(&self, m: &'gc Mutator) -> [Option<Gc<'gc, Self>>; 2] {
        self.0.each_ref().map(|cell| cell.get(m))
    }
}

#[derive(Trace)]
struct Owned<'gc>(Vec<Gc<'gc, Owned<'gc>>>);

impl<'gc> Tree<'gc> for Owned<'gc> {
    fn new(left: Option<Gc<'gc, Self>>, right: Option<Gc<'gc, Self>>) -> Self {
        Self([left, right].into_iter().flatten().collect())
    }

    fn children(&self, _: &'gc Mutator) -> [Option<Gc<'gc, Self>>; 2] {
        [self.0.first().copied(), self.0.get(1).copied()]
    }
}

#[derive(Trace)]
struct InSlice<'gc>(Gc<'gc, [Slot<'gc, InSlice<'gc>>]>);

const DEPTH: usize = 12;

fn build<'gc, T: Tree<'gc>>(m: &'gc Mutator, depth: usize) -> Gc<'gc, T> {
    let child = || (depth > 0).then(|| build(m, depth - 1));
    let (left, right) = (child(), child());
    m.alloc(T::new(left, right))
}

fn walk<'gc, T: Tree<'gc>>(m: &'gc Mutator, node: Gc<'gc, T>, addresses: &mut Vec<usize>) {
    addresses.push((&raw const *node).addr());
    for child in node.children(m).into_iter().flatten() {
        walk(m, child, addresses);
    }
}

/// Returns how many in a hundred steps of a walk lead to the cell behind, or one near it.
fn percent(addresses: &[usize]) -> usize {
    let near = addresses.windows(2).filter(|pair| pair[1].wrapping_sub(pair[0]) <= 128).count();
    near * 100 / (addresses.len() - 1)
}

fn mutator() -> Mutator {
    Heap::builder().auto(false).workers(1).build().unwrap().attach().unwrap()
}

/// Has a tree promoted by the way of generation 1, and at once.
macro_rules! tree_is_in_order {
    ($tree:ident) => {
        for ways in [&[Collect::Young, Collect::Young][..], &[Collect::Promote], &[Collect::Young]] {
            let mut m = mutator();
            let root: Root<Gc<'static, $tree<'static>>> = m.root(build::<$tree<'_>>(&m, DEPTH));
            for &way in ways {
                m.collect(way);
            }
            let mut addresses = Vec::new();
            walk(&m, root.get(&m), &mut addresses);
            assert_eq!(addresses.len(), (2 << DEPTH) - 1);
            let percent = percent(&addresses);
            assert!(percent >= 98, "{}, {ways:?}: {percent} %", stringify!($tree));
        }
    };
}

#[test]
fn what_immutable_fields_lead_to_lies_in_the_order_of_a_walk() {
    tree_is_in_order!(Fields);
}

#[test]
fn what_slots_lead_to_lies_in_the_order_of_a_walk() {
    tree_is_in_order!(Slots);
}

/// Cells of an object that becomes old were traced at once, so siblings lay together and their children elsewhere: a walk took three times
/// as long.
#[test]
fn what_cells_lead_to_lies_in_the_order_of_a_walk() {
    tree_is_in_order!(Cells);
}

#[test]
fn what_vectors_lead_to_lies_in_the_order_of_a_walk() {
    tree_is_in_order!(Owned);
}

/// Nodes and slices are in size classes of their own, and each of these is in order.
#[test]
fn what_slices_lead_to_lies_in_the_order_of_a_walk() {
    fn build<'gc>(m: &'gc Mutator, depth: usize) -> Gc<'gc, InSlice<'gc>> {
        let node = m.alloc(InSlice(m.alloc_slice_with(5, |_| Slot::null())));
        if depth > 0 {
            node.0.iter().for_each(|slot| slot.set(m, Some(build(m, depth - 1))));
        }
        node
    }
    fn walk<'gc>(node: Gc<'gc, InSlice<'gc>>, nodes: &mut Vec<usize>, slices: &mut Vec<usize>) {
        nodes.push((&raw const *node).addr());
        slices.push(node.0.as_ptr().addr());
        node.0.iter().filter_map(Slot::get).for_each(|child| walk(child, nodes, slices));
    }
    let mut m = mutator();
    let root = m.root(build(&m, 5));
    m.collect(Collect::Promote);
    let (mut nodes, mut slices) = (Vec::new(), Vec::new());
    walk(root.get(&m), &mut nodes, &mut slices);
    assert_eq!(nodes.len(), 3906);
    assert!(percent(&nodes) >= 98 && percent(&slices) >= 98, "{} %, {} %", percent(&nodes), percent(&slices));
}

/// What old objects lead to is promoted in the order in which the program stored it.
#[test]
fn what_remembered_slots_lead_to_lies_in_the_order_of_the_stores() {
    let mut m = mutator();
    let all: Gc<'_, [Slot<'_, Fields<'_>>]> = m.alloc_slice_with(1000, |_| Slot::null());
    let root = m.root(all);
    m.collect(Collect::Promote);
    let all = root.get(&m);
    for slot in all.iter() {
        let right = m.alloc(Fields { left: None, right: None });
        let left = m.alloc(Fields { left: None, right: None });
        slot.set(&m, Some(m.alloc(Fields { left: Some(left), right: Some(right) })));
    }
    m.collect(Collect::Promote);
    let mut addresses = Vec::new();
    root.get(&m).iter().filter_map(Slot::get).for_each(|node| walk(&m, node, &mut addresses));
    assert_eq!(addresses.len(), 3000);
    assert!(percent(&addresses) >= 98, "{} %", percent(&addresses));
}

/// Objects that were allocated in any order are copied eight at a time, and their order is mended by the next copy as far as it can be: all are
/// there.
#[test]
fn scattered_objects_are_copied_whole() {
    let mut m = mutator();
    let nodes: Vec<Gc<'_, Slots<'_>>> = (0..8191).map(|_| m.alloc(Slots::new(None, None))).collect();
    let place = |n: usize| n * 4093 % 8191;
    for n in 0..4095 {
        for side in 0..2 {
            nodes[place(n)].0[side].set(&m, Some(nodes[place(2 * n + 1 + side)]));
        }
    }
    let root = m.root(nodes[place(0)]);
    for _ in 0..2 {
        m.collect(Collect::Young);
        let mut addresses = Vec::new();
        walk(&m, root.get(&m), &mut addresses);
        assert_eq!(addresses.len(), 8191);
        addresses.sort_unstable();
        addresses.dedup();
        assert_eq!(addresses.len(), 8191);
    }
}
