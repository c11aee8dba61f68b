//! The spans and events that a subscriber of `tracing` sees, which is no part of this project.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use ::tracing::{
    Level, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use gc_core::{Collect, CollectCounts, Event, Gc, Heap, Stats, observe};
use gc_tests::{Tested, heaps};
use parking_lot::Mutex;
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
};

type Fields = BTreeMap<&'static str, String>;

/// A span that was closed, or an event.
#[derive(Clone, Debug)]
struct Seen {
    name: String,
    level: Level,
    /// The names of the spans around it, the innermost last, with their ids.
    inside: Vec<(String, u64)>,
    /// 0 for an event.
    id: u64,
    fields: Fields,
}

impl Seen {
    fn number(&self, field: &str) -> u64 {
        let text = self.fields.get(field).unwrap_or_else(|| panic!("no {field} in {self:?}"));
        text.parse().unwrap_or_else(|_| panic!("{field} of {self:?} is no number"))
    }
}

/// A layer that keeps what it sees.
#[derive(Clone, Default)]
struct Keeps(Arc<Mutex<Vec<Seen>>>);

struct Visitor<'a>(&'a mut Fields);

impl Visit for Visitor<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

impl Keeps {
    fn keep(&self, name: &str, metadata: &Metadata<'_>, inside: Vec<(String, u64)>, id: u64, fields: Fields) {
        assert_eq!(metadata.target(), "gc");
        self.0.lock().push(Seen { name: name.to_owned(), level: *metadata.level(), inside, id, fields });
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Keeps {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::new();
        attributes.record(&mut Visitor(&mut fields));
        context.span(id).unwrap().extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        let mut extensions = span.extensions_mut();
        values.record(&mut Visitor(extensions.get_mut::<Fields>().unwrap()));
    }

    fn on_event(&self, event: &::tracing::Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::new();
        event.record(&mut Visitor(&mut fields));
        let name = fields.remove("message").expect("a message");
        let scope = context.event_scope(event).into_iter().flat_map(|scope| scope.from_root());
        let inside = scope.map(|span| (span.name().to_owned(), span.id().into_u64())).collect();
        self.keep(&name, event.metadata(), inside, 0, fields);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let span = context.span(&id).unwrap();
        let fields = span.extensions_mut().remove::<Fields>().unwrap();
        let around = span.parent().into_iter().flat_map(|parent| parent.scope().from_root());
        let inside = around.map(|span| (span.name().to_owned(), span.id().into_u64())).collect();
        self.keep(span.name(), span.metadata(), inside, id.into_u64(), fields);
    }
}

/// The hook, with a subscriber of its own on whatever thread it is called.
fn hook(keeps: &Keeps) -> impl Fn(&Event) + Send + Sync + 'static {
    let dispatch = ::tracing::Dispatch::new(tracing_subscriber::registry().with(keeps.clone()));
    let hook = observe::tracing::hook();
    move |event| ::tracing::dispatcher::with_default(&dispatch, || hook(event))
}

/// Collects on two threads, and returns what was seen until the end of the heap, and the heap's figures.
fn work(build: impl FnOnce(gc_core::HeapBuilder) -> gc_core::HeapBuilder) -> (Vec<Seen>, Stats) {
    let keeps = Keeps::default();
    let heap = build(heaps::calm()).on_event(gc_core::Level::Debug, hook(&keeps)).build().unwrap();
    let collects = |heap: &Heap| {
        let mut m = heap.attach().unwrap();
        for round in 0..10_u64 {
            let weak = m.root(Gc::downgrade(m.alloc([round; 100]), &m));
            m.collect(Collect::Young);
            m.collect(Collect::Promote);
            m.collect(Collect::Full);
            drop(weak);
        }
    };
    std::thread::scope(|scope| {
        std::thread::Builder::new().name("other".to_owned()).spawn_scoped(scope, || collects(&heap)).unwrap();
        collects(&heap);
    });
    let stats = heap.stats();
    drop(heap);
    let seen = keeps.0.lock().clone();
    (seen, stats)
}

