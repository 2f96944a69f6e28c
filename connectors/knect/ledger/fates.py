"""Fates and stages: the words of the equation.

    seen = delivered + unchanged + skipped + superseded + echo + rejected
         + waiting + unknown + in_flight

Must not: grow a word the design does not have.
"""

from enum import StrEnum

__all__ = ["ENDED", "HOLDING", "OPEN", "Fate", "Stage"]


class Fate(StrEnum):
    """How a transaction ended, or where it is until then."""

    DELIVERED = "delivered"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    SUPERSEDED = "superseded"
    ECHO = "echo"
    REJECTED = "rejected"
    WAITING = "waiting"
    UNKNOWN = "unknown"
    IN_FLIGHT = "in_flight"


class Stage(StrEnum):
    """The last stage a transaction finished, in order."""

    DISCOVERED = "discovered"
    EXTRACTED = "extracted"
    MAPPED = "mapped"
    RESOLVED = "resolved"
    DELIVERING = "delivering"
    DELIVERED = "delivered"


OPEN = (Fate.IN_FLIGHT, Fate.WAITING, Fate.UNKNOWN)
#: An order of such a fate holds its goods: it was sold, and the ERP does not know of it.
HOLDING = (*OPEN, Fate.REJECTED)
ENDED = tuple(fate for fate in Fate if fate not in OPEN)
