//! The traced types that the model's objects are made of, and one way to look at all of them.

use gc_core::{Gc, GcCell, Mutator, Slot, Trace, WeakSlot};

use super::{
    graph::{Id, Kind},
    weak::{PairOf, WeakOf},
};
use crate::{ledger::Token, random::mix};

/// A pointer to any of them.
#[derive(Trace, Clone, Copy)]
pub(super) enum Ref<'gc> {
    Small(Gc<'gc, Small<'gc>>),
    Wide(Gc<'gc, Wide<'gc>>),
    Line(Gc<'gc, Line<'gc>>),
    Page(Gc<'gc, Page<'gc>>),
    Slab(Gc<'gc, Slab<'gc>>),
    Unit(Gc<'gc, Unit>),
    FarUnit(Gc<'gc, FarUnit>),
    Row(Gc<'gc, [Item<'gc>]>),
    Shelf(Gc<'gc, [FarItem<'gc>]>),
    Text(Gc<'gc, str>),
    Bytes(Gc<'gc, [u8]>),
    Owner(Gc<'gc, Owner<'gc>>),
    BigOwner(Gc<'gc, BigOwner<'gc>>),
    Crowd(Gc<'gc, [Member<'gc>]>),
    Scout(Gc<'gc, Scout<'gc>>),
}

#[derive(Trace)]
pub(super) struct Small<'gc> {
    pub(super) id: Id,
    pub(super) fixed: Option<Ref<'gc>>,
    pub(super) left: Slot<'gc, Small<'gc>>,
    pub(super) any: GcCell<Choice<'gc>>,
}

#[derive(Trace)]
pub(super) struct Wide<'gc> {
    pub(super) first: Slot<'gc, Small<'gc>>,
    pub(super) payload: Payload<1100>,
    pub(super) any: GcCell<Choice<'gc>>,
    pub(super) fixed: [Option<Ref<'gc>>; 2],
    pub(super) last: Slot<'gc, Small<'gc>>,
}

#[derive(Trace)]
#[repr(align(64))]
pub(super) struct Line<'gc> {
    pub(super) id: Id,
    pub(super) fixed: Option<Ref<'gc>>,
    pub(super) row: Slot<'gc, [Item<'gc>]>,
}

#[derive(Trace)]
#[repr(align(4096))]
pub(super) struct Page<'gc> {
    pub(super) payload: Payload<3>,
    pub(super) left: Slot<'gc, Small<'gc>>,
    pub(super) any: GcCell<Choice<'gc>>,
}

#[derive(Trace)]
#[repr(align(1024))]
pub(super) struct Slab<'gc> {
    pub(super) left: Slot<'gc, Small<'gc>>,
    pub(super) payload: Payload<2000>,
    pub(super) fixed: Option<Ref<'gc>>,
}

#[derive(Trace, Clone, Copy)]
pub(super) struct Unit;

#[derive(Trace, Clone, Copy)]
#[repr(align(256))]
pub(super) struct FarUnit;

#[derive(Trace)]
pub(super) struct Item<'gc> {
    pub(super) tag: u64,
    pub(super) left: Slot<'gc, Small<'gc>>,
}

#[derive(Trace)]
#[repr(align(64))]
pub(super) struct FarItem<'gc> {
    pub(super) tag: u64,
    pub(super) left: Slot<'gc, Small<'gc>>,
    pub(super) fixed: Option<Ref<'gc>>,
}

#[derive(Trace)]
pub(super) struct Owner<'gc> {
    pub(super) id: Id,
    pub(super) token: Token,
    pub(super) fixed: Box<Option<Ref<'gc>>>,
    pub(super) list: Vec<Ref<'gc>>,
    pub(super) next: Slot<'gc, Owner<'gc>>,
    pub(super) any: GcCell<Choice<'gc>>,
    pub(super) many: GcCell<Vec<Ref<'gc>>>,
}

#[derive(Trace)]
pub(super) struct BigOwner<'gc> {
    pub(super) many: GcCell<Vec<Ref<'gc>>>,
    pub(super) payload: Payload<1200>,
    pub(super) token: Token,
    pub(super) fixed: Box<Option<Ref<'gc>>>,
    pub(super) next: Slot<'gc, Owner<'gc>>,
}

#[derive(Trace)]
pub(super) struct Member<'gc> {
    pub(super) tag: u64,
    pub(super) token: Token,
    pub(super) friend: Slot<'gc, Small<'gc>>,
    pub(super) fixed: Option<Box<Ref<'gc>>>,
}

#[derive(Trace)]
pub(super) struct Scout<'gc> {
    pub(super) id: Id,
    pub(super) fixed: Option<Ref<'gc>>,
    pub(super) weak: Option<WeakOf<'gc>>,
    pub(super) slot: WeakSlot<'gc, Small<'gc>>,
    pub(super) pairs: GcCell<Vec<PairOf<'gc>>>,
}

/// What a cell for one value holds.
#[derive(Trace, Clone, Copy)]
pub(super) enum Choice<'gc> {
    Nothing,
    Number(u64),
    One(Ref<'gc>),
    Two { a: Ref<'gc>, b: Ref<'gc> },
}