#[test]
fn each_cycle_is_a_span_with_its_pauses_in_it() {
    let (seen, stats) = work(|builder| builder);
    assert!(seen.iter().all(|seen| seen.level == Level::DEBUG), "nothing happens all the time that is louder");
    let of = |name: &'static str| seen.iter().filter(move |seen| seen.name == name);
    let cycles = |kind: &'static str| of("cycle").filter(move |cycle| cycle.fields["kind"] == kind);
    let kinds = ["minor", "minor_promoting_all", "major"].map(|kind| cycles(kind).count() as u64);
    let CollectCounts { young, promote, full, .. } = stats.collections;
    assert_eq!(kinds, [young, promote, full]);
    assert!(of("cycle").all(|cycle| cycle.inside.is_empty() && cycle.fields.contains_key("after")));
    let ids = |kinds: &[&str]| {
        let mut ids: Vec<_> =
            of("cycle").filter(|c| kinds.contains(&&*c.fields["kind"])).map(|c| c.number("id")).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(ids(&["major"]), (1..=stats.collections.full).collect::<Vec<_>>());
    assert_eq!(
        ids(&["minor", "minor_promoting_all"]),
        (1..=stats.collections.young + stats.collections.promote).collect::<Vec<_>>()
    );
    // Microseconds are rounded down.
    let total: u64 = of("pause").map(|pause| pause.number("pause_us")).sum();
    let exact = stats.pause_total.as_micros() as u64;
    assert!(total <= exact && exact - total <= of("pause").count() as u64, "{total} of {exact} µs");
    for pause in of("pause") {
        let cycle = pause.fields.get("cycle");
        match pause.inside.as_slice() {
            [(name, id)] => {
                let around =
                    seen.iter().find(|seen| seen.id == *id && seen.name == "cycle").expect("its cycle is closed");
                assert_eq!(name, "cycle");
                assert_eq!(around.fields["kind"] == "major", cycle.is_some());
                assert!(cycle.is_none_or(|cycle| *cycle == around.fields["id"]), "{pause:?} in {around:?}");
            }
            // Told after the end of its cycle.
            inside => assert!(inside.is_empty() && cycle.is_some(), "{pause:?}"),
        }
    }
    let promoted: u64 = of("pause").map(|pause| pause.number("promoted")).sum();
    assert_eq!(promoted, stats.bytes_promoted);
    assert!(of("pause").any(|pause| pause.fields["led_by"] == "other"));
    for phase in ["marking", "sweeping"] {
        assert_eq!(of(phase).count() as u64, stats.collections.full);
        assert!(of(phase).all(|phase| phase.inside.len() == 1 && phase.fields.contains_key("us")));
    }
    assert_eq!(of("completed").count() as u64, stats.collections.full);
    assert_eq!(of("collected").count(), of("pause").count());
    assert!(of("collected").all(|event| event.inside.last().is_some_and(|(name, _)| name == "pause")));
}

/// The pauses of cycles that are told one after the other lie in their own cycle, in whatever order they are told.
#[test]
fn events_in_any_order_make_one_span_for_each_cycle() -> Tested {
    let events = Arc::new(Mutex::new(Vec::new()));
    let told = events.clone();
    let heap = heaps::calm().on_event(gc_core::Level::Debug, move |event| told.lock().push(event.clone())).build()?;
    let mut m = heap.attach()?;
    for _ in 0..3 {
        m.collect(Collect::Full);
    }
    drop((m, heap));
    let events: Vec<Event> = events.lock().clone();
    let orders: [fn(&mut Vec<Event>); 3] = [|_| (), |events| events.reverse(), |events| events.rotate_left(3)];
    for order in orders {
        let (keeps, mut events) = (Keeps::default(), events.clone());
        order(&mut events);
        let hook = hook(&keeps);
        events.iter().for_each(&hook);
        drop(hook);
        let seen = keeps.0.lock().clone();
        let mut cycles: Vec<_> = seen.iter().filter(|s| s.name == "cycle").map(|s| s.number("id")).collect();
        let number = cycles.len();
        cycles.sort_unstable();
        cycles.dedup();
        assert_eq!(cycles.len(), number, "a cycle has two spans: {seen:#?}");
        assert_eq!(seen.iter().filter(|s| s.name == "pause").count(), 6);
    }
    Ok(())
}

/// With the level off, nothing is made, and no span is left open.
#[test]
fn warnings_are_told_where_debug_is_off() {
    let keeps = Keeps::default();
    let filtered = keeps.clone().with_filter(tracing_subscriber::filter::LevelFilter::WARN);
    let dispatch = ::tracing::Dispatch::new(tracing_subscriber::registry().with(filtered));
    let hook = observe::tracing::hook();
    let heap = heaps::calm()
        .on_event(gc_core::Level::Debug, move |event| ::tracing::dispatcher::with_default(&dispatch, || hook(event)))
        .build()
        .unwrap();
    let mut m = heap.attach().unwrap();
    let kept = m.root(m.alloc(1));
    m.collect(Collect::Full);
    heap.set_hard_limit(Some(0));
    assert!(m.try_alloc(1).is_err());
    drop((kept, m, heap));
    let seen = keeps.0.lock().clone();
    let [limit] = &seen[..] else { panic!("{seen:#?}") };
    assert_eq!((limit.name.as_str(), limit.level, limit.number("limit")), ("limit reached", Level::WARN, 0));
    assert!(limit.number("used") > 0);
}

/// A straggler is a warning that names it.
#[test]
fn a_straggler_is_a_warning() {
    let keeps = Keeps::default();
    let heap = heaps::calm()
        .late_after(Duration::from_millis(1))
        .on_event(gc_core::Level::Debug, hook(&keeps))
        .build()
        .unwrap();
    let mut m = heap.attach().unwrap();
    let is_told = || keeps.0.lock().iter().any(|seen| seen.name == "late for a safepoint");
    let gate = std::sync::Barrier::new(2);
    std::thread::scope(|scope| {
        let straggles = || {
            let mut m = heap.attach().unwrap();
            gate.wait();
            heaps::wait_until("the straggler is told", is_told);
            m.safepoint();
        };
        std::thread::Builder::new().name("straggler".to_owned()).spawn_scoped(scope, straggles).unwrap();
        m.blocked(|| gate.wait());
        m.collect(Collect::Young);
    });
    drop((m, heap));
    let seen = keeps.0.lock().clone();
    let late = seen.iter().find(|seen| seen.name == "late for a safepoint").unwrap();
    assert!(
        late.level == Level::WARN && late.fields["thread"].contains("straggler") && late.number("waited_us") >= 1000
    );
    let pause = seen.iter().find(|seen| seen.name == "pause").unwrap();
    assert!(pause.fields["waited_for"].contains("straggler") && pause.number("safepoint_us") >= 1000);
}
