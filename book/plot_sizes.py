"""Draws the samples of `sizes_that_shift`: python3 book/plot_sizes.py sizes.csv… book/src/sizes.svg

A panel for each variant, with a line for each contestant: the resident size at the ends of phases, the median of the rounds. A name
before a comma has a colour; where something is asked for at the ends of phases the line is dashed, and thick where that is compaction.
A panel ends at TOP_MIB.
"""
import csv
import statistics
import sys
from collections import defaultdict

WIDTH, PANEL, LEFT, TOP, RIGHT, BOTTOM = 760, 250, 60, 22, 20, 42
TOP_MIB = 700
COLOURS = {
    "gc-core": "#d62728",
    "malloc": "#555555",
    "mimalloc": "#8c6d31",
    "jemalloc": "#e0a100",
    "Go": "#17a2b8",
    "OCaml": "#e377c2",
    "G1": "#1f5fa8",
    "Serial": "#2ca02c",
}


def colour(name):
    """The last that fits: `malloc` is a part of others' names."""
    return [value for key, value in COLOURS.items() if key in name.split(",")[0]][-1]


def style(name):
    """Of the line of a contestant."""
    dashes = ' stroke-dasharray="5 3"' if "," in name else ""
    return f'stroke="{colour(name)}" stroke-width="{3 if "ompact" in name else 1.5}"{dashes}'


LIVE = 'stroke="black" stroke-width="1.5" stroke-dasharray="1 3"'


def read(samples):
    """By variant and contestant: for each phase, what was allocated until then, live, and resident in all rounds."""
    ends = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for path in samples:
        with open(path) as file:
            for row in csv.DictReader(file):
                if row["end"] == "1":
                    point = ends[row["variant"]][row["contestant"]][int(row["allocated"])]
                    point.append((int(row["resident"]), int(row["live"])))
    return ends


def panel(variant, lines, top):
    most = max(statistics.median(r for r, _ in point) for points in lines.values() for point in points.values()) / 2**20
    most = min((most // 100 + 1) * 100, TOP_MIB)
    end = max(allocated for points in lines.values() for allocated in points)
    x = lambda allocated: LEFT + allocated / end * (WIDTH - LEFT - RIGHT)
    y = lambda mib: top + PANEL - BOTTOM - mib / most * (PANEL - TOP - BOTTOM)
    out = [f'<text x="{LEFT}" y="{top + 13}" font-weight="bold">{variant}</text>']
    for mib in range(0, int(most) + 1, 100):
        out.append(f'<path d="M{LEFT} {y(mib):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y(mib) + 4:.1f}" text-anchor="end">{mib}</text>')
    for gib in range(0, end // 2**30 + 1):
        out.append(f'<text x="{x(gib << 30):.0f}" y="{top + PANEL - BOTTOM + 16}" text-anchor="middle">{gib}</text>')
    clip = f"panel-{variant}"
    out.append(f'<clipPath id="{clip}"><rect x="{LEFT}" y="{top + TOP}" width="{WIDTH}" height="{PANEL - TOP - BOTTOM}"/></clipPath>')
    out.append(f'<g clip-path="url(#{clip})" fill="none">')
    for name, points in lines.items():
        line = " ".join(f"{x(a):.1f},{y(statistics.median(r for r, _ in point) / 2**20):.1f}" for a, point in sorted(points.items()))
        out.append(f'<polyline points="{line}" {style(name)}><title>{name}</title></polyline>')
    live = " ".join(f"{x(a):.1f},{y(point[0][1] / 2**20):.1f}" for a, point in sorted(next(iter(lines.values())).items()))
    out.append(f'<polyline points="{live}" {LIVE}><title>live</title></polyline></g>')
    return out


def legend(names, top):
    out = []
    for at, name in enumerate([*names, "live"]):
        x, y = LEFT + at % 3 * 230, top + 15 + at // 3 * 18
        out.append(f'<path d="M{x} {y - 4}h24" {LIVE if name == "live" else style(name)}/><text x="{x + 30}" y="{y}">{name}</text>')
    return out


def main(*arguments):
    *samples, picture = arguments
    ends = read(samples)
    names = list(dict.fromkeys(name for lines in ends.values() for name in lines))
    height = PANEL * len(ends) + 20 + 18 * (len(names) // 3 + 1)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
    ]
    for at, (variant, lines) in enumerate(ends.items()):
        out += panel(variant, lines, at * PANEL)
    bottom = PANEL * len(ends)
    out.append(f'<text x="{WIDTH - RIGHT}" y="{bottom - 8}" text-anchor="end">GiB allocated</text>')
    out.append(f'<text x="{WIDTH - RIGHT}" y="13" text-anchor="end">MiB resident at the ends of phases</text>')
    out += legend(names, bottom)
    out.append("</svg>")
    with open(picture, "w") as file:
        file.write("\n".join(out) + "\n")


main(*sys.argv[1:])