/// The state of a machine, as one root.
#[derive(Trace)]
pub(super) struct State<'gc> {
    pub(super) stack: Vec<Ref<'gc>>,
    pub(super) token: Token,
    pub(super) hot: Slot<'gc, Small<'gc>>,
}

/// An object's id, and words that follow from it.
#[derive(Trace)]
#[trace(leaf)]
pub(super) struct Payload<const N: usize> {
    pub(super) id: Id,
    words: [u64; N],
}

impl<const N: usize> Payload<N> {
    pub(super) fn of(id: Id) -> Self {
        Self { id, words: std::array::from_fn(|index| tag(id, index)) }
    }

    fn check(&self) {
        for index in (0..N).step_by(61).chain([N - 1]) {
            assert_eq!(self.words[index], tag(self.id, index), "word {index} of object {}", self.id);
        }
    }
}

/// What element `index` of object `id` says.
pub(super) fn tag(id: Id, index: usize) -> u64 {
    mix((id as u64) << 32 | index as u64)
}

/// What text `id` says.
pub(super) fn text(id: Id, len: usize) -> String {
    (0..len).map(|index| char::from(b'a' + (tag(id, index) % 26) as u8)).collect()
}

/// What bytes `id` are.
pub(super) fn bytes(id: Id, len: usize) -> Vec<u8> {
    (0..len).map(|index| tag(id, index) as u8).collect()
}

