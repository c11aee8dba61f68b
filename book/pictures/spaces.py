"""Where objects lie, and where a young collection takes them."""
from canvas import *


def heap():
    """The address range of a heap (`memory.rs`, `space/`), and what leads into it (`roots/`, `barrier/remembered.rs`)."""
    p = Picture(424)
    p.text(16, 22, "one reserved range of addresses")
    for x, width, name, what, fill in [
        (16, 234, "young", "objects move", YOUNG),
        (250, 170, "large", "never move", LARGE),
        (420, 324, "old", "objects move out of sparse blocks", OLD),
    ]:
        p.rect(x, 32, width, 26, fill)
        p.text(x + 8, 49, name, bold=True)
        p.text(x + 58, 49, what)
        p.rect(x, 58, width, 222, "#ffffff")

    # Young: a chunk of each kind.
    p.text(26, 80, "chunks of 256 KiB, all of one age", size=11, fill=FAINT)
    p.text(26, 107, "a free chunk", size=11)
    p.box(26, 113, 214, 22, dashed=True)
    p.text(26, 157, "generation 1: survivors", size=11)
    p.box(26, 163, 214, 22)
    p.rect(26, 163, 130, 22, SURVIVOR)
    p.text(26, 207, "generation 0: a region for each mutator", size=11)
    for x, used, mutator in [(26, 74, "mutator 1"), (133, 70, "mutator 2")]:
        p.box(x, 240, 107, 24)
        p.rect(x, 240, used, 24, YOUNG)
        p.arrow((x + used, 225), (x + used, 239))
        p.text(x + used - 6, 231, mutator, "end", 11, fill=FAINT)
    p.box(34, 244, 20, 16, fill="#ffffff")
    p.box(146, 244, 20, 16, fill="#ffffff")

    # Large: three runs.
    p.text(260, 80, "a run for each object\nof more than 8 KiB", size=11, fill=FAINT)
    p.text(260, 122, "A table says whether the\nobject is young or old.", size=11)
    for x, width, age, fill in [(260, 50, "young", YOUNG), (310, 62, "old", OLD), (372, 38, "free", "none")]:
        p.box(x, 240, width, 24, age, fill, dashed=age == "free", size=11)

    # Old: a block of each kind, and the bits of one.
    p.text(430, 80, "blocks of 64 KiB, each for one size of cells", size=11, fill=FAINT)
    p.text(430, 107, "an empty block", size=11)
    p.box(430, 113, 303, 22, dashed=True)
    p.text(430, 157, "cells of 1 KiB", size=11)
    for cell, full in enumerate([True, False, True]):
        p.box(430 + 101 * cell, 163, 101, 22, fill=OLD if full else "none")
    rows = [("allocated", "101101"), ("marked", "000000"), ("destructor", "000100")]
    for row, (name, bits) in enumerate(rows):
        for cell, bit in enumerate(bits):
            p.text(447 + 34 * cell, 207 + 13 * row, bit, "middle", 11)
        p.text(640, 207 + 13 * row, name, size=11)
    for cell, full in enumerate(rows[0][1]):
        p.box(430 + 34 * cell, 240, 34, 24, fill=OLD if full == "1" else "none")
    p.text(640, 256, "cells of 48 bytes", size=11)

    # Outside.
    p.text(335, 372, "outside of\nthe range", "middle", 11, fill=FAINT)
    p.rect(16, 340, 234, 70, "#ffffff")
    p.text(56, 357, "roots", bold=True)
    p.text(26, 403, "in chunks of 244, for each mutator", size=11)
    for slot in range(9):
        p.box(26 + 24 * slot, 365, 24, 22, fill="none" if slot in (4, 7, 8) else "#d3f9d8")
    p.arrow((44, 376), (44, 262), stroke=ROOT)
    p.dot(44, 376, ROOT)
    p.rect(420, 340, 324, 70, "#ffffff")
    p.text(460, 357, "remembered sets", bold=True)
    p.text(586, 357, "of heap and mutators", size=11)
    p.text(430, 403, "places that may hold young pointers", size=11)
    for entry in range(6):
        p.box(430 + 34 * entry, 365, 34, 22, fill="#ffdeeb" if entry < 4 else "none")
    p.dot(447, 376, REMEMBERED)
    p.arrow((447, 376), (447, 260), stroke=REMEMBERED)
    # The slot that is remembered, and what it holds.
    p.box(442, 248, 10, 10, fill="#ffffff")
    p.arrow((442, 253), (425, 253), (425, 300), (156, 300), (156, 262))
    p.text(290, 316, "a pointer from old to young", "middle", 11)
    return p


