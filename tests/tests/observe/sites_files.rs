//! Snapshots of allocation sites as files, and their settings as text.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gc_core::{
    Heap,
    observe::sites::{self, GroupBy, LoadError, SitesConfig, Snapshot},
};
use gc_tests::{heaps::calm, random::Random, sizes::scaled};

/// A snapshot with names and numbers of every kind.
fn sample_of_a_file() -> Vec<u8> {
    let lines = [
        "gc-core sites\t1",
        "heap\t524288\t2\t10\t18446744073709551615",
        "trace\ta\\tb\\\\c\\n\tsrc/main.rs\t1\t2\t3\t4\t5\t6\t7\t8\t9\t10\t11\t12",
        "frame\t18446744073709551615\tmain\t-\t-",
        "frame\t1\t-\t\\-\t4294967295",
        "trace\t(others)\t(others)\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t18446744073709551615\t18446744073709551615",
        "end\t2",
    ];
    (lines.join("\n") + "\n").into_bytes()
}

#[test]
fn what_was_saved_is_loaded() {
    let file = sample_of_a_file();
    let snapshot = Snapshot::load(&*file).unwrap();
    assert_eq!(snapshot.traces()[0].type_name(), "a\tb\\c\n");
    assert_eq!(snapshot.traces()[0].backtrace()[1].file(), Some("-"));
    let mut saved = Vec::new();
    snapshot.save(&mut saved).unwrap();
    assert_eq!(String::from_utf8(saved), String::from_utf8(file));
    // Sums that are too large for their type are as large as they can be.
    assert_eq!(snapshot.live().bytes, u64::MAX);
    for by in [GroupBy::Type, GroupBy::File, GroupBy::Site, GroupBy::Backtrace, GroupBy::Generation] {
        assert!(!snapshot.statistics(by).is_empty() && !snapshot.cumulative(by).is_empty());
        assert!(!snapshot.compare_to(&Snapshot::default(), by).is_empty());
        assert!(!Snapshot::default().compare_to(&snapshot, by).is_empty());
    }
}

/// Whatever is cut off, changed or doubled: an error, or a snapshot, and no panic.
#[test]
fn damaged_files_are_errors() {
    let file = sample_of_a_file();
    for end in 0..file.len() {
        let error = Snapshot::load(&file[..end]).expect_err("a part of a file is no snapshot");
        assert!(matches!(error, LoadError::Line { .. } | LoadError::Version { .. }), "{end}: {error}");
    }
    let mut random = Random::new(7);
    let mut fine = 0;
    for _ in 0..scaled(20_000) {
        let mut damaged = file.clone();
        for _ in 0..=random.below(3) {
            let at = random.below(damaged.len() as u64) as usize;
            match random.below(5) {
                0 => damaged[at] = random.draw() as u8,
                1 => damaged[at] ^= 1 << random.below(8),
                2 => _ = damaged.remove(at),
                3 => damaged.insert(at, *b"\t\n\\-0".get(random.below(5) as usize).unwrap()),
                _ => damaged.extend_from_within(at..),
            }
        }
        let loaded = catch_unwind(AssertUnwindSafe(|| match Snapshot::load(&*damaged) {
            Ok(snapshot) => {
                let mut again = Vec::new();
                snapshot.save(&mut again).unwrap();
                assert_eq!(Snapshot::load(&*again).unwrap(), snapshot);
                snapshot.statistics(GroupBy::Backtrace).len()
            }
            Err(error) => usize::from(error.to_string().is_empty()),
        }));
        fine += loaded.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&damaged))).min(1);
    }
    assert!(fine > 0, "a name that is changed is a name");
    assert!(matches!(Snapshot::load(&b"gc-core sites\t9\n"[..]), Err(LoadError::Version { found }) if found == "9"));
    let long = [b"gc-core sites\t1".as_slice(), &vec![b'x'; 3 << 20]].concat();
    assert!(matches!(Snapshot::load(&*long), Err(LoadError::Line { number: 1, .. })));
}

#[test]
fn the_environment_is_parsed() {
    assert_eq!("exact".parse(), Ok(SitesConfig::exact()));
    assert_eq!(
        "4096, frames=255".parse(),
        Ok(SitesConfig { sample_bytes: 4096, frames: 255, ..SitesConfig::default() })
    );
    for bad in ["", "x", "-1", "exact,frames=256", "exact,frames", "1,2", "exact,frames=-1"] {
        assert!(bad.parse::<SitesConfig>().is_err(), "{bad}");
    }
    let heap: Heap = calm().build().unwrap();
    assert_eq!(sites::is_tracing(&heap), std::env::var_os("GC_CORE_SITES").is_some());
}
