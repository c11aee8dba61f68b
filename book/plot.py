"""Draws the samples of `soak_threads`: python3 book/plot.py soak.csv book/src/soak.svg"""
import csv
import sys

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 720, 300, 60, 20, 20, 45


def main(samples, picture):
    with open(samples) as file:
        rows = [(float(r["seconds"]), int(r["resident"]) / 2**20, int(r["counted"]) / 2**20) for r in csv.DictReader(file)]
    end = rows[-1][0]
    most = (max(max(row[1:]) for row in rows) // 25 + 1) * 25
    x = lambda seconds: LEFT + seconds / end * (WIDTH - LEFT - RIGHT)
    y = lambda mib: HEIGHT - BOTTOM - mib / most * (HEIGHT - TOP - BOTTOM)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for mib in range(0, int(most) + 1, 25):
        out.append(f'<path d="M{LEFT} {y(mib):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y(mib) + 4:.1f}" text-anchor="end">{mib}</text>')
    for part in range(5):
        out.append(f'<text x="{x(end * part / 4):.0f}" y="{HEIGHT - 25}" text-anchor="middle">{end * part / 240:.0f}</text>')
    out.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 8}" text-anchor="middle">minutes</text>')
    out.append(f'<text x="{LEFT}" y="13">MiB</text>')
    for column, colour, name in ((1, "#1f5fa8", "resident"), (2, "#c2571a", "as the heap counts")):
        points = " ".join(f"{x(row[0]):.1f},{y(row[column]):.1f}" for row in rows)
        out.append(f'<polyline points="{points}" fill="none" stroke="{colour}"/>')
        out.append(f'<text x="{WIDTH - RIGHT - 130 * (3 - column) + 120}" y="13" text-anchor="end" fill="{colour}">{name}</text>')
    out.append("</svg>")
    with open(picture, "w") as file:
        file.write("\n".join(out) + "\n")


main(*sys.argv[1:])
