"""Named points at which a test may kill the process, as `kill -9` would.

Why: promises about sudden death are only worth what is tried at the exact spots where they could
break. A point is a no-op unless `KNECT_CRASH=point:nth` names it in the environment; the nth
passage then ends the process with SIGKILL: no handler, no flush, no `finally`.
Must not: do anything else, or cost anything when not armed (one dictionary look-up).
"""

import os
import signal

__all__ = ["CRASH_POINTS", "crash_point"]

#: Every point there is, in the order a transaction meets them.
CRASH_POINTS = (
    "inbox.read",
    "inbox.committed",
    "inbox.acked",
    "page.fetched",
    "rows.written",
    "cursor.committed",
    "extract.done",
    "map.done",
    "wait.registered",
    "ahead.committed",
    "send.first_byte",
    "send.complete",
    "answer.read",
    "deliver.answered",
    "commit.begin",
    "commit.done",
    "trace.sent",
    "lease.renew",
    "drain.half",
    "retention.half",
    "migration.half",
)


def _read_armed(text: str) -> dict[str, int]:
    armed: dict[str, int] = {}
    for part in filter(None, text.split(",")):
        name, _, nth = part.partition(":")
        if name not in CRASH_POINTS:
            message = f"KNECT_CRASH names {name!r}, which is no crash point; known: {CRASH_POINTS}"
            raise ValueError(message)
        armed[name] = int(nth or 1)
    return armed


_armed = _read_armed(os.environ.get("KNECT_CRASH", ""))


def crash_point(name: str) -> None:
    """Die here with SIGKILL if this passage of `name` is the armed one; else do nothing."""
    left = _armed.get(name)
    if left is None:
        return
    if left <= 1:
        os.kill(os.getpid(), signal.SIGKILL)
    _armed[name] = left - 1
