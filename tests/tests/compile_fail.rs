//! What must not compile does not, and says why. Alone in its process: `trybuild` runs cargo, and prints as it goes.
//!
//! Each case `ui/fail/NAME.rs` has a twin `ui/pass/NAME.rs` that differs in the one thing that matters: a case that failed for another
//! reason would take the twin with it. The twins are one program (`twins.rs`), and are run. What is refused only when it is built, and not
//! when it is checked, is in `ui/built`: its cases are built one by one, the others checked all together.
//!
//! `TRYBUILD=overwrite cargo test -p gc-tests --test compile_fail` writes the expected messages anew.

use gc_core::{
    Ephemeron, FinalizationQueue, Finalizer, Gc, GcCell, Heap, Kept, Later, Mutator, ReferenceQueue, Root, Slot,
    Vacant, Weak, WeakSlot,
};
use gc_tests::neither_send_nor_sync;
use std::{collections::BTreeSet, fs, path::Path, process::Command};

#[test]
fn every_case_has_a_twin() {
    assert_eq!(&cases("fail") | &cases("built"), cases("pass"));
    assert!(cases("fail").is_disjoint(&cases("built")));
}

#[test]
fn cases_fail() {
    if std_is_quoted() {
        eprintln!(
            "The expected messages do not quote std, and here they do, as its source is installed: cases may fail that \
             would pass after `rustup component remove rust-src`"
        );
    }
    trybuild::TestCases::new().compile_fail("ui/fail/*.rs");
    let tests = trybuild::TestCases::new();
    // A twin that must be a program, and has the others built.
    tests.pass("ui/pass/drop_behind_fake_crate.rs");
    tests.compile_fail("ui/built/*.rs");
}

/// Only `Heap`, `Root` and the queues cross threads, whatever they hold.
#[test]
fn pointers_stay_on_their_thread() {
    fn crosses<T: Send + Sync>() {}
    crosses::<Heap>();
    crosses::<Root<Gc<'static, u64>>>();
    crosses::<Root<Vec<Slot<'static, str>>>>();
    crosses::<Root<(Weak<'static, str>, Ephemeron<'static, str, u64>)>>();
    crosses::<(ReferenceQueue<std::cell::Cell<u64>>, FinalizationQueue<Slot<'static, str>>, Finalizer<str>)>();

    neither_send_nor_sync!(
        Gc<'static, u64>,
        Gc<'static, str>,
        Slot<'static, u64>,
        Slot<'static, [u64]>,
        Later<'static, u64>,
        Later<'static, str>,
        Weak<'static, u64>,
        Weak<'static, str>,
        WeakSlot<'static, u64>,
        Ephemeron<'static, str, u64>,
        GcCell<u64>,
        Vacant<'static>,
        Kept<'static, Gc<'static, u64>>,
        Mutator
    );
}

fn std_is_quoted() -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let printed = Command::new(rustc).args(["--print", "sysroot"]).output().expect("the compiler runs");
    let sysroot = String::from_utf8(printed.stdout).expect("a path of UTF-8");
    Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/std/src/lib.rs").exists()
}

fn cases(folder: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui").join(folder);
    let files = fs::read_dir(folder).expect("the folder of cases").map(|entry| entry.expect("a case").path());
    files
        .filter(|file| file.extension().is_some_and(|extension| extension == "rs"))
        .map(|file| file.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect()
}