/// A slot of any object.
pub(super) enum SlotOf<'gc> {
    Small(&'gc Slot<'gc, Small<'gc>>),
    Owner(&'gc Slot<'gc, Owner<'gc>>),
    Row(&'gc Slot<'gc, [Item<'gc>]>),
}

/// All that can be seen of an object.
pub(super) struct View<'gc> {
    pub(super) len: usize,
    pub(super) fixed: Vec<Option<Ref<'gc>>>,
    pub(super) slots: Vec<SlotOf<'gc>>,
    pub(super) any: Option<&'gc GcCell<Choice<'gc>>>,
    pub(super) many: Option<&'gc GcCell<Vec<Ref<'gc>>>>,
    pub(super) tokens: Vec<usize>,
    pub(super) scout: Option<&'gc Scout<'gc>>,
}

impl<'gc> SlotOf<'gc> {
    pub(super) fn get(&self) -> Option<Ref<'gc>> {
        match self {
            Self::Small(slot) => slot.get().map(Ref::Small),
            Self::Owner(slot) => slot.get().map(Ref::Owner),
            Self::Row(slot) => slot.get().map(Ref::Row),
        }
    }
}

impl<'gc> Choice<'gc> {
    pub(super) fn edges(self) -> [Option<Ref<'gc>>; 2] {
        match self {
            Self::Nothing | Self::Number(_) => [None, None],
            Self::One(a) => [Some(a), None],
            Self::Two { a, b } => [Some(a), Some(b)],
        }
    }
}

impl<'gc> View<'gc> {
    /// What it points to, in the order of `graph::Object::edges`.
    pub(super) fn edges(&self, m: &'gc Mutator) -> Vec<Ref<'gc>> {
        let mut edges: Vec<_> = self.fixed.iter().copied().flatten().collect();
        edges.extend(self.slots.iter().filter_map(SlotOf::get));
        edges.extend(self.any.iter().flat_map(|any| any.get(m).edges()).flatten());
        edges.extend(self.many.iter().flat_map(|many| many.borrow(m).clone()));
        edges
    }
}

impl<'gc> Ref<'gc> {
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Small(_) => Kind::Small,
            Self::Wide(_) => Kind::Wide,
            Self::Line(_) => Kind::Line,
            Self::Page(_) => Kind::Page,
            Self::Slab(_) => Kind::Slab,
            Self::Unit(_) => Kind::Unit,
            Self::FarUnit(_) => Kind::FarUnit,
            Self::Row(_) => Kind::Row,
            Self::Shelf(_) => Kind::Shelf,
            Self::Text(_) => Kind::Text,
            Self::Bytes(_) => Kind::Bytes,
            Self::Owner(_) => Kind::Owner,
            Self::BigOwner(_) => Kind::BigOwner,
            Self::Crowd(_) => Kind::Crowd,
            Self::Scout(_) => Kind::Scout,
        }
    }

    /// The same object.
    pub(super) fn is(self, other: Self) -> bool {
        match (self, other) {
            (Self::Small(a), Self::Small(b)) => Gc::ptr_eq(a, b),
            (Self::Wide(a), Self::Wide(b)) => Gc::ptr_eq(a, b),
            (Self::Line(a), Self::Line(b)) => Gc::ptr_eq(a, b),
            (Self::Page(a), Self::Page(b)) => Gc::ptr_eq(a, b),
            (Self::Slab(a), Self::Slab(b)) => Gc::ptr_eq(a, b),
            (Self::Unit(a), Self::Unit(b)) => Gc::ptr_eq(a, b),
            (Self::FarUnit(a), Self::FarUnit(b)) => Gc::ptr_eq(a, b),
            (Self::Row(a), Self::Row(b)) => Gc::ptr_eq(a, b),
            (Self::Shelf(a), Self::Shelf(b)) => Gc::ptr_eq(a, b),
            (Self::Text(a), Self::Text(b)) => Gc::ptr_eq(a, b),
            (Self::Bytes(a), Self::Bytes(b)) => Gc::ptr_eq(a, b),
            (Self::Owner(a), Self::Owner(b)) => Gc::ptr_eq(a, b),
            (Self::BigOwner(a), Self::BigOwner(b)) => Gc::ptr_eq(a, b),
            (Self::Crowd(a), Self::Crowd(b)) => Gc::ptr_eq(a, b),
            (Self::Scout(a), Self::Scout(b)) => Gc::ptr_eq(a, b),
            _ => false,
        }
    }

    /// The parts of the object, which must be object `id`: whatever follows from the id is checked.
    pub(super) fn view(self, id: Id) -> View<'gc> {
        let found = |found: Id| assert_eq!(found, id, "another object than expected, a {:?}", self.kind());
        let mut view =
            View { len: 1, fixed: vec![], slots: vec![], any: None, many: None, tokens: vec![], scout: None };
        match self {
            Self::Small(o) => {
                found(o.id);
                let o = Gc::as_ref(o);
                view.fixed.push(o.fixed);
                view.slots.push(SlotOf::Small(&o.left));
                view.any = Some(&o.any);
            }
            Self::Wide(o) => {
                let o = Gc::as_ref(o);
                found(o.payload.id);
                o.payload.check();
                view.fixed.extend(o.fixed);
                view.slots.extend([SlotOf::Small(&o.first), SlotOf::Small(&o.last)]);
                view.any = Some(&o.any);
            }
            Self::Line(o) => {
                let o = Gc::as_ref(o);
                found(o.id);
                aligned(o);
                view.fixed.push(o.fixed);
                view.slots.push(SlotOf::Row(&o.row));
            }
            Self::Page(o) => {
                let o = Gc::as_ref(o);
                found(o.payload.id);
                o.payload.check();
                aligned(o);
                view.slots.push(SlotOf::Small(&o.left));
                view.any = Some(&o.any);
            }
            Self::Slab(o) => {
                let o = Gc::as_ref(o);
                found(o.payload.id);
                o.payload.check();
                aligned(o);
                view.fixed.push(o.fixed);
                view.slots.push(SlotOf::Small(&o.left));
            }
            Self::Unit(_) => {}
            Self::FarUnit(o) => aligned(Gc::as_ref(o)),
            Self::Row(o) => {
                view.len = o.len();
                for (index, item) in Gc::as_ref(o).iter().enumerate() {
                    assert_eq!(item.tag, tag(id, index), "item {index} of row {id}");
                    view.slots.push(SlotOf::Small(&item.left));
                }
            }
            Self::Shelf(o) => {
                view.len = o.len();
                for (index, item) in Gc::as_ref(o).iter().enumerate() {
                    assert_eq!(item.tag, tag(id, index), "item {index} of shelf {id}");
                    aligned(item);
                    view.fixed.push(item.fixed);
                    view.slots.push(SlotOf::Small(&item.left));
                }
            }
            Self::Text(o) => {
                view.len = o.len();
                assert!(*o == *text(id, o.len()), "text {id}");
            }
            Self::Bytes(o) => {
                view.len = o.len();
                assert!(*o == *bytes(id, o.len()), "bytes {id}");
            }
            Self::Owner(o) => {
                let o = Gc::as_ref(o);
                found(o.id);
                view.fixed.push(*o.fixed);
                view.fixed.extend(o.list.iter().copied().map(Some));
                view.slots.push(SlotOf::Owner(&o.next));
                (view.any, view.many) = (Some(&o.any), Some(&o.many));
                view.tokens.push(o.token.number());
            }
            Self::BigOwner(o) => {
                let o = Gc::as_ref(o);
                found(o.payload.id);
                o.payload.check();
                view.fixed.push(*o.fixed);
                view.slots.push(SlotOf::Owner(&o.next));
                view.many = Some(&o.many);
                view.tokens.push(o.token.number());
            }
            Self::Crowd(o) => {
                view.len = o.len();
                for (index, member) in Gc::as_ref(o).iter().enumerate() {
                    assert_eq!(member.tag, tag(id, index), "member {index} of crowd {id}");
                    view.fixed.push(member.fixed.as_deref().copied());
                    view.slots.push(SlotOf::Small(&member.friend));
                    view.tokens.push(member.token.number());
                }
            }
            Self::Scout(o) => {
                let o = Gc::as_ref(o);
                found(o.id);
                view.fixed.push(o.fixed);
                view.scout = Some(o);
            }
        }
        view
    }
}

/// Checks that a value lies at its alignment.
fn aligned<T>(value: &T) {
    let address = std::ptr::from_ref(value).addr();
    assert!(address.is_multiple_of(align_of::<T>()), "{} at {address:#x}", std::any::type_name::<T>());
}
