//! Who takes part, and how a run of each is started.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{WORKLOADS, Workload, foreign, foreign::Foreign};

/// Ends the names of those of this language that run on mimalloc.
const MIMALLOC: &str = "-mimalloc";

/// What a contestant is written with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Group {
    /// gc-core.
    Ours,
    /// Memory that the program frees, or counts.
    Manual,
    /// Other collectors for Rust.
    Collectors,
    /// Other languages.
    Languages,
}

/// The group of a contestant.
pub(crate) fn group(name: &str) -> Group {
    match name.strip_suffix(MIMALLOC).unwrap_or(name) {
        name if name.starts_with("gc-core") => Group::Ours,
        "gc-arena" | "dumpster" | "boa_gc" | "bacon_rajan_cc" => Group::Collectors,
        name if foreign::is_known(name) => Group::Languages,
        _ => Group::Manual,
    }
}

/// Those of this language, in the order in which they take turns, with what they are.
const NATIVE: &[(&str, &str)] = &[
    ("gc-core", "gc-core, default settings"),
    ("gc-core-calls", "gc-core, a safepoint and a root in every call"),
    ("gc-core-frames", "gc-core, a safepoint in every call, and roots in frames"),
    ("gc-core-slots", "gc-core, a hash table of slots that the program has written"),
    ("gc-core-map", "gc-core, its concurrent map"),
    ("arena", "an arena for what dies together (bumpalo)"),
    ("box", "`Box`, the system's allocator"),
    ("box-mimalloc", "`Box`, mimalloc"),
    ("rc", "`Rc`, the system's allocator"),
    ("rc-mimalloc", "`Rc`, mimalloc"),
    ("arc", "`Arc`, the system's allocator"),
    ("epoch", "crossbeam-epoch"),
    ("gc-arena", "gc-arena 0.7"),
    ("gc-arena-mimalloc", "gc-arena 0.7, mimalloc"),
    ("dumpster", "dumpster 2.1; `unsync`, with threads `sync`"),
    ("dumpster-mimalloc", "dumpster 2.1, mimalloc"),
    ("boa_gc", "boa_gc 0.22"),
    ("boa_gc-mimalloc", "boa_gc 0.22, mimalloc"),
    ("bacon_rajan_cc", "bacon_rajan_cc 0.4"),
    ("bacon_rajan_cc-mimalloc", "bacon_rajan_cc 0.4, mimalloc"),
];

/// One who takes part.
pub(crate) struct Contestant {
    pub(crate) name: String,
    /// What it is.
    pub(crate) title: String,
    program: Program,
}

enum Program {
    /// Of this language: an executable, and the name that it knows the contestant by.
    Native(PathBuf, String),
    Foreign(Foreign),
}

impl Contestant {
    /// Whether there is a program for the workload. Foreign ones say so when they are started.
    pub(crate) fn has(&self, workload: &Workload) -> bool {
        match &self.program {
            Program::Native(_, name) => workload.program(name).is_some(),
            Program::Foreign(_) => true,
        }
    }

    /// One run.
    pub(crate) fn command(&self, workload: &Workload, sizes: &[u64]) -> Command {
        match &self.program {
            Program::Native(executable, name) => {
                let mut command = Command::new(executable);
                command.args(["run", name, workload.name]).args(sizes.iter().map(u64::to_string));
                command
            }
            Program::Foreign(foreign) => foreign.command(workload.name, sizes),
        }
    }
}

/// Those that can run, and a line for each that cannot.
#[derive(Default)]
pub(crate) struct Field {
    pub(crate) contestants: Vec<Contestant>,
    pub(crate) missing: Vec<String>,
}

impl Field {
    /// What each contestant is, by name.
    pub(crate) fn titles(&self) -> BTreeMap<String, String> {
        self.contestants.iter().map(|contestant| (contestant.name.clone(), contestant.title.clone())).collect()
    }
}

/// Those that are named; without names everyone. What has to be built is, in `output`.
pub(crate) fn field(names: &[String], output: &Path) -> Result<Field, String> {
    let executable = std::env::current_exe().map_err(|error| format!("the path of this program: {error}"))?;
    let wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    let mut field = Field::default();
    let mut native: Vec<(String, String)> =
        NATIVE.iter().filter(|(name, _)| wanted(name)).map(|&(name, title)| (name.into(), title.into())).collect();
    // Any of this language runs on mimalloc where one asks for it.
    for name in names.iter().filter(|name| name.ends_with(MIMALLOC)) {
        let title = NATIVE.iter().find(|(native, _)| Some(*native) == name.strip_suffix(MIMALLOC));
        if let (Some((_, title)), false) = (title, native.iter().any(|(native, _)| native == name)) {
            native.push((name.clone(), format!("{title}, mimalloc")));
        }
    }
    let mimalloc = mimalloc(&executable);
    for (name, title) in native {
        let (executable, program) = match (name.strip_suffix(MIMALLOC), &mimalloc) {
            (None, _) => (executable.clone(), name.clone()),
            (Some(program), Ok(executable)) => (executable.clone(), program.to_owned()),
            (Some(_), Err(error)) => {
                field.missing.push(format!("{name}: {error}"));
                continue;
            }
        };
        field.contestants.push(Contestant { name, title, program: Program::Native(executable, program) });
    }
    let found = foreign::find(output, wanted);
    field.missing.extend(found.missing);
    field.contestants.extend(found.contestants.into_iter().map(|foreign| Contestant {
        name: foreign.name.to_owned(),
        title: foreign.title.clone(),
        program: Program::Foreign(foreign),
    }));
    let known = |name: &String| {
        let foreign = field.missing.iter().any(|line| line.starts_with(&format!("{name}:")));
        foreign || field.contestants.iter().any(|contestant| &contestant.name == name) || foreign::is_known(name)
    };
    match names.iter().find(|name| !known(name)) {
        Some(unknown) => Err(format!("expected the name of a contestant, found {unknown}")),
        None => Ok(field),
    }
}

/// The executable with the other global allocator, which lies beside this one. Cargo builds it first, where it started this one.
fn mimalloc(executable: &Path) -> Result<PathBuf, String> {
    let mut other = executable.to_owned();
    other.set_file_name("gc-workloads-mimalloc");
    if let Some(cargo) = std::env::var_os("CARGO")
        && executable.parent().is_some_and(|folder| folder.ends_with("release"))
    {
        let status =
            Command::new(cargo).args(["build", "--quiet", "--release", "-p", "gc-workloads"]).arg("--bins").status();
        if !status.is_ok_and(|status| status.success()) {
            return Err("it does not build".to_owned());
        }
    }
    if other.exists() { Ok(other) } else { Err("build it by cargo build --release -p gc-workloads".to_owned()) }
}

/// The workloads that are named; without names all.
pub(crate) fn workloads(names: &[String]) -> Result<Vec<&'static Workload>, String> {
    if names.is_empty() {
        return Ok(WORKLOADS.iter().collect());
    }
    names.iter().map(|name| Workload::named(name)).collect()
}
