//! Contestants in other languages: which are installed, how each is built, and how a run is started.
//!
//! The programs are in `foreign/LANGUAGE`, and keep to the protocol of `README.md`. A language whose tools are not installed takes no part:
//! [`find`] says why.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A contestant in another language, ready to run.
#[derive(Debug)]
pub struct Foreign {
    /// As `--contestants` takes it.
    pub name: &'static str,
    /// The language, its version, and the collector.
    pub title: String,
    program: Vec<OsString>,
}

impl Foreign {
    fn new<P: Into<OsString>>(name: &'static str, title: String, program: impl IntoIterator<Item = P>) -> Self {
        Self { name, title, program: program.into_iter().map(Into::into).collect() }
    }

    /// One run of a workload.
    pub fn command(&self, workload: &str, sizes: &[u64]) -> Command {
        let mut command = Command::new(&self.program[0]);
        command.args(&self.program[1..]).arg(workload).args(sizes.iter().map(u64::to_string));
        command
    }
}

/// Contestants that can run, and a line on each that was asked for and cannot.
#[derive(Debug, Default)]
pub struct Found {
    /// Those that can run, built.
    pub contestants: Vec<Foreign>,
    /// Languages that are not installed, or do not build, and collectors that a version does not have: a line each.
    pub missing: Vec<String>,
}

/// The contestants that are `wanted`, by name. What is built goes to folders in `output`; a language of which none is wanted is not built.
pub fn find(output: &Path, wanted: impl Fn(&str) -> bool) -> Found {
    let mut found = Found::default();
    for language in LANGUAGES {
        let names: Vec<&str> = language.contestants.iter().copied().filter(|name| wanted(name)).collect();
        if names.is_empty() {
            continue;
        }
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign").join(language.folder);
        let output = output.join(language.folder);
        let ready = fs::create_dir_all(&output).map_err(|error| format!("{}: {error}", output.display()));
        match ready.and_then(|()| (language.build)(&source, &output)) {
            Ok(built) => {
                let lacking = names.iter().filter(|name| !built.iter().any(|contestant| contestant.name == **name));
                found.missing.extend(lacking.map(|name| format!("{name}: this version does not have it")));
                found.contestants.extend(built.into_iter().filter(|contestant| names.contains(&contestant.name)));
            }
            Err(error) => found.missing.push(format!("{}: {error}", language.folder)),
        }
    }
    found
}

/// Whether a contestant of this name is in one of the languages, installed or not.
pub fn is_known(name: &str) -> bool {
    LANGUAGES.iter().any(|language| language.contestants.contains(&name))
}

struct Language {
    /// Of its programs, and of what is built.
    folder: &'static str,
    contestants: &'static [&'static str],
    /// From the folder of the programs into that of what is built: those that can run.
    build: fn(&Path, &Path) -> Result<Vec<Foreign>, String>,
}

const LANGUAGES: &[Language] = &[
    Language {
        folder: "java",
        contestants: &[
            "java-serial",
            "java-parallel",
            "java-g1",
            "java-shenandoah",
            "java-shenandoah-generational",
            "java-zgc",
        ],
        build: java,
    },
    Language { folder: "go", contestants: &["go"], build: go },
    Language { folder: "ocaml", contestants: &["ocaml"], build: ocaml },
    Language { folder: "node", contestants: &["node"], build: node },
];

