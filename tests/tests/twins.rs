//! The twins of what must not compile (see `compile_fail.rs`) do, and run. Alone in its process: warnings of these programs are not asked for.

#![allow(warnings, clippy::all, clippy::pedantic)]

include!(concat!(env!("OUT_DIR"), "/twins.rs"));
