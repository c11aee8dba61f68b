//! The part of the verifier that checks the table of registered objects.

use crate::{
    object::{Flag, Header},
    registered::{Entry, WeakCell},
};

use super::{Damage, Heap, Objects, damage, path_to, whereabouts};

/// Checks [verify.registered].
pub(super) fn check(heap: &Heap<'_>, objects: &Objects) -> Result<(), Damage> {
    let mut result = Ok(());
    heap.registered.for_each(|entry, young| {
        if let Err(what) = check_entry(heap, objects, entry, young) {
            result = damage(format!("entry {} of {:p}: {what}", entry.id, entry.object));
        }
    });
    result?;
    let cells = objects.iter().filter(|(_, object)| core::ptr::eq(object.info, heap.weak_cell));
    for (&address, _) in cells {
        // SAFETY: a weak cell, which was found by walking the spaces.
        let target = unsafe { &*heap.map.pointer(address).cast::<WeakCell>() }.target().get().addr();
        if target != 0 && !objects.contains_key(&target) {
            let what = format!("the weak cell at {address:#x} points to {target:#x} ({})", whereabouts(heap, target));
            return Err(Damage { what, path: path_to(heap, objects, address) });
        }
    }
    Ok(())
}

fn check_entry(heap: &Heap<'_>, objects: &Objects, entry: &Entry, young: bool) -> Result<(), String> {
    let Some(object) = objects.get(&entry.object.addr().get()) else { return Err("no object".to_owned()) };
    // SAFETY: an object that was found by walking the spaces.
    if !unsafe { Header::of(entry.object.as_ptr()).has(Flag::Registered) } {
        return Err("the object has no flag".to_owned());
    }
    let mut has_young = !object.old;
    if let Some(cell) = entry.cell {
        let Some(found) = objects.get(&cell.addr().get()) else { return Err(format!("no cell at {cell:p}")) };
        has_young |= !found.old;
        // SAFETY: as above: the cell exists.
        let target = unsafe { cell.as_ref() }.target().get();
        if !core::ptr::eq(found.info, heap.weak_cell) || target != entry.object.as_ptr() {
            return Err(format!("the cell at {cell:p} does not point to the object"));
        }
    }
    if has_young == young { Ok(()) } else { Err(format!("listed as young: {young}")) }
}
