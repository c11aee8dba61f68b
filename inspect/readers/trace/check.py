#!/usr/bin/env python3
"""Checks trace-event JSON, as Perfetto and chrome://tracing read it: `check.py FILE…`, or `check.py --self-test`.

Of each event: the fields that its phase needs, and numbers that are numbers. Of each thread: slices (phases X, and B with E) lie one in
another or side by side; those that overlap, Perfetto does not show as they were. Of each async id: what begins ends.
"""

import json
import sys

NEEDED = {
    "X": ("name", "ts", "dur", "pid", "tid"),
    "B": ("name", "ts", "pid", "tid"),
    "E": ("ts", "pid", "tid"),
    "C": ("name", "ts", "pid", "args"),
    "i": ("name", "ts"),
    "I": ("name", "ts"),
    "M": ("name", "pid", "args"),
    "b": ("name", "ts", "id", "cat"),
    "e": ("ts", "id", "cat"),
    "n": ("name", "ts", "id", "cat"),
    "s": ("name", "ts", "id"),
    "t": ("name", "ts", "id"),
    "f": ("name", "ts", "id"),
}

# Times are microseconds with fractions, which are not exact in binary.
SLACK = 0.002


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def complaints(trace):
    """What is wrong, as texts."""
    events = trace.get("traceEvents") if isinstance(trace, dict) else trace
    if not isinstance(events, list) or not events:
        return ["expected a list of events, or an object with `traceEvents`, found none"]
    found = []
    slices = {}
    open_slices = {}
    open_async = {}
    for at, event in enumerate(events):
        phase = event.get("ph")
        if phase not in NEEDED:
            found.append(f"event {at}: phase {phase!r} is unknown")
            continue
        missing = [field for field in NEEDED[phase] if field not in event]
        if missing:
            found.append(f"event {at}, phase {phase}: {missing} missing")
            continue
        for field in ("ts", "dur"):
            if field in event and not (is_number(event[field]) and event[field] >= 0):
                found.append(f"event {at}: `{field}` is {event[field]!r}, not a number of microseconds")
                break
        else:
            thread = (event.get("pid"), event.get("tid"))
            if phase == "X":
                slices.setdefault(thread, []).append((event["ts"], event["ts"] + event["dur"], event["name"]))
            elif phase == "B":
                open_slices.setdefault(thread, []).append((event["ts"], event["name"]))
            elif phase == "E":
                if not open_slices.get(thread):
                    found.append(f"event {at}: ends a slice of thread {thread}, which has none open")
                else:
                    begin, name = open_slices[thread].pop()
                    slices.setdefault(thread, []).append((begin, event["ts"], name))
            elif phase == "C":
                wrong = [name for name, value in event["args"].items() if not is_number(value)]
                if wrong:
                    found.append(f"event {at}: counters {wrong} are no numbers")
            elif phase in "be":
                key = (event.get("pid"), event["cat"], event["id"])
                count = open_async.get(key, 0) + (1 if phase == "b" else -1)
                open_async[key] = count
                if count < 0:
                    found.append(f"event {at}: async {key} ends before it begins")
    found += [f"thread {thread}: {name!r} never ends" for thread, rest in open_slices.items() for _, name in rest]
    found += [f"async {key} never ends" for key, count in open_async.items() if count > 0]
    for thread, of_thread in slices.items():
        within = []
        for begin, end, name in sorted(of_thread, key=lambda of: (of[0], -of[1])):
            while within and within[-1][1] <= begin + SLACK:
                within.pop()
            if within and end > within[-1][1] + SLACK:
                found.append(
                    f"thread {thread}: {name!r} at {begin} to {end} overlaps {within[-1][2]!r}, which ends at {within[-1][1]}"
                )
            within.append((begin, end, name))
    return found


def self_test():
    def x(ts, dur, tid=1):
        return {"ph": "X", "name": "n", "ts": ts, "dur": dur, "pid": 1, "tid": tid}

    good = [
        [x(0, 10), x(1, 3), x(4, 6), x(10, 1)],
        [x(0, 10), x(5, 10, tid=2)],
        {"traceEvents": [{"ph": "C", "name": "heap", "ts": 1.5, "pid": 1, "args": {"young": 3}}]},
        [{"ph": "b", "name": "cycle", "cat": "gc", "id": 7, "ts": 0}, {"ph": "e", "cat": "gc", "id": 7, "ts": 9}],
        [{"ph": "B", "name": "n", "ts": 1, "pid": 1, "tid": 1}, {"ph": "E", "ts": 2, "pid": 1, "tid": 1}],
    ]
    bad = [
        {},
        [],
        [x(0, 10), x(5, 10)],
        [x(0, -1)],
        [x("0", 1)],
        [{"ph": "X", "name": "n", "ts": 0, "pid": 1, "tid": 1}],
        [{"ph": "?"}],
        [{"ph": "C", "name": "heap", "ts": 1, "pid": 1, "args": {"young": "3"}}],
        [{"ph": "E", "ts": 2, "pid": 1, "tid": 1}],
        [{"ph": "B", "name": "n", "ts": 1, "pid": 1, "tid": 1}],
        [{"ph": "b", "name": "cycle", "cat": "gc", "id": 7, "ts": 0}],
        [{"ph": "e", "cat": "gc", "id": 7, "ts": 9}],
    ]
    for trace in good:
        assert not complaints(trace), (trace, complaints(trace))
    for trace in bad:
        assert complaints(trace), trace
    print(f"  trace: the check finds {len(bad)} wrong traces, and lets {len(good)} pass: ok")


def main():
    failed = 0
    for path in sys.argv[1:]:
        if path == "--self-test":
            self_test()
            continue
        with open(path, encoding="utf-8") as file:
            trace = json.load(file)
        found = complaints(trace)
        events = trace["traceEvents"] if isinstance(trace, dict) else trace
        print(f"trace: {path}")
        print(f"  events: {len(events)} {'ok' if not found else 'WRONG'}")
        for complaint in found[:20]:
            print(f"  {complaint}")
        failed += bool(found)
    sys.exit(1 if failed else 0)


main()
