//! `leaky_server [DIRECTORY]`: finds the leak of the server step by step, and prints what each step says.
//!
//! Into the directory it writes a picture of the leak's neighbourhood (`leak.dot`) and a heap snapshot for Chrome's DevTools
//! (`server.heapsnapshot`).

#![forbid(unsafe_code)]

use std::{
    any::type_name,
    error::Error,
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use gc_core::{
    Collect, Heap, Mutator,
    observe::{
        Census, Graph, Leaks, assert_no_growth,
        sites::{self, GroupBy, SitesConfig},
    },
};
use leaky_server::{Server, Session};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let directory = arguments.next().map(PathBuf::from);
    if let Some(other) = arguments.next() {
        eprintln!("leaky_server: expected one directory at most, found {} too", other.display());
        return ExitCode::from(64);
    }
    match run(directory.as_deref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("leaky_server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(directory: Option<&Path>) -> Result<(), Box<dyn Error>> {
    // Before the work: without the directory it would be in vain.
    let create = |name: &str| match directory.map(|directory| directory.join(name)) {
        Some(path) => {
            File::create(&path).map(Some).map_err(|error| format!("cannot write {}: {error}", path.display()))
        }
        None => Ok(None),
    };
    let (picture, snapshot) = (create("leak.dot")?, create("server.heapsnapshot")?);
    // For one sample in 512 KiB, as in production, say `SitesConfig::default()`.
    let heap = Heap::builder().sites(SitesConfig::exact()).build()?;
    let mut m = heap.attach()?;
    let server = Server::leaky(&m, 100);

    println!("## Census, after 2 000 visits; the cache has {} sessions", {
        server.visits(&heap, &mut m, 0..2_000);
        server.len(&m)
    });
    println!("{:.6}\n", Census::take(&mut m));

    println!("## Leaks, over four times 500 visits");
    let mut leaks = Leaks::over(3);
    for first in (2_000..4_000).step_by(500) {
        server.visits(&heap, &mut m, first..first + 500);
        leaks.observe(&mut m);
    }
    println!("{}\n", leaks.report());

    println!("## Sites, of 500 visits more");
    let before = sites::snapshot(&m);
    server.visits(&heap, &mut m, 4_000..4_500);
    m.collect(Collect::Full);
    let after = sites::snapshot(&m);
    for change in after.compare_to(&before, GroupBy::Site).iter().take(4) {
        println!("{change}");
    }

    println!("\n## Why, of some sessions");
    let report = leaks.report().explain(&mut m)?;
    for path in report
        .suspects()
        .iter()
        .filter(|suspect| suspect.name == type_name::<Session<'_>>())
        .flat_map(|suspect| &suspect.paths)
    {
        println!("{path}");
    }

    println!("\n## Why, of one session");
    let graph = Graph::take(&mut m)?;
    why(&graph, picture)?;
    if let Some(file) = snapshot {
        graph.write_heap_snapshot(file)?;
    }

    println!("\n## The test, before and after");
    for server in [Server::leaky(&m, 100), Server::fixed(&m, 100)] {
        match growth_of(&heap, &mut m, &server) {
            Ok(()) => println!("ok"),
            Err(message) => println!("{message}"),
        }
    }
    Ok(())
}

/// Prints what keeps the oldest session, and draws it.
fn why(graph: &Graph, picture: Option<File>) -> Result<(), Box<dyn Error>> {
    let name = type_name::<Session<'_>>();
    // Sessions that the cache has are kept by both indexes; those that leak, by one.
    let leaked = graph.instances(name).find(|&session| graph.edges_to(session).count() == 1);
    let leaked = leaked.ok_or("no session has leaked")?;
    let kept = graph.instances(name).find(|&session| graph.edges_to(session).count() == 2);
    let kept = kept.ok_or("the cache is empty")?;
    let dominators = graph.dominators();
    println!("{}", graph.path_to(leaked).ok_or("a session is alive without a path")?);
    println!("one session retains {} bytes", dominators.retained(leaked));
    for (node, bytes) in dominators.largest(2) {
        println!("{bytes:>9} bytes are retained by {}", graph.type_name(node));
    }
    let counts = graph.instances(name).fold([0; 2], |mut counts, session| {
        counts[usize::from(graph.edges_to(session).count() > 1)] += 1;
        counts
    });
    println!("{} sessions are in one index, {} in both", counts[0], counts[1]);
    if let Some(mut file) = picture {
        file.write_all(graph.dot_referrers(&[leaked, kept], 2, 12).as_bytes())?;
    }
    Ok(())
}

/// Runs the test of the chapter, and returns its message if it fails.
fn growth_of(heap: &Heap, m: &mut Mutator, server: &Server) -> Result<(), String> {
    let mut first = 0;
    let test = || {
        assert_no_growth(m, |m| {
            server.visits(heap, m, first..first + 500);
            first += 500;
        });
    };
    // The hook would print it, too.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(test));
    std::panic::set_hook(hook);
    result.map_err(|panic| panic.downcast_ref::<String>().cloned().unwrap_or_default())
}
