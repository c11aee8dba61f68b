"""What threads do one after the other and at once: time goes from left to right."""
from canvas import *


def full_collection():
    """The phases of a major cycle (`collector/major_cycle.rs`, `major.rs`, `concurrent.rs`), beside the program."""
    p = Picture(404)
    left, right = 96, 744
    pauses = [(130, 190, "begin"), (330, 350, "young"), (460, 520, "finish"), (618, 638, "young")]
    phases = [(left, 190, "IDLE"), (190, 520, "MARKING"), (520, 690, "SWEEPING"), (690, right, "IDLE")]
    top, marker = 62, 172

    p.text(16, 31, "phase")
    for start, end, phase in phases:
        p.box(start, 16, end - start, 22, phase, "#ffffff", size=11)
    for start, end, name in pauses:
        p.rect(start, top - 8, end - start, 164, "#ffecec", STOPPED)
        p.text((start + end) / 2, top - 12, name, "middle", 11)

    for lane in range(2):
        y = top + 34 * lane
        p.text(16, y + 16, f"mutator {lane + 1}")
        runs = [left, *[x for pause in pauses for x in pause[:2]], right]
        for start, end in zip(runs[::2], runs[1::2]):
            p.rect(start, y, end - start, 24, RUNS, "#69a978")
        for start, end, _ in pauses:
            p.rect(start, y, end - start, 24, STOPPED, "#d08a8a")
    for x, words in [(160, "stopped"), (260, "runs"), (490, "stopped"), (569, "runs")]:
        p.text(x, top + 16, words, "middle", 11)
    p.text(16, marker + 16, "marker")
    p.line((left, marker + 12), (right, marker + 12), stroke=EDGE)
    for start, end, work in [(190, 330, "marks"), (350, 460, "marks"), (520, 618, "sweeps"), (638, 690, "sweeps")]:
        p.box(start, marker, end - start, 24, work, WORKS, stroke="#5580b5")
    for x in (216, 300, 372, 440):
        p.arrow((x, top + 58), (x, marker - 1), stroke=FAINT, dashed=True)
    p.text(222, 144, "overwritten\npointers", size=11, fill=FAINT)
    p.text(378, 144, "the same", size=11, fill=FAINT)
    for number, x in enumerate([160, 260, 490, 569], 1):
        p.number(x, 236, number)
    p.arrow((left, 214), (right, 214), stroke=EDGE)
    p.text(16, 218, "time", fill=FAINT)

    steps = [
        ("begin", True, "a young collection\npromotes everything;\nwhat roots hold is\nmarked; sparse blocks\nare chosen"),
        ("marking", False, "what was reachable at\nthe beginning is marked;\na store hands over the\npointer that it overwrites;\nyoung pauses go on"),
        ("finish", True, "a young collection\npromotes everything;\nwhat is left is marked;\nobjects move out of the\nsparse blocks"),
        ("sweeping", False, "mark bits become the\nallocation bits, some\nblocks at a time;\nyoung pauses go on"),
    ]
    for number, (name, stops, words) in enumerate(steps):
        x = 16 + 183 * number
        p.rect(x, 258, 177, 134, "#ffecec" if stops else "#ffffff", STOPPED if stops else EDGE)
        p.number(x + 18, 276, number + 1)
        p.text(x + 34, 280, name, bold=True)
        p.text(x + 8, 300, "stops the program" if stops else "while the program runs", size=11, fill="#b02a37" if stops else "#2b7a3f")
        p.text(x + 8, 318, words, size=11)
    return p


def stop():
    """How the world is stopped (`safepoint.rs`, `safepoint/rendezvous.rs`, `collector/request.rs`)."""
    p = Picture(392)
    left, right = 100, 744
    due, raised, blocks, parks, wants, resumed = 176, 250, 330, 420, 520, 600
    lanes = [58, 128, 198, 268]

    p.rect(raised, 32, resumed - raised, 266, "#ffecec", STOPPED)
    p.text(raised + 4, 24, "A sets STOP, and raises polls", "end", 11, fill=REMEMBERED)
    p.text(resumed - 4, 24, "A clears STOP", size=11, fill=REMEMBERED)
    p.text((raised + resumed) / 2, 48, "the world is stopped, or about to be", "middle", 11, fill=FAINT)

    def state(lane, start, end, name, fill, dashed=False):
        p.box(start, lanes[lane], end - start, 24, name, fill, dashed, size=11)

    for lane, name in enumerate(["A leads", "B", "C", "D"]):
        p.text(16, lanes[lane] + 16, name, bold=True)

    state(0, left, due, "RUNNING", RUNS)
    state(0, due, resumed + 8, "", BLOCKED)
    state(0, resumed + 8, right, "RUNNING", RUNS)
    p.text(due + 8, lanes[0] + 16, "BLOCKED", size=11)
    p.text((raised + parks) / 2, lanes[0] + 16, "waits", "middle", 11)
    p.box(parks, lanes[0], resumed - parks, 24, "collects", WORKS, stroke="#5580b5", size=11)
    p.text(due, lanes[0] - 8, "a collection is due", "end", 11, fill=FAINT)

    state(1, left, parks, "", RUNS)
    p.text(140, lanes[1] + 16, "RUNNING", size=11)
    state(1, parks, resumed + 8, "PARKED", STOPPED)
    state(1, resumed + 8, right, "RUNNING", RUNS)
    for x, seen in [(176, "polls: nothing"), (parks, "polls: raised")]:
        p.arrow((x, lanes[1] + 38), (x, lanes[1] + 25), stroke=FAINT)
        p.text(x, lanes[1] + 50, seen, "middle", 11, fill=FAINT)

    state(2, left, blocks, "", RUNS)
    p.text(140, lanes[2] + 16, "RUNNING", size=11)
    state(2, blocks, resumed + 8, "", BLOCKED)
    p.text(blocks + 8, lanes[2] + 16, "BLOCKED", size=11)
    p.box(wants, lanes[2], resumed + 8 - wants, 24, "waits", "#ffffff", True, size=11)
    state(2, resumed + 8, right, "RUNNING", RUNS)
    for x, what in [(blocks, "enters blocked"), (wants, "wants to leave")]:
        p.arrow((x, lanes[2] + 38), (x, lanes[2] + 25), stroke=FAINT)
        p.text(x, lanes[2] + 50, what, "middle", 11, fill=FAINT)

    state(3, left, 676, "", BLOCKED)
    p.text(140, lanes[3] + 16, "BLOCKED", size=11)
    p.text(raised + 14, lanes[3] + 16, "reads from a socket: it is not waited for, and not woken", size=11)
    state(3, 676, right, "RUNNING", RUNS)

    # What the leader does to the words, and the members to the leader.
    for x in (raised, resumed):
        p.line((x, lanes[0] + 12), (x, lanes[3] + 12), stroke=REMEMBERED, width=1.6)
        for lane in range(4):
            p.dot(x, lanes[lane] + 12, REMEMBERED)
    p.arrow((parks, lanes[1] - 1), (parks, lanes[0] + 26), stroke=ROOT, width=1.6)
    p.text(parks + 8, 106, "the last one wakes the leader", size=11, fill="#2b7a3f")

    p.text(16, 316, "waited for")
    for x, number in [((raised + blocks) / 2, "B and C"), ((blocks + parks) / 2, "B"), ((parks + resumed) / 2, "nobody")]:
        p.text(x, 316, number, "middle")
    for x in (raised, blocks, parks, resumed):
        p.line((x, 304), (x, 320), stroke=EDGE)
    p.span(raised, parks, 340, "time to safepoint")
    p.span(raised, resumed, 366, "pause")
    return p
