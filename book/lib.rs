//! The guide's code, compiled and run: each chapter and the README are doctests of this crate.
//!
//! `cargo test --doc -p gc-book`. The guide itself is built by `mdbook build book`.

#![forbid(unsafe_code)]

/// A module per text, so that a failure names it.
macro_rules! texts {
    ($($name:ident: $path:literal;)*) => { $(
        #[cfg(doctest)]
        #[doc = include_str!($path)]
        mod $name {}
    )* };
}

texts! {
    readme: "../README.md";
    contributing: "../CONTRIBUTING.md";
    why: "src/why.md";
    tour: "src/tour.md";
    pointers: "src/pointers.md";
    refused: "src/refused.md";
    collections: "src/collections.md";
    counted: "src/counted.md";
    threads: "src/threads.md";
    runtime: "src/runtime.md";
    young: "src/young.md";
    old: "src/old.md";
    weak: "src/weak.md";
    limits: "src/limits.md";
    tuning: "src/tuning.md";
    growth: "src/growth.md";
    memory: "src/memory.md";
    testing: "src/testing.md";
    safety: "src/safety.md";
    inside: "src/inside.md";
    inspect: "src/inspect.md";
    python: "src/python.md";
}

#[cfg(test)]
mod tests {
    use std::{error::Error, fs, path::Path};

    /// A chapter that is not in the list above would not be compiled.
    #[test]
    fn every_chapter_is_a_doctest() -> Result<(), Box<dyn Error>> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let listed = fs::read_to_string(here.join("lib.rs"))?;
        let contents = fs::read_to_string(here.join("src/SUMMARY.md"))?;
        for entry in fs::read_dir(here.join("src"))? {
            let name = entry?.file_name().into_string().map_err(|name| format!("{name:?} is not UTF-8"))?;
            if name != "SUMMARY.md" && name.ends_with(".md") {
                assert!(listed.contains(&format!("\"src/{name}\"")), "{name} is not in lib.rs");
                assert!(contents.contains(&format!("({name})")), "{name} is not in SUMMARY.md");
            }
        }
        Ok(())
    }

    /// Every block of Rust runs, or is refused by the compiler.
    #[test]
    fn no_block_is_left_out() -> Result<(), Box<dyn Error>> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut texts = vec![here.join("../README.md"), here.join("../CONTRIBUTING.md")];
        for entry in fs::read_dir(here.join("src"))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "md") {
                texts.push(path);
            }
        }
        for text in texts {
            for line in fs::read_to_string(&text)?.lines().filter(|line| line.starts_with("```rust")) {
                assert!(!line.contains("ignore") && !line.contains("no_run"), "{}: {line}", text.display());
            }
        }
        Ok(())
    }
}
