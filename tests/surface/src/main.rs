//! What users of the published crates can name, a line for each item: compared with `gc-core.txt` and `gc-derive.txt` here.
//!
//! `.ci/surface` compares, `.ci/surface --write` writes the files anew. A line has an item with its bounds, `#[non_exhaustive]` and `unsafe`, and
//! each impl, `Send` and `Sync` included, is one: so a field that takes `Sync` from its type is seen. What is hidden is not listed.
//!
//! rustdoc's JSON is not stable, so that stable Rust needs `RUSTC_BOOTSTRAP`, and `public-api` reads the format of few versions of Rust: it goes
//! up with `rust-version`.
//!
//! Methods that an impl has because its trait does are left out, and std's modules.

#![forbid(unsafe_code)]

use std::{
    collections::BTreeSet,
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

const CRATES: [&str; 2] = ["gc-core", "gc-derive"];

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let writes = match env::args().nth(1).as_deref() {
        None => false,
        Some("--write") => true,
        Some(other) => return Err(format!("expected `--write` or nothing, found `{other}`").into()),
    };
    let mut changed = false;
    for name in CRATES {
        let (file, lines) = (list_of(name), surface(name)?);
        if writes {
            fs::write(&file, lines.join("\n") + "\n")?;
        } else {
            changed |= differs(&fs::read_to_string(&file)?, &lines, &file);
        }
    }
    if changed {
        println!(
            "\nThe public surface is another than the lists say. If it is meant to be: `.ci/surface --write`, commit the lists with the \
             change, and say in CHANGELOG.md what users notice. CONTRIBUTING.md says what breaks them (*What breaks users*)."
        );
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn list_of(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name).with_extension("txt")
}

/// Returns a line for each public item of a crate of the workspace, in order.
fn surface(name: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    // Apart: these are built by another rustdoc, so to speak, and would be built again by the next command.
    let target = env::var_os("CARGO_TARGET_DIR").map_or(workspace.join("target"), PathBuf::from).join("surface");
    let done = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(workspace)
        .args(["rustdoc", "--quiet", "--lib", "--all-features", "-p", name, "--target-dir"])
        .arg(&target)
        .args(["--", "-Zunstable-options", "--output-format=json", "--cap-lints=allow"])
        .env("RUSTC_BOOTSTRAP", "1")
        .env_remove("RUSTDOCFLAGS")
        .status()?;
    if !done.success() {
        return Err(format!("expected that rustdoc documents {name}, found that it does not: see above").into());
    }
    let json = target.join("doc").join(name.replace('-', "_")).with_extension("json");
    let surface = public_api::Builder::from_rustdoc_json(json).omit_blanket_impls(true).build()?;
    let items: Vec<_> = surface.items().map(|item| item.to_string()).collect();
    Ok(lines(&items))
}

/// Returns the items without what an impl of a trait has to have, each once.
fn lines(items: &[String]) -> Vec<String> {
    let (mut lines, mut seen) = (Vec::new(), BTreeSet::new());
    // The type whose impl of a trait the items are of, as they are written.
    let mut of = None;
    for item in items {
        if let Some((_, after)) =
            item.split_once(" for ").filter(|_| item.starts_with("impl") || item.starts_with("unsafe impl"))
        {
            of = Some(format!("{}::", after.split(" where ").next().unwrap_or(after)));
        } else if item.starts_with("impl") {
            of = None;
        }
        let is_function = item.contains("fn ") && !item.starts_with("impl");
        let is_given = is_function && of.as_ref().is_some_and(|of| item.contains(of));
        if !is_given && !UNSTABLE.iter().any(|name| item.contains(name)) && seen.insert(item) {
            lines.push(short(item));
        }
    }
    lines
}

/// Traits that users cannot name.
const UNSTABLE: [&str; 3] = ["marker::Freeze for", "marker::UnsafeUnpin for", "marker::StructuralPartialEq for"];

/// Leaves the modules of std away, which are its own affair where they are private: `io::Result` and `Option`.
fn short(item: &str) -> String {
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let mut text = String::new();
    let mut rest = item;
    while !rest.is_empty() {
        let length =
            rest.find(|c| !is_path(c)).unwrap_or(rest.len()).max(rest.chars().next().map_or(1, char::len_utf8));
        let (path, after) = rest.split_at(length);
        rest = after;
        let is_std = ["core::", "alloc::", "std::"].iter().any(|root| path.starts_with(root));
        match path.rsplit_once("::") {
            Some((modules, name)) if is_std => {
                let told =
                    modules.rsplit("::").next().filter(|module| ["io", "fmt", "mpsc", "thread"].contains(module));
                text.extend(told.into_iter().flat_map(|module| [module, "::"]));
                text.push_str(name);
            }
            _ => text.push_str(path),
        }
    }
    text
}

/// Prints the lines that are not in both. Returns whether there are any.
fn differs(before: &str, now: &[String], file: &Path) -> bool {
    let before: BTreeSet<_> = before.lines().collect();
    let now: BTreeSet<_> = now.iter().map(String::as_str).collect();
    if before == now {
        return false;
    }
    println!("{}:", file.display());
    before.difference(&now).for_each(|line| println!("- {line}"));
    now.difference(&before).for_each(|line| println!("+ {line}"));
    true
}
