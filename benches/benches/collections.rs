//! Pauses, timed: what is reported is the time the world was stopped, not what building the heap took.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gc_benches::collections::{self, Pause, Shape};

const OBJECTS: usize = (4 << 20) / 32;

fn pauses(criterion: &mut Criterion, name: &str, bytes: usize, objects: usize, round: impl Fn() -> Pause) {
    let mut group = criterion.benchmark_group("collections");
    group.sample_size(10).warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_secs(1));
    group.throughput(Throughput::Bytes(bytes as u64));
    group.bench_function(BenchmarkId::new(name, objects), |bencher| {
        bencher.iter_custom(|rounds| (0..rounds).map(|_| round().time).sum());
    });
    group.finish();
}

fn all(criterion: &mut Criterion) {
    pauses(criterion, "plain_copy", OBJECTS * 32, OBJECTS, || collections::plain_copy(OBJECTS, 3));
    for shape in [Shape::List, Shape::Tree, Shape::Shuffled] {
        let name = format!("{shape:?}").to_lowercase();
        pauses(criterion, &format!("copy_{name}"), OBJECTS * 32, OBJECTS, || collections::copy(shape, OBJECTS, 3, 1));
        pauses(criterion, &format!("promote_{name}"), OBJECTS * 32, OBJECTS, || {
            collections::promote(shape, OBJECTS, 3, 1)
        });
    }
    let objects = 1_000_000;
    for (name, local) in [("mark_local", true), ("mark_random", false)] {
        pauses(criterion, name, objects * 64, objects, || collections::mark(local, objects, 1, 2));
    }
    pauses(criterion, "sweep", 64 << 20, (64 << 20) / 64, || collections::sweep(64 << 20, 1));
}

criterion_group!(benches, all);
criterion_main!(benches);
