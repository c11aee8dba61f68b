//! Scenes in which a thread needs the only handle, to write the contents or to take them out.

use super::*;

/// Another thread writes if it has the only handle, while the owner drops its reference or passes through `blocked`.
pub(super) fn writing_elsewhere() {
    check(|| {
        let here = Scene::new(2);
        let there = here.clone();
        let other = thread::spawn(move || {
            there.write(NOBODY);
            there.release(NOBODY);
        });
        here.look();
        here.release(OWNER);
        here.enter_blocked();
        here.leave_blocked();
        here.detach();
        other.join().unwrap();
        here.is_over();
    });
}

/// Two other threads merge, to write if they have the only handle, while the owner is in `blocked` and comes back.
pub(super) fn two_merge() {
    check(|| {
        let here = Scene::new(3);
        here.enter_blocked();
        let others = [(); 2].map(|()| {
            let there = here.clone();
            thread::spawn(move || {
                there.write(NOBODY);
                there.release(NOBODY);
            })
        });
        here.leave_blocked();
        here.release(OWNER);
        here.detach();
        for other in others {
            other.join().unwrap();
        }
        here.is_over();
    });
}

/// The owner writes if it has the only handle, while another thread drops a reference.
pub(super) fn writing_against_a_drop() {
    check(|| {
        let here = Scene::new(1);
        here.retain(NOBODY);
        let there = here.clone();
        let other = thread::spawn(move || there.release(NOBODY));
        here.write(OWNER);
        here.release(OWNER);
        here.detach();
        other.join().unwrap();
        here.is_over();
    });
}

/// The owner writes if it has the only handle, while another thread upgrades a weak handle or drops it.
pub(super) fn writing_against_an_upgrade() {
    check(|| {
        let here = Scene::new(1);
        here.count().downgrade();
        let there = here.clone();
        let other = thread::spawn(move || {
            if there.upgrade(NOBODY) {
                there.release_weak();
                there.look();
                there.release(NOBODY);
            } else {
                there.release_weak();
            }
        });
        here.write(OWNER);
        here.release(OWNER);
        here.detach();
        other.join().unwrap();
        here.is_over();
    });
}

/// A thread writes if it has the only handle, while another one makes a weak handle, drops its reference, and upgrades the weak
/// handle.
pub(super) fn writing_against_a_downgrade() {
    check(|| {
        let here = Scene::merged(2);
        let there = here.clone();
        let other = thread::spawn(move || {
            there.count().downgrade();
            there.release(NOBODY);
            if there.upgrade(NOBODY) {
                there.look();
                there.release(NOBODY);
            }
            there.release_weak();
        });
        here.write(NOBODY);
        here.release(NOBODY);
        other.join().unwrap();
        here.is_over();
    });
}

/// The owner was asked about an object and flushes it, while another thread takes the contents out or drops its reference.
pub(super) fn taken_elsewhere_while_asked() {
    check(|| {
        let here = Scene::asked_and_let_go();
        let there = here.clone();
        let other = thread::spawn(move || there.take(NOBODY));
        here.safepoint();
        here.detach();
        other.join().unwrap();
        here.is_over();
    });
}

/// The owner takes the contents out, although it was asked about the object.
pub(super) fn taken_while_asked() {
    check(|| {
        let here = Scene::new(2);
        let there = here.clone();
        let other = thread::spawn(move || there.release(NOBODY));
        here.take(OWNER);
        here.enter_blocked();
        other.join().unwrap();
        here.is_over();
    });
}
