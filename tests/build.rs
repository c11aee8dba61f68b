//! Joins the twins of what must not compile to one program, each a module with a test: 180 programs would take minutes to build.

use std::{env, fmt::Write as _, fs, path::Path};

fn main() {
    println!("cargo::rerun-if-changed=ui/pass");
    let variable = |name| env::var(name).unwrap_or_else(|error| panic!("cargo sets {name}: {error}"));
    let folder = Path::new(&variable("CARGO_MANIFEST_DIR")).join("ui/pass");
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = files.map(|file| file.expect("a file of the folder").path()).collect();
    files.sort();
    let mut joined = String::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        if text.contains("extern crate self") {
            // It must be a program: `trybuild` builds it.
            continue;
        }
        let name = file.file_stem().expect("a name").to_string_lossy();
        // What is said of a program cannot stand in what is included.
        let (outer, body): (Vec<_>, Vec<_>) =
            text.lines().filter(|line| !line.starts_with("//!")).partition(|line| line.starts_with("#!["));
        let (outer, body) = (outer.join("\n").replace("#![", "#["), body.join("\n"));
        let test = "#[test]\nfn compiles_and_runs() {\n    main();\n}";
        write!(joined, "{outer}\nmod {name} {{\n{body}\n{test}\n}}\n").expect("a string takes all");
    }
    let out = Path::new(&variable("OUT_DIR")).join("twins.rs");
    fs::write(&out, joined).unwrap_or_else(|error| panic!("{}: {error}", out.display()));
}
