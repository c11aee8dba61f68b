//! A cell whose content is traced.

use gc_core::{Gc, GcCell, Heap, collections::HashMap};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    let cell: GcCell<HashMap<u32, Gc<str>>> = GcCell::default();
    let _ = cell.borrow(&m);
    cell.set(&m, HashMap::new());
}
