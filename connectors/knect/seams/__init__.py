"""The seams through which time, identity, chance and sudden death reach the code.

Why: a run under test has one seed and one clock, and the process can be killed at named points.
Must not: import anything else of Knect, or hold behaviour beyond these seams.
"""

from knect.seams.clock import Clock, SystemClock
from knect.seams.crash import CRASH_POINTS, crash_point
from knect.seams.ids import IdSource, instant_of, new_id

__all__ = [
    "CRASH_POINTS",
    "Clock",
    "IdSource",
    "SystemClock",
    "crash_point",
    "instant_of",
    "new_id",
]
