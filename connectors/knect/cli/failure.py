"""How a command ends when it cannot do what was asked: a sentence and an exit code.

    0 done · 1 failed · 2 bad input · 3 not found · 4 stuck transactions (--fail-on-stuck)
    5 timed out while still progressing · 6 no rights · 130 interrupted, work handed back

Must not: print tracebacks; `KNECT_DEBUG=1` shows one for a defect of ours.
"""

import contextlib
import os
from pathlib import Path

__all__ = [
    "BAD_INPUT",
    "FAILED",
    "INTERRUPTED",
    "NOT_FOUND",
    "NO_RIGHTS",
    "STUCK",
    "TIMED_OUT",
    "CommandError",
    "last_words",
]

FAILED = 1
BAD_INPUT = 2
NOT_FOUND = 3
STUCK = 4
TIMED_OUT = 5
NO_RIGHTS = 6
INTERRUPTED = 130


class CommandError(Exception):
    """Ends the command with `code`; the text is what people read."""

    def __init__(self, message: str, *, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


#: Kubernetes shows what a container leaves here; it takes 4,096 bytes.
_TERMINATION_LOG = "/dev/termination-log"
_TERMINATION_BYTES = 4000


def last_words(sentence: str) -> None:
    """Leave the sentence a pod ends with where Kubernetes shows it; elsewhere do nothing."""
    named = os.environ.get("KNECT_TERMINATION_LOG")
    path = Path(named or _TERMINATION_LOG)
    if named or path.exists():
        with contextlib.suppress(OSError):
            path.write_bytes(sentence.encode()[:_TERMINATION_BYTES])
