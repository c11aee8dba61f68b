//! Making objects: in the heap and, if that succeeds, in the graph.

use gc_core::{GcCell, Mutator, Slot, WeakSlot};

use super::{
    super::{
        graph::{Chosen, Graph, Id, Kind, Object},
        objects::{
            BigOwner, Choice, FarItem, FarUnit, Item, Line, Member, Owner, Page, Payload, Ref, Scout, Slab, Small,
            Unit, Wide, bytes, tag, text,
        },
        weak::WeakOf,
    },
    Rooted,
};
use crate::ledger::{Ledger, Token};

/// What new objects are made with.
pub(super) struct Making<'a> {
    pub(super) roots: &'a mut Vec<Rooted>,
    pub(super) graph: &'a mut Graph,
    pub(super) ledger: &'a Ledger,
}

type Found<'gc> = Option<(Id, Ref<'gc>)>;

/// How many elements: none, some, many, or enough for a large object that is traced in pieces.
pub(super) fn length(kind: Kind, size: u32) -> usize {
    let size = size as usize;
    let most = if kind == Kind::Crowd { 300 } else { 3600 };
    let length = match size % 16 {
        0 => 0,
        1..10 => size / 16 % 12,
        10..14 => size / 16 % 200,
        14 => 400 + size / 16 % 300,
        _ => 1000 + size / 16 % 2600,
    };
    length.min(most)
}

