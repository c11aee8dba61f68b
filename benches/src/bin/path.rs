//! Runs one operation so many times: what `.ci/instructions` counts. `path NAME COUNT`, or `path` for the names.

use gc_benches::paths::{PATHS, path};

fn main() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [] => PATHS.iter().for_each(|path| println!("{}", path.name)),
        [name, count] => {
            let path = path(name).ok_or_else(|| format!("expected the name of an operation, found {name}"))?;
            let count = count.parse().map_err(|error| format!("expected a number, found {count}: {error}"))?;
            (path.run)(count);
        }
        _ => return Err("expected NAME COUNT".to_owned()),
    }
    Ok(())
}
