//! Nor behind a trait object that lives for as long as the mutator is borrowed.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports, unused_variables)]

use gc_core::{Heap, Mutator};

type Number<'m> = Box<dyn Fn(&Mutator) -> u64 + 'm>;

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    fn number<'m>(m: &'m mut Mutator) -> Number<'m> {
        m.frame(|m, [number]| {
            let kept = number.keep(m, m.alloc(1_u64));
            Box::new(move |m: &Mutator| *kept.get(m)) as Number<'m>
        })
    }
    let kept = number(&mut m);
}
