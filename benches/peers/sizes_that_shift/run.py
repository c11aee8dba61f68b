"""Runs `sizes_that_shift` with all contestants whose tools are there, in turns, and prints tables: python3 run.py --help

`cargo`, `go`, `java` and `javac` are looked for in the path; `ocamlopt`, of OCaml 5, too, or in the variable OCAMLOPT.
"""
import argparse
import csv
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
OUT = ROOT / "target" / "sizes_that_shift"
VARIANTS = ["random", "runs", "cache"]
FIGURES = ["checksum", "time", "p50", "p99", "p999", "worst", "longest_ask", "asked", "peak"]
WARM = "x = bytearray(b'\\1') * (1 << 30)"


def said(*command, **options):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, **options).stdout


def rust():
    """gc-core with what it may be asked for, and boxes of the system's allocator."""
    said("cargo", "build", "--release", "-p", "gc-benches", "--bin", "sizes_that_shift", cwd=ROOT)
    program = str(target() / "sizes_that_shift")
    names = subprocess.run([program], text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.splitlines()
    return {name: [program, name, "VARIANT"] for name in names}


def allocator(name):
    """Boxes of another allocator."""
    program = f"sizes_that_shift_{name}"
    said("cargo", "build", "--release", "-p", "gc-benches", "--features", name, "--bin", program, cwd=ROOT)
    return {name: [str(target() / program), "VARIANT"]}


def target():
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"


def go():
    version = said("go", "version").split()[2].removeprefix("go")
    said("go", "build", "-o", str(OUT / "shift-go"), str(HERE / "shift.go"))
    program = [str(OUT / "shift-go"), "VARIANT"]
    return {f"Go {version}": program, f"Go {version}, FreeOSMemory": [*program, "free"]}


def ocaml():
    compiler = os.environ.get("OCAMLOPT", "ocamlopt")
    version = said(compiler, "-version").strip()
    if not version.startswith("5"):
        raise OSError(f"expected OCaml 5, found {version}")
    shutil.copy(HERE / "shift.ml", OUT)
    said(compiler, "-O3", "-I", "+unix", "unix.cmxa", "shift.ml", "-o", "shift-ocaml", cwd=OUT)
    program = [str(OUT / "shift-ocaml"), "VARIANT"]
    return {f"OCaml {version}": program, f"OCaml {version}, Gc.compact": [*program, "compact"]}


def java():
    version = said("javac", "-version").split()[1]
    said("javac", "-d", str(OUT), str(HERE / "Shift.java"))
    classes = ["-cp", str(OUT), "Shift", "VARIANT"]
    return {
        f"Java {version} G1": ["java", "-XX:+UseG1GC", *classes],
        f"Java {version} G1, System.gc": ["java", "-XX:+UseG1GC", *classes, "gc"],
        f"Java {version} Serial": ["java", "-XX:+UseSerialGC", *classes],
    }


def contestants():
    """The command of each; says what is missing."""
    OUT.mkdir(parents=True, exist_ok=True)
    found = {}
    for make in (rust, lambda: allocator("mimalloc"), lambda: allocator("jemalloc"), go, ocaml, java):
        try:
            found.update(make())
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"missing: {error}", file=sys.stderr)
    return found


def run(command, variant):
    """One run: its figures, and its samples."""
    subprocess.run([sys.executable, "-c", WARM], check=True)
    command = [variant if word == "VARIANT" else word for word in command]
    process = subprocess.Popen(command, text=True, stdout=subprocess.PIPE)
    lines = [line.split(",") for line in process.stdout.read().splitlines()]
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    figures = {name: float(field) for name, field in zip(FIGURES, lines[-1][1:])}
    figures["cpu"] = usage.ru_utime + usage.ru_stime
    return figures, [[int(field) for field in line[1:]] for line in lines[:-1]]


def table(variant, names, figures, ends):
    rounds = max(len(runs) for runs in figures.values())
    print(f"\n### `{variant}`, medians of {rounds}\n")
    print("| | time s | CPU s | resident at the ends of phases: median, most, last MiB | peak MiB | a step: p50 µs | p99.9 ms | worst ms | asked, longest ms |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in names:
        median = lambda figure: statistics.median(run[figure] for run in figures[name])
        by_phase = [statistics.median(phase) / 2**20 for phase in zip(*ends[name])]
        resident = f"{statistics.median(by_phase):.0f}, {max(by_phase):.0f}, {by_phase[-1]:.0f}"
        asked = median("longest_ask") / 1e6
        print(
            f"| {name} | {median('time'):.1f} | {median('cpu'):.1f} | {resident} | {median('peak') / 2**20:.0f} "
            f"| {median('p50') / 1e3:.0f} | {median('p999') / 1e6:.1f} | {median('worst') / 1e6:.0f} | {f'{asked:.0f}' if asked > 0.5 else ''} |"
        )
    print(f"\nResident at the end of each phase, MiB:\n\n```text")
    for name in names:
        by_phase = [statistics.median(phase) / 2**20 for phase in zip(*ends[name])]
        print(f"{name:28}" + "".join(f"{resident:5.0f}" for resident in by_phase))
    print("```", flush=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--csv", help="where the samples are written")
    arguments.add_argument("--variant", action="append", choices=VARIANTS, help="all by default")
    arguments.add_argument("--only", action="append", help="the beginning of a contestant's name; may be given several times")
    chosen = arguments.parse_args()
    commands = contestants()
    taking_part = [name for name in commands if not chosen.only or any(name.startswith(part) for part in chosen.only)]
    print("contestants: " + " · ".join(taking_part), file=sys.stderr)
    samples = open(chosen.csv or os.devnull, "w", newline="")
    rows = csv.writer(samples)
    rows.writerow(["variant", "contestant", "round", "phase", "size", "allocated", "live", "resident", "end"])
    for variant in chosen.variant or VARIANTS:
        figures = {name: [] for name in taking_part}
        ends = {name: [] for name in taking_part}
        for turn in range(chosen.rounds):
            for name in taking_part:
                result, lines = run(commands[name], variant)
                figures[name].append(result)
                ends[name].append([line[4] for line in lines if line[5]])
                rows.writerows([variant, name, turn, *line] for line in lines)
                samples.flush()
        table(variant, taking_part, figures, ends)
        checksums = {run["checksum"] for runs in figures.values() for run in runs}
        assert len(checksums) == 1, f"the contestants disagree: {checksums}"


main()
