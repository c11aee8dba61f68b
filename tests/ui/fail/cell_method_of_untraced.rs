//! A cell whose content is not traced has its methods, and each says what is wrong with the content.

use std::collections::HashMap;

use gc_core::{Gc, GcCell, Heap};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    let cell: GcCell<HashMap<u32, Gc<str>>> = GcCell::default();
    let _ = cell.borrow(&m);
    cell.set(&m, HashMap::new());
}
