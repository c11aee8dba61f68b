//! Scenes with weak handles.

use super::*;

/// A weak handle is upgraded while the owner drops the last reference.
pub(super) fn upgrade_against_the_last_drop() {
    check(|| {
        let here = Scene::new(1);
        here.count().downgrade();
        let there = here.clone();
        let other = thread::spawn(move || {
            if there.upgrade(NOBODY) {
                there.look();
                there.release(NOBODY);
            }
            there.release_weak();
        });
        here.release(OWNER);
        here.detach();
        other.join().unwrap();
        here.is_over();
    });
}

/// A weak handle is made of another thread's reference, which is dropped then, while the owner drops its own.
pub(super) fn downgrade_against_the_last_drop() {
    check(|| {
        let here = Scene::new(1);
        here.retain(NOBODY);
        let there = here.clone();
        let other = thread::spawn(move || {
            there.count().downgrade();
            there.release(NOBODY);
            let upgraded = there.upgrade(NOBODY);
            there.release_weak();
            if upgraded {
                there.release(NOBODY);
            }
        });
        here.release(OWNER);
        here.detach();
        other.join().unwrap();
        here.is_over();
    });
}

/// Another thread dropped the last reference. A weak handle brings the object back before the owner has merged, or finds it dead.
pub(super) fn resurrection() {
    check(|| {
        let here = Scene::new(1);
        here.count().downgrade();
        let there = here.clone();
        let other = thread::spawn(move || there.release(NOBODY));
        if here.upgrade(OWNER) {
            here.look();
            here.safepoint();
            here.look();
            here.release(OWNER);
        }
        here.safepoint();
        here.release_weak();
        here.detach();
        other.join().unwrap();
        here.is_over();
    });
}
