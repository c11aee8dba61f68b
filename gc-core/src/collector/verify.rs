//! The heap verifier: checks the whole heap, relies on nothing that the collector computed, and
//! changes nothing.
//!
//! It builds its own list of objects by walking the spaces, and has its own stack and its own
//! marks. It checks:
//!
//! - **[verify.chunks]** Chunks consist of objects and fillers without a gap, up to their top. No
//!   header is forwarded.
//! - **[verify.bits]** Each allocation bit is that of an object of its block's size class, at an
//!   address that the bit represents. Drop bits are set for the objects that need dropping, and
//!   only for them. Marks are clear, except while marking, and in blocks that wait to be swept. The
//!   counters of bytes and objects are equal to the bytes and objects that are found.
//! - **[verify.lists]** A block is listed once at most, under its class, with as many free cells as
//!   it has. The free cells of a class are those of its listed blocks.
//! - **[verify.pointers]** Every pointer of every object and root is null or the address of an
//!   object.
//! - **[verify.remembered]** Every pointer slot in an old object that holds a young object is
//!   remembered, as itself or by its cell. After a collection nothing else is remembered. A cell is
//!   logged if and only if it is remembered.
//! - **[verify.settled-roots]** No root holds a young object that a young pause would not look at.
//! - **[verify.nothing-young]** After a collection that promotes everything, nothing is young.
//! - **[verify.evacuated]** After blocks were evacuated, no pointer of a live object or root leads
//!   into one: they hold no objects, so [verify.pointers] finds it.
//! - **[verify.registered]** The object of every entry of the table exists, has the flag, and is
//!   young or old as it is listed. Its weak cell exists and points to it. Every weak cell points to
//!   an object or nowhere.
//! - **[verify.marked]** When marking is complete, every object that is reachable from a root is
//!   marked. The value of an ephemeron is reachable if its key is.
//! - **[verify.ephemerons]** Then every ephemeron that is reachable and not cleared has a key and a
//!   value that are marked.

use core::{fmt, ptr::NonNull};
use std::collections::{HashMap, HashSet};

use crate::{
    barrier::Remembered,
    memory::{
        AddressMap,
        bitmap::{self, ones},
    },
    object::{Header, HeaderWord, PairRef, TypeInfo, size_class::SizeClass},
    registered::Table,
    roots::StoppedRoots,
    space::{
        large::{LargeSpace, RunState, RunTable},
        old::OldSpace,
        young::Age,
    },
    sync::atomic::Ordering,
};

use super::{
    generations::Young,
    inspect::{self, FieldPath, Sink},
    major_cycle::Phase,
    registry::Attached,
};

mod registered;

/// The checkpoint at which the verifier runs, which determines what must hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Checkpoint {
    /// Before a collection: the remembered set may have more entries than it needs.
    Before,
    /// After a minor collection by age.
    After,
    /// After a minor collection that promoted everything.
    AfterPromotion,
    /// Marking is complete.
    Marked,
    /// Marking is complete, and candidates were evacuated: only what is marked is checked, because
    /// dead objects may hold pointers to what was there.
    Evacuated,
}

/// The parts of the heap that are checked.
pub(crate) struct Heap<'a> {
    pub(crate) map: AddressMap,
    pub(crate) runs: &'a RunTable,
    pub(crate) young: &'a Young,
    pub(crate) old: &'a OldSpace,
    pub(crate) large: &'a LargeSpace,
    pub(crate) roots: &'a StoppedRoots<'a, Attached>,
    pub(crate) registered: &'a Table,
    /// The type infos of a word in a queue, and of weak cells.
    pub(crate) word: &'static TypeInfo,
    pub(crate) weak_cell: &'static TypeInfo,
    pub(crate) phase: Phase,
}

/// A violation, and a path from a root to the object if there is one.
#[derive(Debug)]
pub(crate) struct Damage {
    what: String,
    path: Vec<&'static str>,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if self.path.is_empty() {
            f.write_str(" (no root leads there)")
        } else {
            write!(f, "; path: root → {}", self.path.join(" → "))
        }
    }
}

/// An object that was found by walking the spaces.
#[derive(Clone, Copy)]
struct Object {
    info: &'static TypeInfo,
    old: bool,
}

type Objects = HashMap<usize, Object>;

fn damage<T>(what: String) -> Result<T, Damage> {
    Err(Damage { what, path: Vec::new() })
}