impl Making<'_> {
    /// A new object that may hold others, or nothing if the limit forbids it.
    pub(super) fn object<'gc>(&mut self, m: &'gc Mutator, kind: Kind, size: u32, refs: [Found<'gc>; 2]) -> Found<'gc> {
        let id = self.graph.objects.len();
        let ids = refs.map(|found| found.map(|(id, _)| id));
        let [first, second] = refs.map(|found| found.map(|(_, object)| object));
        let mut object = Object::new(kind);
        // Half of the objects that can begin with a slot that is not empty.
        let small = refs.into_iter().flatten().find(|(_, found)| found.kind() == Kind::Small).filter(|_| size & 8 != 0);
        let (small_id, small) = (small.map(|(id, _)| id), small.and_then(|(_, object)| object.small()));
        let (choice, chosen) = match (refs[1], size & 16) {
            (Some((id, object)), 16) => (Choice::One(object), Chosen::One(id)),
            _ => (Choice::Nothing, Chosen::Nothing),
        };
        let any = GcCell::new(choice);
        let mut token = || {
            let token = self.ledger.token();
            object.tokens.push(token.number());
            token
        };
        let made = match kind {
            Kind::Small => {
                (object.fixed, object.slots) = (vec![ids[0]], vec![small_id]);
                object.chosen = Some(chosen);
                let value = Small { id, fixed: first, left: Slot::new(small), any };
                if id.is_multiple_of(2) { m.try_alloc(value).ok() } else { m.try_alloc_with(|| value).ok() }
                    .map(Ref::Small)
            }
            Kind::Wide => {
                (object.fixed, object.slots) = (vec![ids[0], ids[1]], vec![None, small_id]);
                object.chosen = Some(chosen);
                let fixed = [first, second];
                let payload = Payload::of(id);
                let value = Wide { first: Slot::null(), payload, any, fixed, last: Slot::new(small) };
                if id.is_multiple_of(2) { m.try_alloc(value).ok() } else { m.try_alloc_with(|| value).ok() }
                    .map(Ref::Wide)
            }
            Kind::Line => {
                (object.fixed, object.slots) = (vec![ids[0]], vec![None]);
                m.try_alloc(Line { id, fixed: first, row: Slot::null() }).ok().map(Ref::Line)
            }
            Kind::Page => {
                object.slots = vec![small_id];
                object.chosen = Some(chosen);
                m.try_alloc(Page { payload: Payload::of(id), left: Slot::new(small), any }).ok().map(Ref::Page)
            }
            Kind::Slab => {
                (object.fixed, object.slots) = (vec![ids[0]], vec![small_id]);
                m.try_alloc(Slab { left: Slot::new(small), payload: Payload::of(id), fixed: first }).ok().map(Ref::Slab)
            }
            Kind::Unit => m.try_alloc(Unit).ok().map(Ref::Unit),
            Kind::FarUnit => m.try_alloc(FarUnit).ok().map(Ref::FarUnit),
            Kind::Row => {
                object.len = length(kind, size);
                object.slots = (0..object.len).map(|index| small_id.filter(|_| index % 3 == 0)).collect();
                let item = |index| Item { tag: tag(id, index), left: Slot::new(small.filter(|_| index % 3 == 0)) };
                if id.is_multiple_of(2) {
                    m.try_alloc_slice_with(object.len, item).ok().map(Ref::Row)
                } else {
                    m.try_alloc_slice_from_iter((0..object.len).map(item)).ok().map(Ref::Row)
                }
            }
            Kind::Shelf => {
                object.len = length(kind, size) / 4;
                object.slots = vec![small_id; object.len];
                object.fixed = (0..object.len).map(|index| ids[index % 2]).collect();
                let item =
                    |index| FarItem { tag: tag(id, index), left: Slot::new(small), fixed: [first, second][index % 2] };
                m.try_alloc_slice_with(object.len, item).ok().map(Ref::Shelf)
            }
            Kind::Text => {
                object.len = length(kind, size);
                m.try_alloc_str(&text(id, object.len)).ok().map(Ref::Text)
            }
            Kind::Bytes => {
                object.len = length(kind, size) * 5;
                m.try_alloc_slice_copy(&bytes(id, object.len)).ok().map(Ref::Bytes)
            }
            Kind::Owner => {
                (object.fixed, object.slots) = (vec![ids[0]], vec![None]);
                object.fixed.extend(ids.iter().flatten().map(|&id| Some(id)));
                object.chosen = Some(chosen);
                object.many = Some(ids.iter().flatten().copied().collect());
                let list: Vec<_> = [first, second].into_iter().flatten().collect();
                let many = GcCell::new(list.clone());
                let fixed = Box::new(first);
                m.try_alloc(Owner { id, token: token(), fixed, list, next: Slot::null(), any, many })
                    .ok()
                    .map(Ref::Owner)
            }
            Kind::BigOwner => {
                (object.fixed, object.slots, object.many) = (vec![ids[0]], vec![None], Some(vec![]));
                let (payload, many, fixed) = (Payload::of(id), GcCell::default(), Box::new(first));
                m.try_alloc(BigOwner { many, payload, token: token(), fixed, next: Slot::null() })
                    .ok()
                    .map(Ref::BigOwner)
            }
            Kind::Crowd => {
                object.len = length(kind, size);
                object.slots = vec![small_id; object.len];
                object.fixed = vec![ids[0]; object.len];
                let tokens: Vec<Token> = (0..object.len).map(|_| token()).collect();
                let mut index = 0..;
                let members = tokens.into_iter().map(|token| {
                    let tag = tag(id, index.next().unwrap_or(0));
                    Member { tag, token, friend: Slot::new(small), fixed: first.map(Box::new) }
                });
                m.try_alloc_slice_from_iter(members).ok().map(Ref::Crowd)
            }
            Kind::Scout => {
                object.fixed = vec![ids[0]];
                let weak = refs[1].and_then(|(id, found)| Some((id, WeakOf::of(m, found)?)));
                object.weaks = vec![weak.map(|(id, _)| self.graph.mark(id)), None];
                let (weak, slot) = (weak.map(|(_, weak)| weak), WeakSlot::dangling());
                m.try_alloc(Scout { id, fixed: first, weak, slot, pairs: GcCell::default() }).ok().map(Ref::Scout)
            }
        };
        made.map(|made| {
            self.graph.objects.push(object);
            (id, made)
        })
    }
}
