//! The programs in `programs/`: as they are once, and smaller under every stress profile.

mod harness;

use harness::{PROFILES, files, here, run, run_source};

/// Each program begins with a variable `size`, and has two files beside it that say what it prints: at the size in the
/// file, and at this one.
const SMALL: [(&str, u32); 6] =
    [("binary_trees", 6), ("churn", 300), ("closures", 20), ("graph", 12), ("leak", 1), ("strings", 40)];

fn expected(name: &str, size: &str) -> String {
    std::fs::read_to_string(here(&format!("programs/{name}{size}.expected"))).expect("it lies beside the program")
}

#[test]
fn full_size() {
    for (name, _) in SMALL {
        let found = run(&here(&format!("programs/{name}.lox")), "");
        assert_eq!((found.code, found.output), (Some(0), expected(name, "")), "{name}: {}", found.errors);
    }
}

#[test]
fn small_under_stress() {
    for (name, size) in SMALL {
        let source = std::fs::read_to_string(here(&format!("programs/{name}.lox"))).expect("the program is there");
        let (start, rest) = source.split_once("\nvar size = ").expect("the program has a size");
        let (_, rest) = rest.split_once(';').expect("the size ends");
        let source = format!("{start}\nvar size = {size};{rest}");
        for profile in PROFILES {
            let found = run_source(&format!("small_{name}.lox"), &source, profile);
            let expected = expected(name, ".small");
            assert_eq!((found.code, found.output), (Some(0), expected), "{name}, `{profile}`: {}", found.errors);
        }
    }
}

#[test]
fn every_program_is_tested() {
    let mut names: Vec<_> =
        files(&here("programs")).iter().filter_map(|path| path.file_stem()?.to_str().map(str::to_owned)).collect();
    names.sort();
    assert_eq!(names, SMALL.map(|(name, _)| name));
}