/// Checks the whole heap. The world is stopped, and buffers are retired.
pub(crate) fn verify(heap: &Heap<'_>, checkpoint: Checkpoint) -> Result<(), Damage> {
    let mut objects = Objects::new();
    walk_young(heap, checkpoint, &mut objects)?;
    walk_old(heap, checkpoint, &mut objects)?;
    check_lists(heap.old)?;
    walk_large(heap, checkpoint, &mut objects)?;
    let remembered = RememberedPlaces::of(&heap.young.remembered);
    let mut wanted = 0;
    for (&address, &object) in &objects {
        let inspected = inspect(heap.map.pointer(address), object.info);
        check(heap, &objects, &inspected, address, object)?;
        if object.old {
            wanted += check_remembered(heap, &objects, &remembered, &inspected, address, object)?;
        }
    }
    if checkpoint != Checkpoint::Before && wanted != remembered.places.len() + remembered.cells.len() {
        let found = remembered.places.len() + remembered.cells.len();
        return damage(format!("the remembered set has {found} entries after a collection, {wanted} are needed"));
    }
    check_roots(heap, &objects)?;
    check_settled_roots(heap, &objects)?;
    registered::check(heap, &objects)?;
    if matches!(checkpoint, Checkpoint::Marked | Checkpoint::Evacuated) { check_marks(heap, &objects) } else { Ok(()) }
}

/// Checks [verify.marked] and [verify.ephemerons].
fn check_marks(heap: &Heap<'_>, objects: &Objects) -> Result<(), Damage> {
    let is_marked = |address: usize| {
        if heap.map.old.contains(address) {
            heap.old.bits.marks.is_set(heap.old.bits.granule(address))
        } else {
            heap.runs.run_of(address).is_marked()
        }
    };
    let mut seen = HashSet::new();
    let mut stack = Vec::new();
    // The values of ephemerons, by keys that were not seen.
    let mut waiting = HashMap::<usize, Vec<usize>>::new();
    for_each_root(heap, |info, value| stack.extend(inspect_value(value, info).targets()));
    while let Some(address) = stack.pop() {
        if address == 0 || !seen.insert(address) {
            continue;
        }
        let info = objects[&address].info;
        if !is_marked(address) {
            let what = format!("{} at {address:#x} is reachable and not marked", (info.name)());
            return Err(Damage { what, path: path_to(heap, objects, address) });
        }
        let inspected = inspect(heap.map.pointer(address), info);
        match inspected.pair {
            Some((key, value)) => {
                if seen.contains(&key) {
                    stack.push(value);
                } else {
                    waiting.entry(key).or_default().push(value);
                }
                // What the pair holds beside them.
                stack.extend(inspected.targets().skip(2));
            }
            None => stack.extend(inspected.targets()),
        }
        stack.extend(waiting.remove(&address).unwrap_or_default());
    }
    for (key, values) in waiting {
        if let Some(dead) = values.into_iter().chain([key]).find(|&address| address != 0 && !is_marked(address)) {
            return damage(format!("an ephemeron holds the key {key:#x}, and {dead:#x} is not marked"));
        }
    }
    Ok(())
}

/// Checks [verify.chunks] and [verify.nothing-young]. Adds the objects in chunks to `objects`.
fn walk_young(heap: &Heap<'_>, checkpoint: Checkpoint, objects: &mut Objects) -> Result<(), Damage> {
    let space = &heap.young.space;
    for chunk in [Age::Fresh, Age::Survivor].into_iter().flat_map(|age| space.of_age(age)) {
        if checkpoint == Checkpoint::AfterPromotion {
            return damage(format!("chunk {chunk} holds young objects after everything was promoted"));
        }
        let start = space.start(chunk);
        let mut at = 0;
        while at < space.top(chunk) {
            let Some(place) = NonNull::new(start.wrapping_add(at)) else { unreachable!() };
            let header = Header::at(place);
            // SAFETY: `place` is below the chunk's top, and objects and fillers before it end there, so it holds a header.
            match unsafe { header.read() } {
                HeaderWord::Info(info) => {
                    // SAFETY: an object of this type.
                    let size_with_header = unsafe { info.size_with_header(header.address()) };
                    objects.insert(header.address().addr(), Object { info, old: false });
                    at += info.shape.young_bytes(size_with_header);
                }
                HeaderWord::Filler(bytes) if bytes > 0 => at += bytes,
                HeaderWord::Filler(_) => return damage(format!("an empty filler at {place:p}")),
                HeaderWord::Forwarded(_) => return damage(format!("a forwarded object at {place:p}")),
            }
        }
        if at != space.top(chunk) {
            return damage(format!("chunk {chunk} ends at {}, its objects at {at}", space.top(chunk)));
        }
    }
    Ok(())
}

