//! The contestants of this language with mimalloc as the global allocator: those whose names end in `-mimalloc`.

use std::process::ExitCode;

#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    gc_workloads::main()
}
