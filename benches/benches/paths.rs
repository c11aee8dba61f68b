//! Every operation and yardstick, timed.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use gc_benches::paths::PATHS;

fn paths(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("paths");
    group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(800));
    for path in PATHS {
        group.bench_function(path.name, |bencher| bencher.iter_custom(path.run));
    }
    group.finish();
}

criterion_group!(benches, paths);
criterion_main!(benches);
