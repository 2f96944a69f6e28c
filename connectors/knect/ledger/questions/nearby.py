"""Keys like one that leads nowhere: for who typed a part of a number, or a letter too many.

Why: "1O04 was never seen" sends people to the shop; "did you mean 1004?" to the order.
Must not: tell what is masked: only names under which transactions are shown anyway are looked at.
"""

from difflib import get_close_matches
from itertools import zip_longest

from sqlalchemy import Connection, select

from knect.ledger import schema as s
from knect.model import normalise

__all__ = ["nearby"]

#: So many of the newest transactions are looked at; who asks about an old one has its number.
_NEWEST = 5_000
_SHORTEST_PART = 2
_ALIKE = 0.72
#: So many of those that share their letters are compared letter by letter.
_CLOSE = 200


def nearby(connection: Connection, key: str, *, most: int = 5) -> list[str]:
    """Return names like `key` (normalised), the likest first: those it is a part of, else those
    that differ by little.
    """
    t = s.transactions
    newest = select(t.c.key).order_by(t.c.seq.desc()).limit(_NEWEST)
    names: dict[str, str] = {}
    for name in connection.execute(newest).scalars():
        if name:
            names.setdefault(normalise(name), name)
    if len(key) < _SHORTEST_PART:
        return []
    found = sorted(
        (one for one in names if key in one), key=lambda one: (not one.startswith(key), len(one))
    ) or sorted(
        get_close_matches(key, names, n=_CLOSE, cutoff=_ALIKE), key=lambda one: _moved(key, one)
    )
    return [names[one] for one in found[:most]]


def _moved(key: str, name: str) -> int:
    """Return how many letters are not where they were typed: a slip changes one in its place."""
    return sum(ours != theirs for ours, theirs in zip_longest(key, name))
