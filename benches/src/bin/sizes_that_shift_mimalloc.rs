//! `sizes_that_shift` with boxes of mimalloc: `sizes_that_shift_mimalloc VARIANT`.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    gc_benches::shift::boxes::main();
}
