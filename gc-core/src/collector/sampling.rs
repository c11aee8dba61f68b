//! Sampling: which objects are samples of what is allocated, and what is known of where they were.
//!
//! A mutator takes samples by itself (`young::Sampler`), and follows the session of its heap in the
//! slow paths of allocation ([sites.number]). A sample is a registered object: so it moves with its
//! object, and goes when that dies.
//!
//! - **[sampling.no-cells]** A weak cell is no sample: it belongs to the entry of another object.

use core::{num::NonZero, panic::Location, ptr::NonNull};

use crate::{
    object::TypeInfo,
    registered::{Sample, WeakCell, Weighed, bytes_of_sample},
    settings::SitesConfig,
    space::young::Age,
    sync::Arc,
    young,
};

use super::{
    attachment::{self, Attachment},
    collector::Collector,
};

/// Has the running mutator take samples in the session that is on, or none if none is.
#[inline(always)]
pub(crate) fn follow(local: &Attachment) {
    if local.sampler.number() != local.collector.sites.number() {
        follow_new(local);
    }
}

#[cold]
#[inline(never)]
fn follow_new(local: &Attachment) {
    local.sampler.follow(local.collector.sites.session(), local.number, &local.buffer);
    local.roots.hide_free();
}

/// Notes where an object was allocated that is a sample.
///
/// # Safety
///
/// An object of the running mutator `local`, which it has made just now.
#[cold]
pub(crate) unsafe fn sample(
    local: &Attachment,
    session: NonZero<u64>,
    object: NonNull<u8>,
    info: &'static TypeInfo,
    place: &'static Location<'static>,
) {
    // Another one may have begun while the object was made.
    let Some(session) = local.sampler.session(session) else { return };
    let (collector, config, name) = (&local.collector, &session.config, (info.name)());
    // [sampling.no-cells]
    if name == core::any::type_name::<WeakCell>() {
        return;
    }
    // SAFETY: the caller's: an object of this type.
    let bytes = unsafe { info.size_with_header(object.as_ptr()) };
    let objects = young::weight(config.sample_bytes, info.shape.young_bytes(bytes));
    let weighed_bytes = u128::from(objects) * bytes as u128 / u128::from(crate::registered::ONE);
    let weighed = Weighed { objects, bytes: u64::try_from(weighed_bytes).unwrap_or(u64::MAX) };
    let Some(record) = collector.sites.record(&session, place, name, stack(config.frames)) else { return };
    let Some(sample) = record.sample(weighed, config.max_samples) else { return };
    // SAFETY: the caller's: a running mutator has the object in hand.
    unsafe { collector.registered.add_sample(collector.generations(), object, sample) };
}

/// How many frames of this crate there may be on top of those of the program. Which they are is
/// seen when they get their names.
#[cfg(feature = "backtraces")]
const OWN_FRAMES: usize = 12;

/// Returns the return addresses of the stack, the innermost first: so many, and those of this
/// crate.
#[cfg(feature = "backtraces")]
fn stack(frames: usize) -> Vec<usize> {
    let mut found = Vec::new();
    if frames > 0 {
        let most = frames.min(crate::settings::MAX_FRAMES) + OWN_FRAMES;
        // SAFETY: the lock that this lacks is for the one library of Windows that finds names and frames. Here frames are found by the
        // unwinder of the language's runtime, which any number of threads may use. So a child of a fork may, too.
        unsafe {
            backtrace::trace_unsynchronized(|frame| {
                found.push(frame.ip().addr());
                found.len() < most
            });
        }
    }
    found
}

#[cfg(not(feature = "backtraces"))]
fn stack(_: usize) -> Vec<usize> {
    Vec::new()
}

/// Begins a session of tracking, unless one is on. Returns whether it does. The mutator that this
/// thread runs follows at once.
pub(crate) fn start(collector: &Collector, config: SitesConfig) -> bool {
    let session = collector.sites.start(config);
    if let Some(session) = session {
        collector.roots.places.start(session, config.max_samples);
        follow_here(collector);
    }
    session.is_some()
}

/// Ends the session, and forgets its samples. Returns whether there was one.
pub(crate) fn stop(collector: &Collector) -> bool {
    let (has_ended, last) = collector.sites.stop();
    // Also if there was none: in the child of a fork, the thread that had ended it may be gone before it came here.
    collector.roots.places.stop(last);
    if has_ended {
        collector.registered.forget_samples();
        follow_here(collector);
    }
    has_ended
}

fn follow_here(collector: &Collector) {
    // SAFETY: the attachment that this thread runs, if any ([attachment.current]).
    if let Some(local) = unsafe { attachment::current().as_ref() }
        && core::ptr::eq(Arc::as_ptr(&local.collector), collector)
    {
        follow(local);
    }
}

/// Calls `visit` with every sample of a live object that is in the table, and with the object's
/// generation: 0, 1 or 2. The caller runs a mutator, so no entry is on its way from one place to
/// another.
pub(crate) fn for_each_sample(collector: &Collector, mut visit: impl FnMut(&Sample, usize)) {
    let (ages, generations) = (collector.young.lock().space.ages.clone(), collector.generations());
    collector.registered.with_extras(|object, extras| {
        let Some(sample) = extras.sample.as_ref().filter(|sample| !sample.has_ended()) else { return };
        let address = object.addr().get();
        let generation = if collector.map.young.contains(address) {
            usize::from(ages.at(address) == Age::Survivor)
        } else if generations.is_young(address) {
            0
        } else {
            2
        };
        visit(sample, generation);
    });
}

/// Returns the bytes that tracking takes: records, samples and places of roots.
pub(crate) fn side_bytes(collector: &Collector) -> usize {
    let samples = collector.sites.session().map_or(0, |session| session.totals.samples()) as usize;
    collector.sites.bytes() + collector.roots.places.bytes() + samples * bytes_of_sample()
}
