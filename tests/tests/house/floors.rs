//! How the sources are layered: what each module may import, that no files import each other in a circle, that state does not know its
//! owner; and that every mutant is looked for.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// From the ground up. Modules of one floor may use each other, but for those that are [`STRANGERS`].
const FLOORS: &[&[&str]] = &[
    &["sync"],
    &["memory", "safepoint", "stats"],
    &["object"],
    &["space", "workers", "roots", "settings"],
    &["trace", "counted", "barrier", "registered"],
    &["young", "old", "gc", "collections"],
    &["collector"],
    &["mutator"],
    &[
        "heap",
        "root",
        "frame",
        "slot",
        "later",
        "map",
        "cell",
        "weak",
        "identity",
        "reference_queue",
        "finalization",
        "callbacks",
        "ephemeron",
        "weak_table",
        "blocking",
        "external",
    ],
    &["observe"],
];

/// Modules of one floor that know nothing of each other.
const STRANGERS: &[&[&str]] = &[&["memory", "safepoint", "stats"], &["space", "workers", "roots"], &["young", "old"]];

/// What is below its owner in `collector`: it does not name that, and so none of the loops above.
const STATE: &[&str] = &[
    "claims",
    "clearing",
    "clock",
    "counting",
    "drops",
    "end_signal",
    "epochs",
    "generations",
    "headroom",
    "job_queue",
    "jobs",
    "major_cycle",
    "mutator_state",
    "pacing",
    "parts",
    "pending",
    "presence",
    "pressure",
    "promotion",
    "registry",
    "verify",
];

/// A module's path below the crate: empty for the crate's root.
type Module = Vec<String>;

/// The sources of a crate.
struct Sources {
    code: BTreeMap<Module, String>,
    /// What each module hands on: a name, and where it is from.
    exports: BTreeMap<Module, BTreeMap<String, Module>>,
}

impl Sources {
    fn of(files: impl IntoIterator<Item = (Module, String)>) -> Self {
        let code: BTreeMap<_, _> = files.into_iter().map(|(module, text)| (module, without_tests(&text))).collect();
        let mut sources = Self { code, exports: BTreeMap::new() };
        for (module, code) in &sources.code {
            let uses = statements(code).into_iter().filter(|(public, _)| *public);
            let paths = uses.flat_map(|(_, tree)| tree_paths(&tree));
            let names = paths.filter_map(|path| {
                let (last, name) = (path.last()?.clone(), path.last()?.split(" as ").last()?.to_owned());
                let mut from = sources.absolute(module, &path)?;
                *from.last_mut()? = last.split(" as ").next()?.to_owned();
                Some((name, from))
            });
            sources.exports.insert(module.clone(), names.collect());
        }
        sources
    }

    /// The sources in a folder.
    fn read(folder: &str) -> Self {
        fn files(folder: &Path, module: &[String], found: &mut Vec<(Module, String)>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
                let inner = [module, std::slice::from_ref(&name)].concat();
                if path.is_dir() {
                    files(&path, &inner, found);
                } else if path.extension().is_some_and(|e| e == "rs") && name != "tests" {
                    let module = if name == "lib" { module.to_vec() } else { inner };
                    found.push((module, fs::read_to_string(&path).unwrap()));
                }
            }
        }
        let mut found = Vec::new();
        files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder), &[], &mut found);
        assert!(found.len() > 3, "found only {} sources in {folder}", found.len());
        Self::of(found)
    }

    /// A path that stands in `module`, from the crate's root on; `None` for one into another crate.
    fn absolute(&self, module: &[String], path: &[String]) -> Option<Module> {
        let (mut base, mut rest) = (module.to_vec(), path);
        match path.first()?.as_str() {
            "crate" => (base, rest) = (Vec::new(), &path[1..]),
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().is_some_and(|name| name == "super") {
                    base.pop()?;
                    rest = &rest[1..];
                }
            }
            child if self.code.contains_key(&[module, &[child.to_owned()]].concat()) => {}
            _ => return None,
        }
        Some([base.as_slice(), rest].concat())
    }

    /// The module that has what is at `path`, through those that only hand it on.
    fn home(&self, path: &[String]) -> Module {
        let mut module = Module::new();
        for (at, name) in path.iter().enumerate() {
            let inner = [module.as_slice(), std::slice::from_ref(name)].concat();
            if self.code.contains_key(&inner) {
                module = inner;
            } else if let Some(from) = self.exports.get(&module).and_then(|names| names.get(name))
                && from != path
            {
                return self.home(&[from, &path[at + 1..]].concat());
            } else {
                break;
            }
        }
        module
    }

    /// The modules that a module imports from, or names by a path.
    fn imports(&self, module: &Module) -> BTreeSet<Module> {
        let code = &self.code[module];
        let uses = statements(code).into_iter().filter(|(public, _)| !public).flat_map(|(_, tree)| tree_paths(&tree));
        let inline = without_uses(code);
        let named = ["crate::", "super::"].into_iter().flat_map(|head| paths_from(&inline, head));
        let all = uses.chain(named).filter_map(|path| self.absolute(module, &path));
        all.map(|path| self.home(&path)).filter(|home| home != module).collect()
    }

    /// Sets of modules each of which imports the others, perhaps through the others.
    fn circles(&self) -> Vec<Vec<Module>> {
        let imports: BTreeMap<&Module, BTreeSet<Module>> = self.code.keys().map(|m| (m, self.imports(m))).collect();
        let reached = |from: &Module| {
            let (mut seen, mut next) = (BTreeSet::new(), vec![from.clone()]);
            while let Some(module) = next.pop() {
                next.extend(imports[&module].iter().filter(|&m| seen.insert(m.clone())).cloned());
            }
            seen
        };
        let reached: BTreeMap<&Module, BTreeSet<Module>> = self.code.keys().map(|m| (m, reached(m))).collect();
        let circle = |of: &Module| -> Vec<Module> {
            self.code.keys().filter(|m| reached[of].contains(*m) && reached[*m].contains(of)).cloned().collect()
        };
        let circles: BTreeSet<_> = self.code.keys().map(circle).filter(|circle| circle.len() > 1).collect();
        circles.into_iter().collect()
    }

    /// The complaints about what modules import.
    fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for module in self.code.keys().filter(|module| !module.is_empty()) {
            for import in self.imports(module) {
                let (own, theirs) = (&module[0], import.first().map_or("lib", String::as_str));
                let strangers = |group: &&[&str]| own != theirs && [own, theirs].iter().all(|m| group.contains(m));
                let above = floor(theirs).is_none_or(|theirs| theirs > floor(own).unwrap_or_default());
                let owner = import == ["collector", "collector"];
                if floor(own).is_none() {
                    complaints.push(format!("`{own}` has no floor: give it one in FLOORS"));
                } else if above || STRANGERS.iter().any(strangers) {
                    complaints.push(format!("{module:?} uses {import:?}, which is above or beside it"));
                } else if owner && own == "collector" && module.get(1).is_some_and(|m| STATE.contains(&m.as_str())) {
                    complaints.push(format!("{module:?} is state, and names its owner"));
                }
            }
        }
        complaints
    }
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

