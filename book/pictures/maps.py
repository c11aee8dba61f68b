"""How many threads use one map at once, without a lock."""
from canvas import *

CELL = 26


def group(p, x, y, tags, slots):
    """A group of a table: seven tags, and seven slots, of which some lead to an entry. The number of a slot is its place."""
    for place in range(7):
        p.box(x + CELL * place, y, CELL, 18, tags[place], "#ffffff", size=11, ink=FAINT if tags[place] == "–" else INK)
        p.box(x + CELL * place, y + 18, CELL, 22, fill="#ffffff")
        if slots[place] != " ":
            p.dot(x + CELL * (place + 0.5), y + 29)


def map_publication():
    """How an entry is published (`map/table.rs`: `add`, `probe`, and `map/slots.rs`)."""
    p = Picture(306)
    steps = [
        (
            "made", "58–––––", "ee     ",
            "makes the entry.\nNothing leads to it yet.",
            "passes tags 5 and 8. The\nfirst slot without a tag is\nempty: the key is not there.",
        ),
        (
            "stored", "58–––––", "eee    ",
            "exchanges the empty slot\nfor the address of the\nentry (Release).",
            "looks at that slot, as it has\nno tag, loads the address\n(Acquire), and so finds the\nentry whole.",
        ),
        (
            "tagged", "583––––", "eee    ",
            "sets the tag of the slot,\nwhich never changes to\nthat of another hash.",
            "passes tags 5 and 8, and\nlooks at the entry with the\ntag of its key.",
        ),
    ]
    for number, (name, tags, slots, writer, reader) in enumerate(steps):
        x = 16 + 246 * number
        p.rect(x, 14, 236, 278, "#ffffff", "#ced4da")
        p.number(x + 20, 32, number + 1)
        p.text(x + 36, 36, name, bold=True)
        left = x + 44
        p.text(left - 5, 67, "tags", "end", 11, fill=FAINT)
        p.text(left - 5, 87, "slots", "end", 11, fill=FAINT)
        group(p, left, 54, tags, slots)
        slot = left + 2.5 * CELL
        stored = "e" == slots[2]
        p.box(slot - 52, 124, 146, 24, "hash, key, value", YOUNG, not stored, size=11)
        if stored:
            p.arrow((slot, 83), (slot, 123))
        p.text(x + 10, 172, "writer", bold=True, size=11)
        p.text(x + 60, 172, writer, size=11)
        p.text(x + 10, 236, "reader", bold=True, size=11)
        p.text(x + 60, 236, reader, size=11)
    return p


def map_addresses():
    """Why no address comes back while it is compared with (`map.rs`, `map/table.rs`: [concurrent-map.fresh])."""
    p = Picture(328)
    left, right = 112, 744
    found, replaced, failed, read, pause, after = 200, 270, 370, 180, 560, 600
    p.rect(pause, 26, after - pause, 280, "#ffecec", STOPPED)
    p.text((pause + after) / 2, 20, "pause", "middle", 11)

    p.text(16, 48, "the slot")
    p.box(left, 32, replaced - left, 24, "leads to entry 1", YOUNG, size=11)
    p.box(replaced, 32, right - replaced, 24, "leads to entry 2", OLD, size=11)
    lanes = [(84, "writer A"), (144, "writer B"), (204, "reader")]
    for y, name in lanes:
        p.text(16, y + 16, name)
        p.rect(left, y, pause - left, 24, RUNS, "#69a978")
        p.rect(pause, y, after - pause, 24, STOPPED, "#d08a8a")
        p.rect(after, y, right - after, 24, RUNS, "#69a978")

    def event(y, x, words):
        p.arrow((x, y + 36), (x, y + 25), stroke=FAINT)
        p.text(x, y + 47, words, "middle", 11, fill=FAINT)

    writer, other, reader = (y for y, _ in lanes)
    p.arrow((replaced, writer), (replaced, 57), stroke=REMEMBERED, width=1.6)
    p.text(replaced, writer + 37, "exchanges entry 1 for entry 2", "middle", 11, fill=REMEMBERED)
    p.box(found, other, failed - found, 24, "has a pointer to entry 1", YOUNG, size=11)
    event(other, found, "finds entry 1")
    p.arrow((failed, other), (failed, 57), stroke=REMEMBERED, width=1.6, dashed=True)
    p.text(failed - 6, other + 37, "would exchange 1 for 3, and fails", size=11, fill=REMEMBERED)
    p.box(read, reader, pause - read, 24, "has a pointer to entry 1, until its next safepoint", YOUNG, size=11)
    event(reader, read, "gets the value")

    p.text(16, 290, "entry 1")
    p.box(left, 274, replaced - left, 24, "is the key's entry", YOUNG, size=11)
    p.box(replaced, 274, after - replaced, 24, "is garbage, and whole: its address stays in use", GARBAGE, size=11)
    p.box(after, 274, right - after, 24, "may be used again", "#ffffff", True, size=11)
    p.arrow((left, 314), (right, 314), stroke=EDGE)
    p.text(16, 318, "time", fill=FAINT)
    return p


