use gc_core::*;
use std::time::Instant;
#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    next: Slot<'gc, Node<'gc>>,
    first: Option<Gc<'gc, Node<'gc>>>,
}
#[derive(Trace)]
struct Tree<'gc> {
    l: Option<Gc<'gc, Tree<'gc>>>,
    r: Option<Gc<'gc, Tree<'gc>>>,
}
fn tree<'gc>(m: &'gc Mutator, d: u32) -> Gc<'gc, Tree<'gc>> {
    if d == 0 {
        m.alloc(Tree { l: None, r: None })
    } else {
        m.alloc(Tree { l: Some(tree(m, d - 1)), r: Some(tree(m, d - 1)) })
    }
}
fn count(t: &Tree) -> u32 {
    1 + t.l.map_or(0, |t| count(&t)) + t.r.map_or(0, |t| count(&t))
}
struct BT(Option<(Box<BT>, Box<BT>)>);
fn btree(d: u32) -> Box<BT> {
    if d == 0 { Box::new(BT(None)) } else { Box::new(BT(Some((btree(d - 1), btree(d - 1))))) }
}
fn bcount(t: &BT) -> u32 {
    1 + t.0.as_ref().map_or(0, |(l, r)| bcount(l) + bcount(r))
}
fn main() {
    let n_env: u64 = std::env::var("N").map_or(1_000_000, |a| a.parse().unwrap());
    #[allow(non_snake_case)]
    let N = n_env;
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let root = m.root(m.alloc(Node { value: 1, next: Slot::null(), first: None }));
    let t = Instant::now();
    for i in 0..N {
        let head = root.get(&m);
        let node = m.alloc(Node { value: i, next: Slot::new(head.next.get()), first: Some(head) });
        head.next.set(&m, Some(node));
        m.safepoint();
    }
    println!("list {:?}", t.elapsed());
    let mut n = 0;
    let mut p = root.get(&m).next.get();
    let mut sum = 0;
    while let Some(x) = p {
        n += 1;
        sum += x.value;
        assert!(Gc::ptr_eq(x.first.unwrap(), x.first.unwrap()));
        p = x.next.get();
    }
    assert_eq!((n, sum), (N, (N - 1) * N / 2));
    println!("{:?}", m.collect(Generation::Old));
    let d = std::env::args().nth(1).map_or(16, |a| a.parse().unwrap());
    for _ in 0..2 {
        let t = Instant::now();
        let long = m.root(tree(&m, d));
        let mut total = 0u64;
        let mut k = 4;
        while k <= d {
            let it = 1 << (d - k + 4);
            for _ in 0..it {
                total += count(&tree(&m, k)) as u64;
                m.safepoint();
            }
            k += 2;
        }
        total += count(&long.get(&m)) as u64;
        println!("gc trees {:?} {total}", t.elapsed());
        let t = Instant::now();
        let long = btree(d);
        let mut total = 0u64;
        let mut k = 4;
        while k <= d {
            let it = 1 << (d - k + 4);
            for _ in 0..it {
                total += bcount(&btree(k)) as u64;
            }
            k += 2;
        }
        total += bcount(&long) as u64;
        println!("box trees {:?} {total}", t.elapsed());
    }
    println!("{:#?}", heap.stats());
}
