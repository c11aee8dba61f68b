//! The graph of a heap: what it says of fields, memory, weak references and roots.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use gc_core::{
    Collect, Counted, Ephemeron, ExternalBytes, Gc, GcCell, Heap, Mutator, Slot, Trace,
    collections::{BTreeMap as GcBTreeMap, HashMap as GcHashMap},
    observe::{
        Graph, Node, NodeKind, Strength,
        sites::{self, SitesConfig},
    },
};
use gc_tests::{
    heaps::{calm, settle, under},
    random::mix,
};

#[derive(Trace)]
struct Inner<'gc> {
    here: Gc<'gc, u64>,
}

#[derive(Trace)]
enum Either<'gc> {
    Left(Gc<'gc, u64>),
    Right { far: Gc<'gc, u64>, r#type: Gc<'gc, u64> },
}

#[derive(Trace)]
struct Everything<'gc> {
    plain: Gc<'gc, u64>,
    inner: Inner<'gc>,
    maybe: Option<Gc<'gc, u64>>,
    list: Vec<Gc<'gc, u64>>,
    pairs: Vec<(u8, Gc<'gc, u64>)>,
    boxed: Box<Inner<'gc>>,
    array: [Gc<'gc, u64>; 2],
    slot: Slot<'gc, u64>,
    cell: GcCell<Vec<Inner<'gc>>>,
    map: GcCell<GcHashMap<u64, Gc<'gc, u64>>>,
    tree: GcCell<GcBTreeMap<u64, Gc<'gc, u64>>>,
    left: Either<'gc>,
    right: Either<'gc>,
}

fn everything<'gc>(m: &'gc Mutator) -> Everything<'gc> {
    let number = |n: u64| m.alloc(n);
    let (mut map, mut tree) = (GcHashMap::new(), GcBTreeMap::new());
    map.insert(5, number(12));
    tree.insert(5, number(13));
    Everything {
        plain: number(0),
        inner: Inner { here: number(1) },
        maybe: Some(number(2)),
        list: vec![number(3), number(4)],
        pairs: vec![(0, number(5))],
        boxed: Box::new(Inner { here: number(6) }),
        array: [number(7), number(8)],
        slot: Slot::new(Some(number(9))),
        cell: GcCell::new(vec![Inner { here: number(10) }, Inner { here: number(11) }]),
        map: GcCell::new(map),
        tree: GcCell::new(tree),
        left: Either::Left(number(14)),
        right: Either::Right { far: number(15), r#type: number(16) },
    }
}

fn labels(graph: &Graph, node: Node) -> Vec<String> {
    graph.edges(node).map(|edge| edge.label.to_string()).collect()
}

fn only(graph: &Graph, type_name: &str) -> Node {
    let found: Vec<_> = graph.instances(type_name).filter(|&node| graph.kind(node) == NodeKind::InHeap).collect();
    assert_eq!(found.len(), 1, "{type_name}");
    found[0]
}

#[test]
fn an_edge_says_which_field_it_is() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let _root = m.root(m.alloc(everything(&m)));
    let graph = Graph::take(&mut m).unwrap();
    let node = only(&graph, "Everything");
    let expected = [
        "plain",
        "inner.here",
        "maybe",
        "list[0]",
        "list[1]",
        "pairs[0].1",
        "boxed.here",
        "array[0]",
        "array[1]",
        "slot",
        "cell[0].here",
        "cell[1].here",
        "map[0]",
        "tree[0]",
        "left.Left.0",
        "right.Right.far",
        "right.Right.type",
    ];
    assert_eq!(labels(&graph, node), expected);
    let path = graph.path_to(graph.edges(node).nth(5).unwrap().to).unwrap().to_string();
    assert_eq!(path, "root of Gc<'_, Everything<'_>> → Everything<'_>.pairs[0].1 → u64");
}

#[derive(Trace)]
struct Owner {
    text: String,
    bytes: Vec<u8>,
    texts: Vec<String>,
    shared: Counted<[u8; 1000]>,
    also: Arc<[u64; 100]>,
    #[trace(skip)]
    _unseen: String,
}