/// Each collector of the newest JDK: of that in `JAVA_HOME` if it is set, else of those in the path and where Linux distributions install them.
fn java(source: &Path, output: &Path) -> Result<Vec<Foreign>, String> {
    let mut folders = vec![PathBuf::new()];
    if let Some(home) = env::var_os("JAVA_HOME") {
        folders = vec![Path::new(&home).join("bin")];
    } else if let Ok(entries) = fs::read_dir("/usr/lib/jvm") {
        folders.extend(entries.flatten().map(|entry| entry.path().join("bin")));
    }
    let version = |folder: &PathBuf| {
        let version = said(Command::new(folder.join("javac")).arg("-version")).ok()?;
        let version = version.trim().strip_prefix("javac ")?.to_owned();
        let parts: Vec<u32> = version.split('.').map_while(|part| part.parse().ok()).collect();
        Some((parts, version, folder.clone()))
    };
    let (_, version, folder) = folders.iter().filter_map(version).max().ok_or("no JDK is installed")?;
    build(Command::new(folder.join("javac")).arg("-d").arg(output).args(files(source, "java")?))?;
    let java = folder.join("java");
    let collectors: [(_, _, &[&str]); 6] = [
        ("java-serial", "Serial", &["-XX:+UseSerialGC"]),
        ("java-parallel", "Parallel", &["-XX:+UseParallelGC"]),
        ("java-g1", "G1", &["-XX:+UseG1GC"]),
        ("java-shenandoah", "Shenandoah", &["-XX:+UseShenandoahGC"]),
        (
            "java-shenandoah-generational",
            "generational Shenandoah",
            &["-XX:+UseShenandoahGC", "-XX:ShenandoahGCMode=generational"],
        ),
        ("java-zgc", "ZGC", &["-XX:+UseZGC"]),
    ];
    let has = |options: &[&str]| said(Command::new(&java).args(options).arg("-version")).is_ok();
    let contestant = |(name, collector, options): (&'static str, &str, &[&str])| {
        let mut program = vec![java.clone().into_os_string()];
        program.extend(options.iter().map(OsString::from));
        program.extend(["-cp".into(), output.into(), "Workloads".into()]);
        Foreign::new(name, format!("Java {version} {collector}"), program)
    };
    Ok(collectors.into_iter().filter(|(.., options)| has(options)).map(contestant).collect())
}

fn go(source: &Path, output: &Path) -> Result<Vec<Foreign>, String> {
    let version = said(Command::new("go").arg("version"))?;
    let version = version.split(' ').nth(2).unwrap_or_default().trim_start_matches("go");
    let program = output.join("workloads");
    build(Command::new("go").args(["build", "-buildvcs=false", "-o"]).arg(&program).arg(".").current_dir(source))?;
    Ok(vec![Foreign::new("go", format!("Go {version}"), [program])])
}

/// OCaml 5, for its threads run at once: the compiler that the variable `OCAMLOPT` names, or that is in the path.
fn ocaml(source: &Path, output: &Path) -> Result<Vec<Foreign>, String> {
    // Each after those that it uses.
    const FILES: [&str; 13] = [
        "clock.c",
        "steps.ml",
        "xorshift.ml",
        "trees.ml",
        "gcbench.ml",
        "fresh.ml",
        "graph.ml",
        "messages.ml",
        "links.ml",
        "persistent_map.ml",
        "shared_cache.ml",
        "splay.ml",
        "main.ml",
    ];
    let compiler = env::var_os("OCAMLOPT").unwrap_or("ocamlopt".into());
    let version = said(Command::new(&compiler).arg("-version"))?.trim().to_owned();
    if version.split('.').next().and_then(|major| major.parse().ok()) < Some(5) {
        return Err(format!("expected OCaml 5, found {version}"));
    }
    // The compiler writes its files beside the sources.
    for file in FILES {
        fs::copy(source.join(file), output.join(file)).map_err(|error| format!("{file}: {error}"))?;
    }
    build(Command::new(&compiler).args(["-O3", "-o", "workloads"]).args(FILES).current_dir(output))?;
    Ok(vec![Foreign::new("ocaml", format!("OCaml {version}"), [output.join("workloads")])])
}

fn node(source: &Path, _: &Path) -> Result<Vec<Foreign>, String> {
    let version = said(Command::new("node").arg("--version"))?;
    let version = version.trim().trim_start_matches('v');
    Ok(vec![Foreign::new("node", format!("Node {version}"), ["node".into(), source.join("main.mjs")])])
}

/// The files of a folder with this extension, in order.
fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let paths = entries.flatten().map(|entry| entry.path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|found| found == extension)).collect();
    paths.sort();
    Ok(paths)
}

/// Runs a compiler. What it complains of is no lack of tools: [`NOT_BUILT`] begins the error.
fn build(command: &mut Command) -> Result<(), String> {
    said(command).map(|_| ()).map_err(|error| format!("{NOT_BUILT}: {error}"))
}

/// What a line of [`Found::missing`] says where the tools are installed and the programs have a mistake.
pub const NOT_BUILT: &str = "does not build";

/// What a command prints to standard output; if it fails, what it prints to standard error.
fn said(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("{program}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim()))
    }
}
