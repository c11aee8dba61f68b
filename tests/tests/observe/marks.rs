//! What is new since a mark: a session of sites in which every allocation is a sample.

use gc_core::{
    Collect,
    observe::sites::{self, GroupBy, SitesConfig},
};
use gc_tests::heaps::calm;

#[test]
fn what_was_allocated_since_the_mark_and_lives_is_new() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    sites::start(&heap, SitesConfig::exact());
    let mut kept = Vec::new();
    for round in 1..4_u64 {
        sites::clear(&heap);
        let lines = [line!() + 1, line!() + 2];
        kept.extend((0..10 * round).map(|number| m.root(m.alloc((number, round)))));
        let dead: Vec<_> = (0..5).map(|number| m.root(m.alloc((number, round)))).collect();
        drop(dead);
        m.collect(Collect::Full);
        let new = sites::snapshot(&m).statistics(GroupBy::Site);
        let new: Vec<_> = new.iter().filter(|site| site.live.objects > 0).collect();
        assert_eq!(new.len(), 1, "only the first of the places {lines:?} has made what is new and lives");
        assert_eq!((new[0].live.objects, new[0].live.bytes), (10 * round, 24 * 10 * round));
        assert!(new[0].key.contains(&format!("marks.rs:{}", lines[0])), "{}", new[0].key);
    }
    sites::stop(&heap);
}
