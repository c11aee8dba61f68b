"""A picture, as SVG: boxes, words and arrows on a light ground, which dark themes of the book leave as it is."""
import math
from xml.sax.saxutils import escape

INK, FAINT, PAPER, EDGE = "#222222", "#5c5f66", "#fcfcf9", "#868e96"
# What a colour stands for is the same in all pictures.
YOUNG, SURVIVOR, OLD = "#fff3bf", "#ffd8a8", "#c5e1fa"
LARGE, ROOT, REMEMBERED = "#e5dbff", "#2f9e44", "#d6336c"
RUNS, STOPPED, BLOCKED, WORKS, GARBAGE = "#b2f2bb", "#ffc9c9", "#dee2e6", "#91b8f0", "#f1f3f5"
WIDTH = 760


def n(number):
    """A number as it is written: the same on every machine."""
    return f"{number:.1f}".removesuffix(".0")


class Picture:
    def __init__(self, height):
        self.height = height
        self.out = []

    def svg(self):
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{self.height}"'
            f' viewBox="0 0 {WIDTH} {self.height}" font-family="sans-serif" font-size="12" fill="{INK}">'
        )
        ground = f'<rect width="{WIDTH}" height="{self.height}" rx="6" fill="{PAPER}"/>'
        return "\n".join([head, ground, *self.out, "</svg>"]) + "\n"

    def rect(self, x, y, width, height, fill="none", stroke=EDGE, dashed=False, round=2):
        dashes = ' stroke-dasharray="3 3"' if dashed else ""
        self.out.append(
            f'<rect x="{n(x)}" y="{n(y)}" width="{n(width)}" height="{n(height)}" rx="{round}"'
            f' fill="{fill}" stroke="{stroke}"{dashes}/>'
        )

    def dot(self, x, y, fill=INK, radius=3.5):
        self.out.append(f'<circle cx="{n(x)}" cy="{n(y)}" r="{radius}" fill="{fill}"/>')

    def text(self, x, y, words, at="start", size=12, bold=False, fill=INK):
        """Words, of which (x, y) is the start, the middle or the end of the base line. Each further line is 15 lower."""
        kind = "" if at == "start" else f' text-anchor="{at}"'
        kind += "" if size == 12 else f' font-size="{size}"'
        kind += ' font-weight="bold"' if bold else ""
        kind += "" if fill == INK else f' fill="{fill}"'
        for line, words in enumerate(words.split("\n")):
            self.out.append(f'<text x="{n(x)}" y="{n(y + 15 * line)}"{kind}>{escape(words)}</text>')

    def box(self, x, y, width, height, words="", fill="none", dashed=False, stroke=EDGE, size=12, ink=INK):
        """A box with words in its middle."""
        self.rect(x, y, width, height, fill, stroke, dashed)
        if words:
            self.text(x + width / 2, y + height / 2 + size / 3, words, "middle", size, fill=ink)

    def number(self, x, y, number):
        """A number in a disc around (x, y)."""
        self.dot(x, y, "#495057", 9)
        self.text(x, y + 4, str(number), "middle", 11, True, "#ffffff")

    def line(self, *points, stroke=INK, width=1.2, dashed=False):
        path = "M" + "L".join(f"{n(x)} {n(y)}" for x, y in points)
        dashes = ' stroke-dasharray="4 3"' if dashed else ""
        self.out.append(f'<path d="{path}" fill="none" stroke="{stroke}" stroke-width="{width}"{dashes}/>')

    def arrow(self, *points, stroke=INK, width=1.2, dashed=False):
        """An arrow along a line with corners."""
        (from_x, from_y), (x, y) = points[-2:]
        length, head = math.hypot(x - from_x, y - from_y), 4 + 2 * width
        along_x, along_y = (x - from_x) / length, (y - from_y) / length
        back_x, back_y = x - head * along_x, y - head * along_y
        self.line(*points[:-1], (back_x, back_y), stroke=stroke, width=width, dashed=dashed)
        side_x, side_y = -along_y * head / 2, along_x * head / 2
        tips = [(x, y), (back_x + side_x, back_y + side_y), (back_x - side_x, back_y - side_y)]
        self.out.append(f'<path d="M{"L".join(f"{n(x)} {n(y)}" for x, y in tips)}Z" fill="{stroke}"/>')

    def span(self, start, end, y, words):
        """A length of time, with its name below."""
        self.line((start, y - 4), (start, y + 4))
        self.line((end, y - 4), (end, y + 4))
        self.line((start, y), (end, y))
        self.text((start + end) / 2, y + 16, words, "middle", 11)
