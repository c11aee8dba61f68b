"""Draws the pictures of the book.

    python3 book/pictures/draw.py            writes all of them to book/src
    python3 book/pictures/draw.py --check    says which of them there are not as drawn, or are shown in no chapter

Each is a function, whose name with `.svg` behind it is that of the file. What it shows is what the source says that it names.
"""
import sys
from pathlib import Path

# The sources have no compiled ones beside them.
sys.dont_write_bytecode = True

import maps
import spaces
import times

PICTURES = [
    spaces.heap,
    spaces.young_collection,
    times.full_collection,
    times.stop,
    maps.map_publication,
    maps.map_addresses,
    maps.map_move,
]
CHAPTERS = Path(__file__).resolve().parent.parent / "src"


def complaints(name, svg):
    path = CHAPTERS / name
    if not path.exists() or path.read_bytes() != svg:
        yield f"{path} is not what book/pictures draws: run python3 book/pictures/draw.py"
    if not any(f"]({name})" in chapter.read_text("utf-8") for chapter in CHAPTERS.glob("*.md")):
        yield f"{name} is shown in no chapter"


def main(arguments):
    if arguments not in ([], ["--check"]):
        sys.exit(__doc__)
    drawn = {f"{draw.__name__}.svg": draw().svg().encode() for draw in PICTURES}
    if arguments:
        sys.exit("\n".join(complaint for name, svg in drawn.items() for complaint in complaints(name, svg)) or None)
    for name, svg in drawn.items():
        (CHAPTERS / name).write_bytes(svg)


main(sys.argv[1:])
