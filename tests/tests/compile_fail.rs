//! What must not compile does not, and says why. Alone in its process: `trybuild` runs cargo, and prints as it goes.
//!
//! Each case `ui/fail/NAME.rs` has a twin `ui/pass/NAME.rs` that differs in the one thing that matters: a case that
//! failed for another reason would take the twin with it. The twins are also run, and they make `trybuild` build
//! rather than check, which errors after monomorphization need.
//!
//! `TRYBUILD=overwrite cargo test -p gc-tests --test compile_fail` writes the expected messages anew.

use gc_core::{
    Ephemeron, FinalizationQueue, Finalizer, Gc, GcCell, Heap, Later, Mutator, ReferenceQueue, Root, Slot, Weak,
    WeakSlot,
};
use gc_tests::neither_send_nor_sync;
use std::{collections::BTreeSet, fs, path::Path};

#[test]
fn every_case_has_a_twin() {
    assert_eq!(cases("fail"), cases("pass"));
}

#[test]
fn cases_fail_and_twins_pass() {
    let tests = trybuild::TestCases::new();
    tests.pass("ui/pass/*.rs");
    tests.compile_fail("ui/fail/*.rs");
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
        Mutator
    );
}

fn cases(folder: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui").join(folder);
    let files = fs::read_dir(folder).expect("the folder of cases").map(|entry| entry.expect("a case").path());
    files
        .filter(|file| file.extension().is_some_and(|extension| extension == "rs"))
        .map(|file| file.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect()
}
