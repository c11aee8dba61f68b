//! gc-core's own files: what is in the heap is what the command says.

use std::{fs, path::Path};

use gc_core::{
    Heap,
    observe::{
        Graph,
        sites::{self, SitesConfig},
    },
};
use gc_inspect::{
    Contents, Snapshot,
    heapsnapshot::Ids,
    pprof::{Profile, Samples},
};

use crate::{
    command::{answer, complaint, row},
    support::server::cache,
};

fn path(name: &str) -> String {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name).to_str().unwrap().to_owned()
}

#[test]
fn a_graph_is_the_same_after_a_file() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let root = m.root(cache(&m, 50, 1000));
    let graph = Graph::take(&mut m).unwrap();
    let mut file = Vec::new();
    graph.write_heap_snapshot(&mut file).unwrap();
    assert!(!String::from_utf8(file.clone()).unwrap().contains("secret"));
    let snapshot = Snapshot::from_reader(&file[..]).unwrap();
    assert_eq!(snapshot.ids(), Ids::OfIdentified);
    let read = snapshot.into_graph().unwrap();
    let owned = graph.by_type();
    for total in &owned {
        let same = read.by_type().into_iter().find(|of| of.name == total.name).unwrap();
        assert_eq!((same.objects, same.bytes, same.owned), (total.objects, total.bytes, total.owned), "{}", total.name);
    }
    assert!(owned.iter().any(|total| total.owned >= 50 * 800));
    let retained = |graph: &Graph| graph.dominators().retained(graph.instances("Cache").next().unwrap());
    assert_eq!(retained(&graph), retained(&read));
    drop(root);
}

#[test]
fn the_command_says_why_and_what_is_new() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let save = |m: &mut gc_core::Mutator, name: &str| {
        let file = fs::File::create(path(name)).unwrap();
        Graph::take(m).unwrap().write_heap_snapshot(file).unwrap();
        path(name)
    };
    // All sessions have identities; their users have none.
    let first = m.root(cache(&m, 30, 1));
    let before = save(&mut m, "own.before.heapsnapshot");
    let second = m.root(cache(&m, 12, 1));
    let after = save(&mut m, "own.after.heapsnapshot");

    let why = answer(&["why", &after, "Session"]);
    assert!(why.contains("::Session<'_>: 42 objects, ") && why.contains(".sessions[0]\n"), "{why}");
    assert!(why.contains("  root of "), "{why}");
    let diff = answer(&["diff", "--bytes", &before, &after]);
    let name = why.split(": 42").next().unwrap();
    let sessions = row(&diff, name);
    assert_eq!((sessions[0], &sessions[6..8]), ("+12", &["12", "0"][..]), "{diff}");
    let users = row(&diff, "str");
    assert_eq!((users[0], &users[6..8]), ("+12", &["?", "?"][..]), "{diff}");
    drop((first, second));
}

#[test]
fn sites_are_drawn_and_become_a_profile() {
    let heap = Heap::builder().sites(SitesConfig::exact()).build().unwrap();
    let mut m = heap.attach().unwrap();
    let root = m.root(cache(&m, 20, 1000));
    m.alloc_str("dies");
    m.collect(gc_core::Collect::Full);
    let snapshot = sites::snapshot(&m);
    let file = path("own.sites");
    snapshot.save(fs::File::create(&file).unwrap()).unwrap();
    assert!(matches!(Contents::open(&file, |_| {}).unwrap(), Contents::Sites(read) if read == snapshot));

    let profile = Profile::from(&snapshot);
    let sum = |of: fn(&gc_inspect::pprof::Row) -> u64| profile.rows.iter().map(of).sum::<u64>();
    assert_eq!(sum(|row| row.alloc_objects), snapshot.allocated().objects);
    assert_eq!(sum(|row| row.alloc_space), snapshot.allocated().bytes);
    assert_eq!(sum(|row| row.inuse_objects), snapshot.live().objects);
    assert_eq!(sum(|row| row.inuse_space), snapshot.live().bytes);
    assert!(profile.rows.iter().any(|row| row.generation == "2" && row.stack[0].function.contains("server.rs")));

    answer(&["pprof", &file]);
    assert_eq!(Samples::open(format!("{file}.pb.gz")).unwrap(), Samples::try_from(&profile).unwrap());
    answer(&["flame", &file]);
    let svg = fs::read_to_string(format!("{file}.svg")).unwrap();
    assert!(svg.contains("server.rs") && svg.contains("::Session&lt;"), "{}", svg.len());

    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, &text[..text.len() / 2]).unwrap();
    let (code, text) = complaint(&["flame", &file]);
    assert!(code == 65 && text.contains("damaged in the allocation sites, at byte "), "{text}");
    let (code, text) = complaint(&["pprof", &format!("{file}.pb.gz")]);
    assert!(code == 64 && text.contains("expected allocation sites"), "{text}");
    drop(root);
}