/// Checks [verify.bits]. Adds the objects in blocks to `objects`.
fn walk_old(heap: &Heap<'_>, checkpoint: Checkpoint, objects: &mut Objects) -> Result<(), Damage> {
    let old = heap.old;
    let (mut bytes, mut count) = (0, 0);
    for (index, block) in old.blocks.iter().enumerate() {
        // Relaxed, in all of this function: the world is stopped.
        let words =
            |bits: &crate::memory::bitmap::Bitmap| bits.block(index).each_ref().map(|w| w.load(Ordering::Relaxed));
        let (allocated, drops, marks) = (words(&old.bits.allocated), words(&old.bits.drops), words(&old.bits.marks));
        if block.unswept && heap.phase != Phase::Sweeping {
            return damage(format!("block {index} waits to be swept while the heap is {:?}", heap.phase));
        }
        let may_be_marked = heap.phase == Phase::Marking || block.unswept;
        if !may_be_marked && ones(marks).next().is_some() {
            return damage(format!("block {index} has marks outside of a collection"));
        }
        if ones(marks).any(|granule| allocated[granule / 64] >> (granule % 64) & 1 == 0) {
            return damage(format!("block {index} has marks of no object"));
        }
        let Some(class) = block.class else {
            if ones(allocated).chain(ones(drops)).next().is_some() {
                return damage(format!("block {index} is empty and has allocation or drop bits"));
            }
            continue;
        };
        let mut cells = HashSet::new();
        for granule in ones(allocated) {
            let address = old.address(index, class, granule);
            // SAFETY: an allocation bit is that of an object.
            let HeaderWord::Info(info) = (unsafe { Header::of(address).read() }) else {
                return damage(format!("block {index}: the object at {address:p} has no type"));
            };
            // SAFETY: an object of this type.
            let size_with_header = unsafe { info.size_with_header(address) };
            let cell = address.addr() - info.shape.cell_offset() - heap.map.block_start(index);
            let fits = info.shape.cell_bytes(size_with_header) <= class.bytes();
            if !fits || !cell.is_multiple_of(class.bytes()) || !cells.insert(cell) {
                return damage(format!("block {index}: {} at {address:p} is in no cell of its own", (info.name)()));
            }
            let drop = drops[granule / 64] >> (granule % 64) & 1 == 1;
            if drop != info.drop.is_some() {
                return damage(format!("{} at {address:p}: drop bit is {drop}", (info.name)()));
            }
            // A dead object that waits to be swept may hold pointers to objects that were swept.
            let marked = marks[granule / 64] >> (granule % 64) & 1 == 1;
            if marked || !(block.unswept || checkpoint == Checkpoint::Evacuated) {
                objects.insert(address.addr(), Object { info, old: true });
            }
            (bytes, count) = (bytes + class.bytes(), count + 1);
        }
        if ones(drops).count() > ones(allocated).count() || (ones(drops).next().is_some() && !block.drops) {
            return damage(format!("block {index} has drop bits of no object"));
        }
    }
    if (bytes, count) != (old.live_bytes, old.live_objects) {
        let (found, objects) = (old.live_bytes, old.live_objects);
        return damage(format!("the old part counts {found} bytes in {objects} objects, it has {bytes} in {count}"));
    }
    Ok(())
}

/// Checks [verify.lists].
fn check_lists(old: &OldSpace) -> Result<(), Damage> {
    let mut listed = HashSet::new();
    for (index, &free) in old.free_cells().iter().enumerate() {
        let class = SizeClass::from_index(index);
        for &block in old.listed(class) {
            let live = bitmap::count(old.bits.allocated.block(block as usize));
            let (found, counted) = (class.cells() - live, old.listed_free(block));
            if old.blocks[block as usize].class != Some(class) || found != counted || !listed.insert(block) {
                return damage(format!(
                    "block {block} is listed with {counted} free cells of {class:?}, it has {found}"
                ));
            }
        }
        let counted: usize = old.listed(class).iter().map(|&block| old.listed_free(block)).sum();
        if counted != free as usize {
            return damage(format!("{free} cells of {class:?} count as free, listed blocks have {counted}"));
        }
    }
    let others = (0..old.blocks.len() as u32).filter(|block| !listed.contains(block));
    match others.into_iter().find(|&block| old.listed_free(block) > 0) {
        Some(block) => damage(format!("block {block} is not listed and has free cells that count")),
        None => Ok(()),
    }
}

