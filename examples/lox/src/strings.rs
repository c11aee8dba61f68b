//! The strings of a program: equal literals are one object, whichever function they are in.
//!
//! The table keeps none of them alive: when a function is collected, so are its literals that nobody else has, and their entries
//! leave. What is put together at run time is not in the table: most of it is looked at once, and to hash it and to enter it costs more
//! than a second copy. So equality compares texts when the pointers differ (`Value::equals`); unequal strings of unequal lengths, the
//! usual case, are told apart by the length.

use gc_core::{Gc, Interner, Mutator, Trace};

#[derive(Trace)]
pub(crate) struct Strings<'gc> {
    literals: Interner<'gc, str>,
    /// Where concatenations are put together.
    #[trace(skip)]
    scratch: String,
}

impl<'gc> Strings<'gc> {
    pub(crate) fn new(m: &'gc Mutator) -> Self {
        Self { literals: Interner::new(m), scratch: String::new() }
    }

    /// The object for the text of a literal.
    pub(crate) fn intern(&self, m: &'gc Mutator, text: &str) -> Gc<'gc, str> {
        self.literals.intern(m, text)
    }

    /// An object for `a` followed by `b`.
    pub(crate) fn concatenate(&mut self, m: &'gc Mutator, a: &str, b: &str) -> Gc<'gc, str> {
        self.scratch.clear();
        self.scratch.push_str(a);
        self.scratch.push_str(b);
        let string = m.alloc_str(&self.scratch);
        // One huge string must not keep its room for ever.
        self.scratch.shrink_to(MAX_SCRATCH);
        string
    }
}

const MAX_SCRATCH: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use gc_core::{Collect, Heap};

    #[test]
    fn equal_literals_are_one_object() -> Result<(), Box<dyn std::error::Error>> {
        let heap = Heap::builder().build()?;
        let m = heap.attach()?;
        let mut strings = Strings::new(&m);
        let a = strings.intern(&m, "ab");
        assert!(Gc::ptr_eq(a, strings.intern(&m, "ab")));
        assert_eq!(*strings.concatenate(&m, "a", "b"), *a);
        assert_eq!(strings.literals.len(), 1);
        Ok(())
    }

    #[test]
    fn what_is_used_stays_and_the_rest_leaves() -> Result<(), Box<dyn std::error::Error>> {
        let heap = Heap::builder().build()?;
        let mut m = heap.attach()?;
        let strings = m.root(Strings::new(&m));
        let used = m.root(strings.borrow(&m).intern(&m, "used"));
        for i in 0..3000 {
            strings.borrow(&m).intern(&m, &format!("string {i}"));
            m.safepoint();
        }
        assert!(Gc::ptr_eq(strings.borrow(&m).intern(&m, "used"), used.get(&m)));
        m.collect(Collect::Full);
        m.drain_drops(std::time::Duration::from_secs(120))?;
        assert_eq!(strings.borrow(&m).literals.len(), 1);
        Ok(())
    }
}