/// The code without comments, and without the unit tests, which come last. What is above a module within the file is the file.
fn without_tests(text: &str) -> String {
    let (mut code, mut within) = (String::new(), false);
    for line in text.lines().filter(|line| !line.trim_start().starts_with("//")).take_while(|l| *l != "mod tests {") {
        within = (within && line != "}") || (line.ends_with('{') && !line.starts_with(' ') && line.contains("mod "));
        code += &if within { line.replace("super::", "self::") } else { line.to_owned() };
        code.push('\n');
    }
    code
}

/// The `use` statements at the left margin: whether each hands on, and its tree.
fn statements(code: &str) -> Vec<(bool, String)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("use ") {
        let line = code[..at].rfind('\n').map_or(0, |end| end + 1);
        if ["", "pub ", "pub(crate) ", "pub(super) "].contains(&&code[line..at]) {
            let tree = code[at + "use ".len()..].split(';').next().unwrap_or_default();
            found.push((line < at, tree.split_whitespace().collect::<Vec<_>>().join(" ")));
        }
    }
    found
}

fn without_uses(code: &str) -> String {
    let mut rest = code.to_owned();
    for (_, tree) in statements(code) {
        // Joined by single spaces, as where it fits into a line; the long ones are struck out line by line.
        rest = rest.replace(&tree, "");
    }
    let mut within = false;
    let outside = rest.lines().filter(|line| {
        let starts = line.starts_with("use ") || (line.starts_with("pub") && line.contains(" use "));
        let inside = within || starts;
        within = inside && !line.ends_with(';');
        !inside
    });
    outside.flat_map(|line| [line, "\n"]).collect()
}

/// The paths of a tree: `a::b`, `a::{b, c::{d, e}}`.
fn tree_paths(tree: &str) -> Vec<Vec<String>> {
    let tree = tree.trim();
    let Some((head, list)) = tree.split_once('{') else {
        return vec![tree.split("::").map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()];
    };
    let head: Vec<String> = head.split("::").map(|n| n.trim().to_owned()).filter(|n| !n.is_empty()).collect();
    let list = list.trim().strip_suffix('}').unwrap_or(list);
    let (mut depth, mut items, mut item) = (0, Vec::new(), String::new());
    for c in list.chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        if c == ',' && depth == 0 { items.push(std::mem::take(&mut item)) } else { item.push(c) }
    }
    items.push(item);
    let inner = items.iter().filter(|item| !item.trim().is_empty()).flat_map(|item| tree_paths(item));
    inner.map(|path| [head.clone(), path].concat()).collect()
}

/// The paths that begin with `head` in code.
fn paths_from(code: &str, head: &str) -> Vec<Vec<String>> {
    let begins = |at: &usize| !code[..*at].ends_with(|c: char| c.is_alphanumeric() || "_:$".contains(c));
    let starts = code.match_indices(head).map(|(at, _)| at).filter(begins);
    let paths = starts
        .map(|at| code[at..].chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect::<String>());
    paths.map(|path| path.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect()).collect()
}

