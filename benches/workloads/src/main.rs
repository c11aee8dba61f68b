//! Runs the workloads: see `README.md`.

use std::process::ExitCode;

fn main() -> ExitCode {
    gc_workloads::main()
}
