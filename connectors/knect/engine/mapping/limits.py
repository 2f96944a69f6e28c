"""How much an expression may be and do.

Why: mappings are written by people and read by a shared worker; none of them may stop it. Steps
are charged for whole nodes before a loop's turn runs, so a step is an upper bound of work done.
Must not: depend on time; the same record and expression always end the same way.
"""

from dataclasses import dataclass

__all__ = ["LIMITS", "Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds: `text` and `pattern` in characters, `room` and `result` in bytes (estimated).

    `room` is what all intermediate texts and lists of one evaluation may take together.
    """

    text: int = 4096
    depth: int = 32
    steps: int = 10_000
    room: int = 4 * 1024 * 1024
    result: int = 1024 * 1024
    pattern: int = 256


#: What holds wherever nobody says otherwise.
LIMITS = Limits()
