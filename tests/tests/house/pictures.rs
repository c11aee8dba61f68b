//! Pictures of the book are what their sources draw, byte for byte.

use std::{path::Path, process::Command};

#[test]
fn every_picture_is_what_its_source_draws() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../book/pictures/draw.py");
    let checked = Command::new("python3").arg(script).arg("--check").output().expect("expected python3, found none");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}
