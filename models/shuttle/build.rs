//! Leaves the unit tests of the included files out: they would run outside of a model.

fn main() {
    println!("cargo::rustc-cfg=gc_loom");
    println!("cargo::rustc-cfg=gc_shuttle");
    println!("cargo::rerun-if-changed=build.rs");
}
