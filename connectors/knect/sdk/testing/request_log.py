"""What a simulated system saw, one JSON object a line: evidence for the history checker.

Must not: be written by anything but the simulator's server, or be buffered past an answer: a line
is on its way to disk before the client can have the answer.
"""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from knect.sdk.testing.wire import Answer, Request

__all__ = ["RequestLog"]


class RequestLog:
    """Appends to `path` (if there is one) and keeps the entries in memory.

    An entry: time, number, method, path, key, body_hash, traceparent, status (None: no answer
    was sent), fault, committed, headers that matter for retries.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.entries: list[dict[str, Any]] = []
        self._file = path.open("ab", buffering=0) if path else None

    def write(
        self,
        at: datetime,
        request: Request,
        answer: Answer | None,
        *,
        fault: str | None,
        status: int | None,
    ) -> None:
        """Record one request and what became of it."""
        entry = {
            "time": at,
            "number": len(self.entries) + 1,
            "method": request.method,
            "path": request.path,
            "key": answer.key if answer else None,
            "body_hash": hashlib.blake2b(request.body, digest_size=16).hexdigest(),
            "traceparent": request.headers.get("traceparent"),
            "status": status,
            "fault": fault,
            "committed": answer.committed if answer else False,
        }
        self.entries.append(entry)
        if self._file is not None:
            self._file.write(msgspec.json.encode(entry) + b"\n")

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
