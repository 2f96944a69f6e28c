"""How a sale line remembers which line of the shop's order it is. Pure.

Why the note: Tryton has no field for a foreign id on a line, a SKU may stand on two lines, and a
position changes with every edit. A note is plain text people see and no report prints by itself.
Must not: read anything else out of a note.
"""

import re

__all__ = ["note_for", "note_with", "web_line_of"]

_NOTE = re.compile(r"^Web line: (\S+)$", re.MULTILINE)


def note_for(line: str) -> str:
    """Return the note of a sale line; empty where the order has no line of its own for it."""
    return f"Web line: {line}" if line else ""


def note_with(note: str | None, line: str) -> str:
    """Return a note that names this line of the shop, and all else that stood there."""
    said = _NOTE.sub("", note or "").strip()
    return "\n".join(filter(None, (said, note_for(line))))


def web_line_of(note: str | None) -> str:
    """Return the shop's id of a sale line, empty if its note does not tell."""
    found = _NOTE.search(note or "")
    return found[1] if found else ""
