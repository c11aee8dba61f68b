//! Event hooks that are made of others.

use crate::Event;

/// Returns an event hook that calls `first`, then `second`: a heap has one hook, and several things
/// may listen to it.
///
/// Each sees every event that [`on_event`](crate::HeapBuilder::on_event) lets through, by its one
/// least level. If `first` panics, `second` does not see that event.
///
/// Python's `gc.callbacks` is a list of such hooks.
///
/// ```
/// use gc_core::{Event, Heap, Level, observe};
///
/// let timeline = observe::Timeline::new();
/// let warn = |event: &Event| {
///     if event.level() >= Level::Warning {
///         eprintln!("{event}");
///     }
/// };
/// let heap = Heap::builder().on_event(Level::Debug, observe::both(timeline.hook("main"), warn)).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn both(
    first: impl Fn(&Event) + Send + Sync + 'static,
    second: impl Fn(&Event) + Send + Sync + 'static,
) -> impl Fn(&Event) + Send + Sync + 'static {
    move |event| {
        first(event);
        second(event);
    }
}
