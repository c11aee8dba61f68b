//! How much memory the system gives to this process: the container's limit, or the machine's
//! memory.

use std::{fs, path::Path};

/// Returns the least `memory.max` of this process's control group (cgroup v2) and the groups above
/// it, or the machine's memory if that is less or there is no limit. `None` where the system does
/// not say.
pub(crate) fn bytes() -> Option<usize> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let group = group_of(&groups).unwrap_or("/");
    let machine = machine_of(&fs::read_to_string("/proc/meminfo").unwrap_or_default());
    [container(Path::new("/sys/fs/cgroup"), group), machine].into_iter().flatten().min()
}

/// Returns the path of a process's group in the unified hierarchy.
fn group_of(groups: &str) -> Option<&str> {
    groups.lines().find_map(|line| line.strip_prefix("0::"))
}

/// Returns the least limit of a group and those above it, in the hierarchy that is mounted at
/// `root`.
fn container(root: &Path, group: &str) -> Option<usize> {
    let group = Path::new(group.trim_start_matches('/'));
    // `max` is no number: no limit.
    let limit = |group: &Path| fs::read_to_string(root.join(group).join("memory.max")).ok()?.trim().parse().ok();
    group.ancestors().filter_map(limit).min()
}

/// Returns the machine's memory, from the text of `/proc/meminfo`.
fn machine_of(text: &str) -> Option<usize> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.split_whitespace().next()?.parse::<usize>().ok()?.checked_mul(1 << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_limit_of_a_group_and_those_above_it_counts() {
        let root = std::env::temp_dir().join(format!("gc-core-groups-{}", std::process::id()));
        let inner = root.join("service/worker");
        fs::create_dir_all(&inner).unwrap();
        assert_eq!(container(&root, "/service/worker"), None);
        fs::write(inner.join("memory.max"), "max\n").unwrap();
        fs::write(root.join("service/memory.max"), "1000000\n").unwrap();
        assert_eq!(container(&root, "/service/worker"), Some(1_000_000));
        fs::write(inner.join("memory.max"), "4096\n").unwrap();
        assert_eq!(container(&root, "/service/worker"), Some(4096));
        assert_eq!((container(&root, "/service"), container(&root, "/")), (Some(1_000_000), None));
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn the_texts_of_the_system_are_read() {
        assert_eq!(group_of("4:memory:/old\n0::/user.slice/a.scope\n"), Some("/user.slice/a.scope"));
        assert_eq!(group_of("4:memory:/old\n"), None);
        assert_eq!(machine_of("MemTotal:       16000 kB\nMemFree: 1 kB\n"), Some(16_384_000));
        assert_eq!(machine_of("MemTotal: many\n"), None);
    }
}
