#!/usr/bin/env python3
"""Reads profiles by Go's pprof, and compares the sums and the stacks it prints with FILE.json: `check.py FILE…`."""

import json
import re
import subprocess
import sys


def go(*arguments):
    command = ["go", "tool", "pprof", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main():
    failed = 0

    def check(what, expected, found):
        nonlocal failed
        print(f"  {what}: {found} {'ok' if found == expected else f'EXPECTED {expected}'}")
        failed += found != expected

    for path in sys.argv[1:]:
        with open(path + ".json", encoding="utf-8") as file:
            expected = json.load(file)
        print(f"pprof: {path}")
        raw = go("-raw", path).splitlines()
        check("period", expected["period"], int(next(line.split(":")[1] for line in raw if line.startswith("Period:"))))
        samples = raw.index("Samples:")
        names = [of.split("[")[0].split("/")[0] for of in raw[samples + 1].split()]
        rows = []
        for line in raw[samples + 2 : raw.index("Locations")]:
            values, stack, of_stack = line.partition(": ")
            if stack and of_stack.strip():
                rows.append([int(value) for value in values.split()])
        check("rows", expected["rows"], len(rows))
        for number, name in enumerate(names):
            check(name, expected[name], sum(row[number] for row in rows))
        check("every row has its type", expected["rows"], sum("type:[" in line for line in raw))
        # What is shown first, and in the unit that it has.
        top = go("-top", "-unit=B", path)
        check("shown first", "inuse_space", re.search(r"Type: (\w+)", top)[1])
        check("top", f"{expected['inuse_space']}B", re.search(r"of (\d+B) total", top)[1])
    sys.exit(1 if failed else 0)


main()