def young_collection():
    """What a minor collection does (`collector/minor.rs`, `young/evacuate.rs`), with objects of all kinds."""
    p = Picture(418)
    width = {"0": 32, "1": 38, "old": 50}
    left = {"0": 24, "1": 294, "old": 438}

    def at(space, place):
        return left[space] + (place + 0.5) * width[space]

    def panels(y, title, contents):
        p.text(16, y - 36, title, bold=True)
        rooms = [("0", 16, 254, 7, "generation 0"), ("1", 286, 128, 3, "generation 1"), ("old", 430, 314, 6, "old generation")]
        for space, x, panel, cells, name in rooms:
            p.rect(x, y - 12, panel, 78, "#ffffff")
            p.text(x + panel / 2, y + 82, name, "middle")
            for place, name in enumerate(contents[space].ljust(cells)):
                x, garbage = at(space, place), name.islower()
                fill = {"0": YOUNG, "1": SURVIVOR, "old": OLD}[space]
                if name != " ":
                    p.box(x - width[space] / 2 + 2, y, width[space] - 4, 28, name, GARBAGE if garbage else fill, garbage,
                          ink=FAINT if garbage else INK)
                elif space == "old":
                    p.box(x - width[space] / 2 + 2, y, width[space] - 4, 28, dashed=True)

    def root(space, place, y):
        x = at(space, place)
        p.dot(x, y - 28, ROOT, 5)
        p.arrow((x, y - 28), (x, y - 1), stroke=ROOT)

    def remembered(place, y):
        x = at("old", place)
        p.rect(x - 5, y - 33, 10, 10, REMEMBERED, REMEMBERED)
        p.arrow((x, y - 28), (x, y - 1), stroke=REMEMBERED)

    def beside(space, place, y):
        """A pointer to the object on the right."""
        x = at(space, place) + width[space] / 2
        p.arrow((x - 6, y + 14), (x + 4, y + 14))

    def below(start, end, y, depth):
        p.arrow((start, y + 28), (start, y + depth), (end, y + depth), (end, y + 29))

    y = 66
    panels(y, "before", {"0": "aBCDefg", "1": "HIj", "old": "X  Y"})
    root("0", 2, y)
    root("1", 0, y)
    remembered(0, y)
    beside("0", 2, y)
    beside("1", 0, y)
    below(at("1", 1), at("0", 3), y, 42)
    below(at("old", 0), at("0", 1), y, 54)

    p.arrow((150, 160), (376, 256), stroke=FAINT, width=3)
    p.text(238, 222, "copied: survived\none collection", "end", fill=FAINT)
    p.arrow((352, 160), (690, 256), stroke=FAINT, width=3)
    p.text(560, 190, "promoted: survived two", fill=FAINT)

    y = 282
    panels(y, "after", {"0": "", "1": "CDB", "old": "XHIY"})
    p.text(143, y + 18, "empty, and used again", "middle", fill=FAINT)
    root("1", 0, y)
    root("old", 1, y)
    remembered(0, y)
    remembered(2, y)
    beside("1", 0, y)
    beside("old", 1, y)
    x = at("old", 0) - width["old"] / 2
    p.arrow((x + 4, y + 14), (at("1", 2) + width["1"] / 2 - 1, y + 14))
    below(at("old", 2), at("1", 1), y, 48)

    p.dot(24, 402, ROOT, 5)
    p.text(36, 406, "a root leads to it", size=11)
    p.rect(178, 397, 10, 10, REMEMBERED, REMEMBERED)
    p.text(195, 406, "a slot in it is in the remembered set", size=11)
    p.box(440, 393, 24, 18, "a", GARBAGE, True, size=11, ink=FAINT)
    p.text(472, 406, "garbage", size=11)
    p.box(566, 393, 24, 18, dashed=True)
    p.text(598, 406, "a free cell", size=11)
    return p
