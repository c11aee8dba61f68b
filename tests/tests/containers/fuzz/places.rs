//! Where the containers are: in roots, and in cells in objects.

use std::{
    collections::{LinkedList, VecDeque},
    rc::Rc,
};

use gc_core::{Gc, GcCell, Mutator, Root};

use super::{
    elements::{Heavy, Light, Plain},
    maps::{Labelled, Numbered, Ordered, Sorted},
    slices::Boxed,
    table::{Fuzzed, Source, Table},
    user::{World, dangerously},
};

/// A container somewhere.
pub trait Place {
    fn name(&self) -> &'static str;
    /// The names of its operations, in two parts.
    fn operations(&self) -> [&'static [&'static str]; 2];
    /// Does the n-th, with user code that may do anything.
    fn operate(&mut self, world: &World, n: usize);
    /// Reads all elements; whether the container may be used on.
    fn read(&self, m: &Mutator) -> bool;
    /// Puts a new container there.
    fn renew(&mut self, m: &Mutator);
}

fn operate<C: Fuzzed>(container: &mut C, n: usize, source: &Source<'_, C::Element>) {
    match n.checked_sub(C::NAMES.len()) {
        None => container.operate(n, source),
        Some(n) => container.operate_more(n, source),
    }
}

/// Small enough to be fuzzed on, and not empty for long.
fn goes_on<C: Fuzzed>(container: &C) -> bool {
    container.read() && container.size() < 150 && (container.size() > 0 || super::user::chance(4))
}

macro_rules! places {
    ($m:ident, $places:ident; $($container:ident<$element:ident>),+ $(,)?) => { $( {
        type Container<'gc> = $container<$element<'gc>>;
        struct Rooted(Root<Container<'static>>);
        struct Celled(Rc<Root<Gc<'static, GcCell<Container<'static>>>>>);

        fn make(m: &Mutator) -> Container<'_> {
            Container::make(&Source::new(&|| $element::fresh(m)))
        }

        impl Place for Rooted {
            fn name(&self) -> &'static str {
                Container::NAME
            }

            fn operations(&self) -> [&'static [&'static str]; 2] {
                [Container::NAMES, Container::MORE]
            }

            fn operate(&mut self, world: &World, n: usize) {
                let m = &*world.mutator.borrow();
                world.again.take();
                let container = self.0.get_mut(m);
                dangerously(|| operate(container, n, &Source::new(&|| $element::fresh(m))));
            }

            fn read(&self, m: &Mutator) -> bool {
                goes_on(self.0.borrow(m))
            }

            fn renew(&mut self, m: &Mutator) {
                self.0.set(m, make(m));
            }
        }

        impl Place for Celled {
            fn name(&self) -> &'static str {
                Container::NAME
            }

            fn operations(&self) -> [&'static [&'static str]; 2] {
                [Container::NAMES, Container::MORE]
            }

            fn operate(&mut self, world: &World, n: usize) {
                let m = &*world.mutator.borrow();
                let root = self.0.clone();
                world.again.replace(Some(Rc::new(move |m| drop(root.get(m).borrow_mut(m)))));
                let object = self.0.get(m);
                dangerously(|| operate(&mut *object.borrow_mut(m), n, &Source::new(&|| $element::fresh(m))));
                world.again.take();
            }

            fn read(&self, m: &Mutator) -> bool {
                goes_on(&*self.0.get(m).borrow(m))
            }

            fn renew(&mut self, m: &Mutator) {
                if super::user::chance(2) {
                    // The object stays, of whatever generation it is.
                    self.0.get(m).set(m, make(m));
                } else {
                    self.0 = Rc::new(m.root(m.alloc(GcCell::new(make(m)))));
                }
            }
        }

        $places.push(Box::new(Rooted($m.root(make($m)))));
        $places.push(Box::new(Celled(Rc::new($m.root($m.alloc(GcCell::new(make($m))))))));
    } )+ };
}

/// One of each kind, in each kind of place.
pub fn places(m: &Mutator) -> Vec<Box<dyn Place>> {
    let mut places: Vec<Box<dyn Place>> = Vec::new();
    places!(
        m, places;
        Vec<Plain>, Vec<Light>, Vec<Heavy>,
        VecDeque<Plain>, VecDeque<Light>, VecDeque<Heavy>,
        LinkedList<Plain>, LinkedList<Light>, LinkedList<Heavy>,
        Boxed<Plain>, Boxed<Light>, Boxed<Heavy>,
        Box<Plain>, Box<Light>, Box<Heavy>,
        Numbered<Plain>, Numbered<Light>, Numbered<Heavy>, Labelled<Light>, Labelled<Heavy>,
        Ordered<Plain>, Ordered<Heavy>, Sorted<Light>, Sorted<Heavy>,
    );
    places
}
