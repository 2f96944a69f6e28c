"""Texts from elsewhere, as they may be shown.

Why: a name in a shop can hold what moves a cursor or turns a line around, on a terminal and in a
page. Must not: escape for a form of output; that is whose output it is.
"""

import unicodedata

__all__ = ["visible"]

#: Control characters, and those that only steer (among them the direction of writing).
_UNSEEN = ("Cc", "Cf")


def visible(text: str) -> str:
    """Return a text from elsewhere without what would move the cursor or turn the line around."""
    if text.isprintable():
        return text
    return "".join(
        c if c in "\n\t" or unicodedata.category(c) not in _UNSEEN else _written_out(c)
        for c in text
    )


def _written_out(letter: str) -> str:
    """Return a letter by its number, in JSON's way: two halves beyond the first 65,536."""
    halves = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{halves[i : i + 2].hex()}" for i in range(0, len(halves), 2))
