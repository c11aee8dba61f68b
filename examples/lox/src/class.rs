//! Classes and instances.
//!
//! Fields have no declarations: an instance gets one when it is first assigned. All instances of a class share one
//! *layout*, the list of the fields that any of them ever had, in the order in which they came; a field's place in it
//! is its index in every instance. An instance that lacks a field of the layout holds [`Value::Absent`] there, or is
//! too short to have it.
//!
//! A class has an *id*, which the inline caches remember (see `Site`). What they conclude from it must stay true:
//!
//! - **K1** A field's index and a method's index never change.
//! - **K2** While a class keeps its id, no field comes to its layout that has the name of one of its methods: a field
//!   shadows a method, and a site that cached the method would not see it. Such a field gives the class a new id.

use std::sync::atomic::{AtomicU64, Ordering};

use gc_core::{Gc, GcCell, Leaf, Mutator, Slot, Trace};

use crate::function::Closure;
use crate::names::Symbol;
use crate::value::{Place, Value};

#[derive(Trace)]
pub(crate) struct Class<'gc> {
    pub(crate) name: Symbol,
    id: Leaf<AtomicU64>,
    /// The method `init`, which calls of the class need at once.
    pub(crate) initializer: Slot<'gc, Closure<'gc>>,
    /// The names of the methods, by index; inherited ones included.
    method_names: GcCell<Leaf<Vec<Symbol>>>,
    /// The methods, by index; longer than there are methods.
    methods: Slot<'gc, [Slot<'gc, Closure<'gc>>]>,
    /// The layout of instances.
    fields: GcCell<Leaf<Vec<Symbol>>>,
}

#[derive(Trace)]
pub(crate) struct Instance<'gc> {
    pub(crate) class: Gc<'gc, Class<'gc>>,
    /// The first fields of the layout.
    inline: [Place<'gc>; INLINE],
    /// The fields behind them.
    more: Slot<'gc, [Place<'gc>]>,
}

/// Gives every class an id of its own.
#[derive(Trace)]
pub(crate) struct ClassIds {
    last: u64,
}

impl ClassIds {
    pub(crate) fn new() -> Self {
        Self { last: 0 }
    }

    fn fresh(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}

impl<'gc> Class<'gc> {
    pub(crate) fn new(m: &'gc Mutator, name: Symbol, ids: &mut ClassIds) -> Gc<'gc, Self> {
        m.alloc(Self {
            name,
            id: Leaf(AtomicU64::new(ids.fresh())),
            initializer: Slot::null(),
            method_names: GcCell::new(Leaf(Vec::new())),
            methods: Slot::null(),
            fields: GcCell::new(Leaf(Vec::new())),
        })
    }

    #[inline(always)]
    pub(crate) fn id(&self) -> u64 {
        // Relaxed: one thread runs the program.
        self.id.0.load(Ordering::Relaxed)
    }

    /// The index of a method.
    pub(crate) fn find_method(&self, m: &'gc Mutator, name: Symbol) -> Option<usize> {
        index_of(&self.method_names.borrow(m).0, name)
    }

    /// The method with this index.
    #[inline(always)]
    pub(crate) fn method(&self, index: usize) -> Option<Gc<'gc, Closure<'gc>>> {
        self.methods.get().and_then(|methods| Gc::as_ref(methods).get(index)?.get())
    }

    pub(crate) fn define_method(&self, m: &'gc Mutator, name: Symbol, method: Gc<'gc, Closure<'gc>>, init: Symbol) {
        let index = self.find_method(m, name).unwrap_or_else(|| {
            let names = &mut self.method_names.borrow_mut(m).0;
            names.push(name);
            names.len() - 1
        });
        let mut methods = self.methods.get();
        if methods.is_none_or(|methods| methods.len() <= index) {
            let longer = m.alloc_slice_with((2 * index).max(4), |i| Slot::new(self.method(i)));
            self.methods.set(m, Some(longer));
            methods = Some(longer);
        }
        if let Some(methods) = methods {
            methods[index].set(m, Some(method));
        }
        if name == init {
            self.initializer.set(m, Some(method));
        }
    }

    /// Copies all methods of `superclass`, before this class has methods of its own.
    pub(crate) fn inherit(&self, m: &'gc Mutator, superclass: &Self) {
        self.method_names.borrow_mut(m).0.clone_from(&superclass.method_names.borrow(m).0);
        let inherited = superclass.methods.get();
        let copy = inherited.map(|methods| m.alloc_slice_with(methods.len(), |i| Slot::new(methods[i].get())));
        self.methods.set(m, copy);
        self.initializer.set(m, superclass.initializer.get());
    }

    /// The index of a field that some instance has or had.
    pub(crate) fn find_field(&self, m: &'gc Mutator, name: Symbol) -> Option<usize> {
        index_of(&self.fields.borrow(m).0, name)
    }

    /// The index of a field, which joins the layout if it is new (K2).
    pub(crate) fn field_index(&self, m: &'gc Mutator, name: Symbol, ids: &mut ClassIds) -> usize {
        self.find_field(m, name).unwrap_or_else(|| {
            if self.find_method(m, name).is_some() {
                // Relaxed: as in `id`.
                self.id.0.store(ids.fresh(), Ordering::Relaxed);
            }
            let fields = &mut self.fields.borrow_mut(m).0;
            fields.push(name);
            fields.len() - 1
        })
    }
}

impl<'gc> Instance<'gc> {
    #[inline(always)]
    pub(crate) fn new(m: &'gc Mutator, class: Gc<'gc, Class<'gc>>) -> Gc<'gc, Self> {
        // Written out: the optimizer stores the elements of a repeated one into a temporary first.
        let inline = [absent(), absent(), absent(), absent()];
        m.alloc(Self { class, inline, more: Slot::null() })
    }

    /// The field with this index of the layout, or [`Value::Absent`].
    #[inline(always)]
    pub(crate) fn field(&self, m: &'gc Mutator, index: usize) -> Value<'gc> {
        match self.place(index) {
            Some(place) => place.get(m),
            None => Value::Absent,
        }
    }

    /// Assigns to the field with this index of the layout, if the instance is long enough.
    #[inline(always)]
    pub(crate) fn set_field(&self, m: &'gc Mutator, index: usize, value: Value<'gc>) -> bool {
        let place = self.place(index);
        if let Some(place) = place {
            place.set(m, value);
        }
        place.is_some()
    }

    /// Assigns to the field with this index of the layout, for which the instance grows if it is too short.
    pub(crate) fn put_field(&self, m: &'gc Mutator, index: usize, value: Value<'gc>) {
        if !self.set_field(m, index, value) {
            self.grow(m, index);
            self.set_field(m, index, value);
        }
    }

    /// Makes the instance long enough for a field.
    #[cold]
    fn grow(&self, m: &'gc Mutator, index: usize) {
        let len = (2 * (index - INLINE)).max(4);
        let longer = m.alloc_slice_with(len, |i| Place::new(self.field(m, INLINE + i)));
        self.more.set(m, Some(longer));
    }

    #[inline(always)]
    fn place(&self, index: usize) -> Option<&Place<'gc>> {
        match self.inline.get(index) {
            Some(place) => Some(place),
            None => Gc::as_ref(self.more.get()?).get(index - INLINE),
        }
    }
}

#[inline(always)]
fn absent<'gc>() -> Place<'gc> {
    Place::new(Value::Absent)
}

/// A linear search: classes have few members, and sites remember what they found.
fn index_of(names: &[Symbol], name: Symbol) -> Option<usize> {
    names.iter().position(|&known| known == name)
}

/// Fields that need no second object.
const INLINE: usize = 4;