def map_move():
    """How a table moves to the next one (`map/moving.rs`, `map/table.rs`: [concurrent-map.move], [concurrent-map.close])."""
    p = Picture(408)

    # The two tables, half-way.
    p.box(16, 36, 60, 30, "map", "#ffffff")
    slots = ["MOVED", "MOVED", "MOVING", "entry", "entry", "entry", ""]
    fills = {"MOVED": GARBAGE, "MOVING": SURVIVOR, "entry": YOUNG, "": "none"}
    p.text(120, 28, "the old table: it has no room for another key", size=11)
    for place, slot in enumerate(slots):
        p.box(120 + 58 * place, 36, 58, 30, slot, fills[slot], not slot, size=11)
    p.arrow((76, 51), (118, 51))
    p.text(538, 28, "Each write moves some slots.\nOne that is empty becomes\nCLOSED: its keys come to\nthe next table.", size=11, fill=FAINT)
    p.text(120, 174, "the next table, to which the old one leads", size=11)
    places = [120 + 42 * slot + 14 * (slot // 7) for slot in range(14)]
    for place, x in enumerate(places):
        full = place < 2
        p.box(x, 128, 42, 30, "entry" if full else "", YOUNG if full else "none", not full, size=11)
    p.text(places[7] + 21, 174, "place p", "middle", 11, fill=FAINT)
    for place in range(2):
        p.arrow((149 + 58 * place, 68), (places[place] + 21, 126), stroke=EDGE, dashed=True)
    p.arrow((149 + 58 * 2, 68), (places[7] + 21, 126), stroke=REMEMBERED, width=1.6)
    p.arrow((46, 66), (46, 143), (118, 143), stroke=FAINT, dashed=True)
    p.text(54, 108, "at the end", size=11, fill=FAINT)

    # One slot, step by step.
    steps = [
        ("ENTRY", False, False, "The entry is found\nin the old slot."),
        ("MOVING", True, False, "It is on its way to p,\nand found as before."),
        ("MOVING", True, True, "Both places lead to\nthe same entry."),
        ("MOVED", False, True, "A reader that passes\nhere looks there, too."),
    ]
    for number, (name, moving, there, words) in enumerate(steps):
        x = 16 + 184 * number
        p.rect(x, 202, 176, 192, "#ffffff", "#ced4da")
        p.number(x + 18, 220, number + 1)
        p.text(x + 34, 224, name, bold=True)
        p.text(x + 10, 258, "old slot", size=11, fill=FAINT)
        p.box(x + 62, 242, 28, 24, fill=fills.get(name, YOUNG))
        p.text(x + 10, 336, "place p", size=11, fill=FAINT)
        p.box(x + 62, 320, 28, 24, dashed=not there)
        p.box(x + 116, 281, 50, 24, "entry", YOUNG, size=11)
        if name != "MOVED":
            p.dot(x + 76, 254)
            p.arrow((x + 76, 254), (x + 141, 254), (x + 141, 280))
        if moving:
            p.arrow((x + 76, 254), (x + 76, 319), stroke=REMEMBERED, width=1.6)
        if there:
            p.dot(x + 76, 332)
            p.arrow((x + 76, 332), (x + 141, 332), (x + 141, 306))
        p.text(x + 10, 366, words, size=11)
    return p
