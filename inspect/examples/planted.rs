//! Writes files of which the answers are known, for readers that share no code with this crate: `.ci/viewers` runs them.
//!
//! `cargo run -p gc-inspect --example planted -- FOLDER [SESSIONS [OTHERS]]` writes `planted.heapsnapshot`, `planted.pb.gz`, the same of a
//! heap of gc-core's with a timeline of its pauses, and, for each, what is to be found in it, as JSON.

#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use gc_core::{
    Collect, Heap, Level,
    observe::{
        Graph, Timeline,
        sites::{self, SitesConfig},
    },
};
use gc_inspect::pprof::{Frame, Profile, Row};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let Some(folder) = arguments.first().map(PathBuf::from) else {
        return Err("expected a folder to write to, and, if you like, how many sessions and other objects".into());
    };
    let number = |at: usize, or: u64| arguments.get(at).map_or(Ok(or), |text| text.parse());
    fs::create_dir_all(&folder)?;

    let planted = support::planted::planted(number(1, 1000)?, number(2, 50_000)? as usize);
    fs::write(folder.join("planted.heapsnapshot"), planted.file.text())?;
    let expected = format!(
        "{{\"nodes\":{},\"edges\":{},\"bytes\":{},\"sessions\":{},\"planted\":\"demo::Cache\",\"retained\":{}}}\n",
        planted.file.nodes.len(),
        planted.edge_count(),
        planted.file.total(),
        planted.sessions,
        planted.retained,
    );
    fs::write(folder.join("planted.heapsnapshot.json"), expected)?;

    heap(&folder)?;
    save_profile(&profile(), &folder.join("planted.pb.gz"))
}

/// A heap of gc-core's, by its own writer: what the library counts, other readers are to count, too.
fn heap(folder: &Path) -> Result<(), Box<dyn Error>> {
    let timeline = Timeline::new();
    let heap = Heap::builder().sites(SitesConfig::exact()).on_event(Level::Debug, timeline.hook("planted")).build()?;
    let mut m = heap.attach()?;
    let cache = m.root(support::server::cache(&m, 20_000, 2));
    let graph = Graph::take(&mut m)?;
    graph.write_heap_snapshot(fs::File::create(folder.join("heap.heapsnapshot"))?)?;
    // The file has a group of roots, and a node of each object's memory elsewhere.
    let owners = graph.nodes().filter(|&node| graph.owned(node) > 0).count();
    let bytes: u64 = graph.nodes().map(|node| graph.size(node) + graph.owned(node)).sum();
    let planted = graph.instances("Cache").next().ok_or("no cache")?;
    let expected = format!(
        "{{\"nodes\":{},\"edges\":{},\"bytes\":{bytes},\"planted\":\"{}\",\"retained\":{}}}\n",
        graph.node_count() + 1 + owners,
        graph.edge_count() + 1 + owners,
        graph.type_name(planted),
        graph.dominators().retained(planted),
    );
    fs::write(folder.join("heap.heapsnapshot.json"), expected)?;
    save_profile(&Profile::from(&sites::snapshot(&m)), &folder.join("heap.pb.gz"))?;
    drop(cache);
    // Some pauses of each kind.
    for round in 0..20_000_u64 {
        m.alloc([round; 100]);
        m.safepoint();
    }
    m.collect(Collect::Promote);
    m.collect(Collect::Full);
    drop((m, heap));
    timeline.write(&mut fs::File::create(folder.join("heap.trace.json"))?)?;
    Ok(())
}

fn save_profile(profile: &Profile, path: &Path) -> Result<(), Box<dyn Error>> {
    profile.write(fs::File::create(path)?)?;
    let sum = |of: fn(&Row) -> u64| profile.rows.iter().map(of).sum::<u64>();
    let expected = format!(
        "{{\"alloc_objects\":{},\"alloc_space\":{},\"inuse_objects\":{},\"inuse_space\":{},\"rows\":{},\"period\":{}}}\n",
        sum(|row| row.alloc_objects),
        sum(|row| row.alloc_space),
        sum(|row| row.inuse_objects),
        sum(|row| row.inuse_space),
        profile.rows.len(),
        profile.period,
    );
    fs::write(path.with_extension("gz.json"), expected)?;
    Ok(())
}

/// A server's allocation sites.
fn profile() -> Profile {
    let frame = |function: &str, line| Frame { function: function.into(), file: "src/demo.rs".into(), line };
    let mut profile = Profile::new(512 << 10);
    profile.taken = Some(SystemTime::now());
    for (number, function) in ["demo::Cache::insert", "demo::parse", "demo::parse"].into_iter().enumerate() {
        let number = number as u64 + 1;
        profile.rows.push(Row {
            stack: vec![frame(function, 10 * number as u32), frame("demo::serve", 7), frame("demo::main", 3)],
            type_name: ["demo::Session", "demo::Tree", "alloc::string::String"][number as usize - 1].into(),
            generation: if number == 1 { "old" } else { "young" }.into(),
            alloc_objects: 1000 * number,
            alloc_space: 64_000 * number,
            inuse_objects: 100 * (4 - number),
            inuse_space: 6_400 * (4 - number),
        });
    }
    profile
}