#[test]
fn layers_point_downward() {
    let complaints = Sources::read("gc-core/src").complaints();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    for folder in ["gc-core/src", "gc-derive/src"] {
        let circles = Sources::read(folder).circles();
        assert!(circles.is_empty(), "{folder}: {circles:#?}");
    }
}

fn planted(files: &[(&str, &str)]) -> Sources {
    let module = |path: &str| path.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect();
    Sources::of(files.iter().map(|(path, text)| (module(path), (*text).to_owned())))
}

#[test]
fn an_upward_arrow_is_found() {
    let memory = planted(&[("memory", "use crate::{sync::Arc, collector::{a, b}};"), ("sync", ""), ("collector", "")]);
    assert_eq!(memory.complaints().len(), 1);
    assert_eq!(
        planted(&[("young", ""), ("young::a", "use super::super::old::Marker;"), ("old", "")]).complaints().len(),
        1
    );
    assert_eq!(planted(&[("old", "fn f() { crate::heap::g() }"), ("heap", "")]).complaints().len(), 1);
    let face = [("", "pub use heap::Heap;"), ("heap", ""), ("object", "use crate::Heap;")];
    assert_eq!(planted(&face).complaints().len(), 1);
    let down = [("", "pub use gc::Gc;"), ("gc", ""), ("object", ""), ("slot", "use crate::{Gc, object::PointerSlot};")];
    assert_eq!(planted(&down).complaints().len(), 0);
}

#[test]
fn state_that_names_its_owner_is_found() {
    let files =
        [("collector", ""), ("collector::collector", ""), ("collector::jobs", "use super::collector::Collector;")];
    assert_eq!(planted(&files).complaints().len(), 1);
}

#[test]
fn a_planted_circle_is_found() {
    let face = "mod x;\nmod y;\nmod z;\npub(crate) use x::{X, W as V};\npub(crate) use z::Z;\n";
    let circle = [("a", face), ("a::x", "use super::y::Y;"), ("a::y", "use super::Z;"), ("a::z", "use crate::a::V;")];
    assert_eq!(planted(&circle).circles().len(), 1, "through what the folder hands on");
    let inline =
        [("x", "use crate::{\n    y::Y,\n};"), ("y", "fn f() { crate::z::g() }"), ("z", "fn f() { super::x::g() }")];
    assert_eq!(planted(&inline).circles().len(), 1, "by paths within the text");
    let two = [("x", "use crate::y::Y;"), ("y", "use crate::x::X;"), ("z", "use crate::x::X;")];
    assert_eq!(planted(&two).circles(), [[["x"], ["y"]]], "of two, and the third is not in it");
    let tests = [("x", "use crate::y::Y;"), ("y", "use crate::z::Z;"), ("z", "mod tests {\n    use crate::x::X;\n}")];
    assert_eq!(planted(&tests).circles().len(), 0, "a unit test imports what it likes");
}

/// A page that names files is true while they are there.
#[test]
fn the_files_that_the_book_names_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let book = fs::read_to_string(root.join("book/src/inside.md")).unwrap();
    let named: BTreeSet<&str> = book.split('`').skip(1).step_by(2).filter(|name| name.contains('/')).collect();
    assert!(named.len() > 20, "found only {named:?}");
    let missing: Vec<_> = named
        .iter()
        .filter(|name| !root.join("gc-core/src").join(name).exists() && !root.join(name).exists())
        .collect();
    assert!(missing.is_empty(), "inside.md names {missing:?}");
}

#[test]
fn the_book_draws_the_floors() {
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../book/src/inside.md");
    let picture = FLOORS.iter().rev().map(|floor| floor.join("  ") + "\n").collect::<String>();
    assert!(fs::read_to_string(book).unwrap().contains(&picture), "expected this picture in inside.md:\n{picture}");
}

/// Every constant of `sync::mutant` is planted: by a model, or in builds by `.ci/mutants`.
#[test]
fn every_mutant_is_looked_for() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folders =
        ["models/protocols", "models/shuttle/src/of_maps"].map(|folder| fs::read_dir(root.join(folder)).unwrap());
    let models = folders.into_iter().flatten().map(|entry| entry.unwrap().path());
    let models: String = models.filter_map(|path| fs::read_to_string(path).ok()).collect();
    let planted: BTreeSet<_> = models.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let source = fs::read_to_string(root.join("gc-core/src/sync/mutant.rs")).unwrap();
    let declared: Vec<_> =
        source.lines().filter_map(|line| line.trim().strip_suffix(';')?.split_once(" = \"")).collect();
    assert!(declared.len() > 40, "found only {} mutants", declared.len());
    for (mutant, rest) in declared {
        let (name, builds) = rest.split_once('"').unwrap();
        assert_eq!(mutant.to_lowercase(), name);
        assert!(planted.contains(mutant) || builds == ", in builds", "{mutant} is planted by no model and in no build");
    }
}