#[test]
fn memory_of_values_counts_where_it_is_owned() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let (shared, also) = (Counted::new([0; 1000]), Arc::new([0; 100]));
    let owner = |text: usize| Owner {
        text: String::with_capacity(text),
        bytes: Vec::with_capacity(20),
        texts: vec![String::with_capacity(5), String::with_capacity(6)],
        shared: shared.clone(),
        also: also.clone(),
        _unseen: String::with_capacity(1 << 20),
    };
    let owners = m.root(m.alloc_slice_from_iter([owner(100), owner(200)].map(|owner| m.alloc(owner))));
    let leaf = m.root(m.alloc(String::with_capacity(70)));
    let graph = Graph::take(&mut m).unwrap();
    let mut owned: Vec<_> = graph.instances("Owner").map(|node| graph.owned(node)).collect();
    owned.sort_unstable();
    let others = 20 + 2 * size_of::<String>() as u64 + 5 + 6;
    assert_eq!(owned, [100 + others, 200 + others]);
    assert_eq!(graph.owned(only(&graph, "String")), 70);
    // Neither owner retains what both share: their array does.
    let shared: Vec<_> = graph.nodes().filter(|&node| graph.kind(node) == NodeKind::Native).collect();
    assert_eq!(shared.len(), 2);
    let bytes: u64 = shared.iter().map(|&node| graph.size(node)).sum();
    assert!((1800..1900).contains(&bytes), "{bytes}");
    let dominators = graph.dominators();
    let each: Vec<_> = graph
        .instances("Owner")
        .map(|node| (dominators.retained(node), graph.size(node) + graph.owned(node)))
        .collect();
    assert!(each.iter().all(|(retained, own)| retained == own), "{each:?}");
    let array = graph.path_to(shared[0]).unwrap().nodes().nth_back(2).unwrap();
    assert!(dominators.retained(array) > bytes);
    drop((owners, leaf));
}

/// Bytes that the program reports are what the object owns, unless the field is skipped.
#[test]
fn reported_bytes_are_owned() {
    #[derive(Trace)]
    struct Texture {
        held: ExternalBytes,
        #[trace(skip)]
        _also: ExternalBytes,
    }
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let texture = Texture { held: m.external_bytes(1_000_000), _also: m.external_bytes(5) };
    let textures = m.root(vec![m.alloc(texture)]);
    let graph = Graph::take(&mut m).unwrap();
    assert_eq!(graph.owned(only(&graph, "Texture")), 1_000_000);
    drop(textures);
}

#[test]
fn what_is_weak_keeps_nothing() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let key = m.root(m.alloc(1_u64));
    let pair = m.root(Ephemeron::new(&m, key.get(&m), m.alloc(2_u32)));
    let weak = m.root(Gc::downgrade(key.get(&m), &m));
    let id = Gc::id(key.get(&m), &m);
    let graph = Graph::take(&mut m).unwrap();
    let (key_node, value) = (graph.node_with_id(id).unwrap(), only(&graph, "u32"));
    let to =
        |node: Node| graph.edges_to(node).map(|edge| (edge.label.to_string(), edge.strength)).collect::<BTreeSet<_>>();
    assert_eq!(
        to(key_node),
        BTreeSet::from([
            (String::new(), Strength::Strong),
            ("key".to_owned(), Strength::Weak),
            ("target".to_owned(), Strength::Weak)
        ])
    );
    assert_eq!(to(value), BTreeSet::from([("value".to_owned(), Strength::Strong)]));
    drop((pair, weak));
}

/// A node of a random graph.
#[derive(Trace)]
struct Vertex<'gc> {
    edges: GcCell<Vec<Gc<'gc, Vertex<'gc>>>>,
    also: Slot<'gc, Vertex<'gc>>,
    pad: Vec<u8>,
}

/// The graph, by identities: what each leads to.
type Shadow = BTreeMap<u64, Vec<u64>>;

fn check(graph: &Graph, shadow: &Shadow, roots: &[u64]) {
    let node = |id: u64| graph.node_with_id(id).unwrap_or_else(|| panic!("no object has the id {id}"));
    let mut seen = BTreeSet::new();
    let mut stack = roots.to_vec();
    while let Some(id) = stack.pop() {
        if !seen.insert(id) {
            continue;
        }
        let found: Vec<_> = graph.edges(node(id)).map(|edge| graph.id(edge.to)).collect();
        assert_eq!(found, shadow[&id], "of {id}");
        assert!(graph.is_reachable(node(id)));
        stack.extend(&shadow[&id]);
    }
    let alive =
        graph.instances("Vertex").filter(|&node| graph.kind(node) == NodeKind::InHeap && graph.is_reachable(node));
    assert_eq!(alive.count(), seen.len());
}