fn walk_large(heap: &Heap<'_>, checkpoint: Checkpoint, objects: &mut Objects) -> Result<(), Damage> {
    if checkpoint != Checkpoint::Before && !heap.young.fresh_large.is_empty() {
        return damage(format!("{} large objects are young after a collection", heap.young.fresh_large.len()));
    }
    for &page in &heap.large.unswept {
        let (address, info) = heap.runs.object(page as usize);
        if heap.runs.run(page as usize).is_marked() {
            objects.insert(address.addr(), Object { info, old: true });
        }
    }
    for (&page, old) in
        heap.large.old.iter().map(|p| (p, true)).chain(heap.young.fresh_large.iter().map(|p| (p, false)))
    {
        let run = heap.runs.run(page as usize);
        if run.state() != RunState::Live
            || run.is_old() != old
            || (run.is_marked() && (heap.phase != Phase::Marking || !old))
        {
            return damage(format!(
                "the run at page {page} is {:?}, old {}, listed as old {old}",
                run.state(),
                run.is_old()
            ));
        }
        let (address, info) = heap.runs.object(page as usize);
        if heap.runs.page_of(address.addr()) != page as usize {
            return damage(format!("the run at page {page} is not found from its object"));
        }
        if run.drops() != info.drop.is_some() {
            return damage(format!("the run at page {page} is listed as dropping: {}, wrongly", run.drops()));
        }
        if checkpoint != Checkpoint::Evacuated || run.is_marked() {
            objects.insert(address.addr(), Object { info, old });
        }
    }
    Ok(())
}

/// Checks [verify.pointers] for one object.
fn check(
    heap: &Heap<'_>,
    objects: &Objects,
    inspected: &Inspected,
    address: usize,
    object: Object,
) -> Result<(), Damage> {
    for &(place, target, _) in &inspected.pointer_slots {
        if target != 0 && !objects.contains_key(&target) {
            let what = format!(
                "{} at {address:#x} holds {target:#x} at {place:#x}, which is no object ({})",
                (object.info.name)(),
                whereabouts(heap, target)
            );
            return Err(Damage { what, path: path_to(heap, objects, address) });
        }
    }
    Ok(())
}

/// Checks [verify.remembered] for one old object. Returns how many entries the remembered set needs
/// for it.
fn check_remembered(
    heap: &Heap<'_>,
    objects: &Objects,
    remembered: &RememberedPlaces,
    inspected: &Inspected,
    address: usize,
    object: Object,
) -> Result<usize, Damage> {
    let mut needed = 0;
    let mut young_cells = HashSet::new();
    for &(place, target, cell) in &inspected.pointer_slots {
        if target == 0 || objects.get(&target).is_none_or(|target| target.old) {
            continue;
        }
        let known = match cell {
            Some(cell) => {
                young_cells.insert(cell);
                remembered.cells.contains(&cell)
            }
            None => {
                needed += 1;
                remembered.places.contains(&place)
            }
        };
        if !known {
            let what = format!(
                "{} at {address:#x} is old and holds a young object at {place:#x} that is not remembered",
                (object.info.name)()
            );
            return Err(Damage { what, path: path_to(heap, objects, address) });
        }
    }
    for &(cell, logged) in &inspected.cells {
        if logged != remembered.cells.contains(&cell) {
            let what = format!("a cell of {} at {address:#x} has logged = {logged}", (object.info.name)());
            return Err(Damage { what, path: path_to(heap, objects, address) });
        }
    }
    Ok(needed + young_cells.len())
}

fn check_roots(heap: &Heap<'_>, objects: &Objects) -> Result<(), Damage> {
    let mut result = Ok(());
    for_each_root(heap, |info, value| {
        for (_, target, _) in inspect_value(value, info).pointer_slots {
            if target != 0 && !objects.contains_key(&target) {
                let what = format!("a root of type {} holds {target:#x}, which is no object", (info.name)());
                result =
                    Err(Damage { what: format!("{what} ({})", whereabouts(heap, target)), path: vec![(info.name)()] });
            }
        }
    });
    result
}

/// Checks [verify.settled-roots].
fn check_settled_roots(heap: &Heap<'_>, objects: &Objects) -> Result<(), Damage> {
    let mut result = Ok(());
    heap.roots.for_each_settled(|info, value| {
        for (place, target, _) in inspect_value(value, info).pointer_slots {
            if objects.get(&target).is_some_and(|target| !target.old) {
                let name = (info.name)();
                let what = format!("a root of type {name} holds a young object at {place:#x} and is not in question");
                result = Err(Damage { what, path: vec![name] });
            }
        }
    });
    result
}

