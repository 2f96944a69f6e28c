"""How a command ends when it cannot do what was asked: a sentence and an exit code.

    0 done · 1 failed · 2 bad input · 3 not found · 4 stuck transactions (--fail-on-stuck)
    5 timed out while still progressing · 6 no rights · 130 interrupted, work handed back

Must not: print tracebacks; `KNECT_DEBUG=1` shows one for a defect of ours.
"""

__all__ = [
    "BAD_INPUT",
    "FAILED",
    "INTERRUPTED",
    "NOT_FOUND",
    "STUCK",
    "CommandError",
]

FAILED = 1
BAD_INPUT = 2
NOT_FOUND = 3
STUCK = 4
INTERRUPTED = 130


class CommandError(Exception):
    """Ends the command with `code`; the text is what people read."""

    def __init__(self, message: str, *, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code
