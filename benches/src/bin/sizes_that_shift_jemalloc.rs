//! `sizes_that_shift` with boxes of jemalloc: `sizes_that_shift_jemalloc VARIANT`.

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    gc_benches::shift::boxes::main();
}