/// Calls `look` with every live root. Dropped roots stay as they are.
fn for_each_root(heap: &Heap<'_>, mut look: impl FnMut(&'static TypeInfo, *mut u8)) {
    heap.roots.for_each(&mut look);
    heap.registered.queues.visit(false, |word| look(heap.word, word));
}

/// Returns the types on a path from a root to the object at `wanted`, found breadth first.
fn path_to(heap: &Heap<'_>, objects: &Objects, wanted: usize) -> Vec<&'static str> {
    let mut from: HashMap<usize, usize> = HashMap::new();
    let mut queue = std::collections::VecDeque::new();
    for_each_root(heap, |info, value| {
        for (_, target, _) in inspect_value(value, info).pointer_slots {
            if objects.contains_key(&target) && !from.contains_key(&target) {
                from.insert(target, 0);
                queue.push_back(target);
            }
        }
    });
    while let Some(address) = queue.pop_front() {
        if address == wanted {
            let mut path = Vec::new();
            let mut at = address;
            while at != 0 {
                path.push((objects[&at].info.name)());
                at = from[&at];
            }
            path.reverse();
            return path;
        }
        for (_, target, _) in inspect(heap.map.pointer(address), objects[&address].info).pointer_slots {
            if objects.contains_key(&target) && !from.contains_key(&target) {
                from.insert(target, address);
                queue.push_back(target);
            }
        }
    }
    Vec::new()
}

/// Describes what is at an address that should be an object's.
fn whereabouts(heap: &Heap<'_>, address: usize) -> String {
    let map = heap.map;
    if map.young.contains(address) {
        format!("young part, chunk of age {:?}", heap.young.space.age_if_any(address))
    } else if map.large.contains(address) {
        format!("large part, run {:?}", heap.runs.run_of(address).state())
    } else if map.old.contains(address) {
        format!("old part, block {}", map.block_of(address))
    } else {
        "outside the heap".to_owned()
    }
}

struct RememberedPlaces {
    places: HashSet<usize>,
    cells: HashSet<usize>,
}

impl RememberedPlaces {
    fn of(set: &Remembered) -> Self {
        Self {
            places: set.pointer_slots.iter().map(|pointer_slot| pointer_slot.addr().get()).collect(),
            cells: set.cells.iter().map(|cell| cell.word.addr().get()).collect(),
        }
    }
}

/// The pointer slots and cells of a value.
#[derive(Default)]
struct Inspected {
    /// The address of each slot, its target, and the cell whose content the slot is in.
    pointer_slots: Vec<(usize, usize, Option<usize>)>,
    /// Cells whose content may hold pointers, and whether they are logged.
    cells: Vec<(usize, bool)>,
    /// The key and the value of an ephemeron, whose slots are among the others.
    pair: Option<(usize, usize)>,
}

impl Inspected {
    fn targets(&self) -> impl Iterator<Item = usize> {
        self.pointer_slots.iter().map(|&(_, to, _)| to)
    }
}

impl Sink for Inspected {
    fn pointer(&mut self, place: usize, target: usize, cell: Option<usize>, _: &FieldPath) {
        self.pointer_slots.push((place, target, cell));
    }

    fn cell(&mut self, word: usize, is_logged: bool) {
        self.cells.push((word, is_logged));
    }

    fn ephemeron(&mut self, pair: PairRef) {
        let [key, value] = pair.places().map(|place| {
            // SAFETY: a pointer slot of the pair.
            // Relaxed: the world is stopped.
            let target = unsafe { &*place }.load(Ordering::Relaxed).addr();
            self.pointer_slots.push((place.addr(), target, None));
            target
        });
        self.pair = Some((key, value));
    }
}

fn inspect(address: *mut u8, info: &'static TypeInfo) -> Inspected {
    let mut found = Inspected::default();
    // SAFETY: an object of this type, found by walking the spaces; the world is stopped.
    unsafe { inspect::inspect(address, info, &mut found) };
    found
}

fn inspect_value(value: *mut u8, info: &'static TypeInfo) -> Inspected {
    let mut found = Inspected::default();
    // SAFETY: a root's value of this type; the world is stopped.
    unsafe { inspect::inspect_root(value, info, &mut found) };
    found
}