/// Makes a random graph, changes it, and compares pictures of it, in one mutator.
fn random(heap: &Heap, m: &mut Mutator, seed: u64) {
    let mut random = mix(seed);
    let mut next = |below: usize| {
        random = mix(random);
        (random % below as u64) as usize
    };
    let all = m.root(Vec::<Gc<'_, Vertex<'_>>>::new());
    let mut all = all;
    for round in 0..3 {
        for _ in 0..200 {
            let pad = vec![0; [0, 10, 10_000][next(3)]];
            let vertex = m.alloc(Vertex { edges: GcCell::new(Vec::new()), also: Slot::null(), pad });
            let vertex = m.root(vertex);
            all.get_mut(m).push(vertex.get(m));
        }
        let len = all.borrow(m).len();
        for _ in 0..400 {
            let (from, to) = (all.borrow(m)[next(len)], all.borrow(m)[next(len)]);
            match next(4) {
                0 => from.also.set(m, Some(to)),
                1 => from.edges.borrow_mut(m).clear(),
                _ => from.edges.borrow_mut(m).push(to),
            }
        }
        // Some are only reachable through others from now on, or not at all.
        let keep = len / 2;
        let mut shadow = Shadow::new();
        let mut stack: Vec<_> = all.borrow(m).clone();
        while let Some(vertex) = stack.pop() {
            let edges: Vec<_> = vertex.edges.borrow(m).iter().copied().chain(vertex.also.get()).collect();
            let ids = edges.iter().map(|to| Gc::id(*to, m)).collect();
            if shadow.insert(Gc::id(vertex, m), ids).is_none() {
                stack.extend(edges);
            }
        }
        all.get_mut(m).truncate(keep);
        let roots: Vec<_> = all.borrow(m).iter().map(|vertex| Gc::id(*vertex, m)).collect();
        if round == 1 {
            m.collect(Collect::Young);
        }
        let graph = Graph::take(m).unwrap();
        check(&graph, &shadow, &roots);
    }
    settle(heap);
}

const PROFILES: [&str; 4] = [
    "verify,promote-random,seed=7",
    "verify,compact-always,slow-marker=2",
    "verify,stopped,workers=2",
    "verify,compact-random,promote-always,seed=3",
];

#[test]
fn a_picture_is_what_the_program_made() {
    for (seed, profile) in PROFILES.iter().enumerate() {
        let heap = under(profile).build().unwrap();
        let mut m = heap.attach().unwrap();
        random(&heap, &mut m, seed as u64);
    }
}

/// Four mutators take pictures of one heap, in which the others go on.
#[test]
fn pictures_are_taken_while_others_work() {
    for profile in ["verify,compact-random,seed=5", "slow-marker=3"] {
        let heap = under(profile).build().unwrap();
        std::thread::scope(|scope| {
            for seed in 0..4 {
                let heap = &heap;
                scope.spawn(move || {
                    let mut m = heap.attach().unwrap();
                    let mut random = mix(seed + 100);
                    let mut list = m.root(Vec::<Gc<'_, Inner<'_>>>::new());
                    for _ in 0..5 {
                        for _ in 0..300 {
                            random = mix(random);
                            let inner = m.alloc(Inner { here: m.alloc(random) });
                            list.get_mut(&m).push(inner);
                            m.safepoint();
                        }
                        list.get_mut(&m).truncate(100);
                        let ids: Vec<_> = list.borrow(&m).iter().map(|inner| Gc::id(*inner, &m)).collect();
                        let graph = Graph::take(&mut m).unwrap();
                        for id in ids {
                            let node = graph.node_with_id(id).expect("it is alive");
                            assert_eq!(labels(&graph, node), ["here"]);
                            assert!(graph.path_to(node).is_some());
                        }
                    }
                });
            }
        });
        settle(&heap);
    }
}

/// While allocation sites are tracked.
#[test]
fn a_root_says_where_it_was_made() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let before = m.root(m.alloc([1_u8; 3]));
    sites::start(&heap, SitesConfig::exact());
    let line = line!() + 1;
    let after = m.root(m.alloc([1_u8; 4]));
    let graph = Graph::take(&mut m).unwrap();
    let place = |root: &str| {
        let root = graph.roots().find(|&node| graph.type_name(node).contains(root)).unwrap();
        graph.place(root).map(str::to_owned)
    };
    assert_eq!(place("[u8; 3]"), None);
    let place = place("[u8; 4]").unwrap();
    assert!(place.contains(&format!("observe/heap.rs:{line}:")), "{place}");
    let path = graph.path_to(only(&graph, "[u8; 4]")).unwrap().to_string();
    assert_eq!(path, format!("root of Gc<'_, [u8; 4]> made at {place} → [u8; 4]"));
    drop((before, after));
}

#[test]
fn dropped_roots_are_gone() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let roots: Vec<_> = (0..1000).map(|n| m.root(m.alloc(n as u64))).collect();
    let of_numbers = |graph: &Graph| graph.roots().filter(|&root| graph.type_name(root).contains("u64")).count();
    let before = of_numbers(&Graph::take(&mut m).unwrap());
    drop(roots);
    let after = of_numbers(&Graph::take(&mut m).unwrap());
    assert_eq!((before, after), (1000, 0));
}
