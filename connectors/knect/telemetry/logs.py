"""Structured logs: one JSON object a line, with the transaction they belong to, without secrets.

Why: a log line, a trace and a ledger row must name the same thing, and a token must never reach a
disk, whoever put it into a message, an argument or an exception.
Must not: write local variables of tracebacks, payloads, or text in place of key and value.

    log.info("order.delivered", extra={"destination_id": "SO-17"})
"""

import json
import logging
import re
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

from msgspec import Struct

from knect.sdk.spellings import spellings

__all__ = ["BoundTo", "JsonFormatter", "Redactor", "bound_to", "configure_logging"]

_HIDDEN = "***"
#: Shorter secrets would blank out ordinary words.
_SHORTEST_SECRET = 4
#: A line of a key that has several is secret by itself.
_SHORTEST_LINE = 20
_OWN = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}


class BoundTo(Struct, frozen=True, kw_only=True):
    """What the code running now works on."""

    transaction: str | None = None
    span: str | None = None
    pipeline: str | None = None


_NOTHING = BoundTo()
_bound: ContextVar[BoundTo] = ContextVar("knect_log_binding", default=_NOTHING)


@contextmanager
def bound_to(
    *, transaction: str | None = None, span: str | None = None, pipeline: str | None = None
) -> Iterator[None]:
    """Add these to every line logged inside, also by tasks started inside."""
    before = _bound.get()
    token = _bound.set(
        BoundTo(
            transaction=transaction or before.transaction,
            span=span or before.span,
            pipeline=pipeline or before.pipeline,
        )
    )
    try:
        yield
    finally:
        _bound.reset(token)


class Redactor:
    """Blanks out every registered secret wherever it stands in a text."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def register(self, secrets: Iterable[str]) -> None:
        """Add secrets, in all the ways they may be quoted. Rotated ones stay hidden."""
        whole = {text for text in secrets if len(text) >= _SHORTEST_SECRET}
        if not whole or whole <= self._secrets:
            return
        added = whole | {line for text in whole for line in _lines(text)}
        self._secrets |= {spelled for text in added for spelled in spellings(text)}
        longest_first = sorted(self._secrets, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def clean(self, text: str) -> str:
        """Return the text without the secrets."""
        return text if self._pattern is None else self._pattern.sub(_HIDDEN, text)


def _lines(text: str) -> Iterator[str]:
    """Yield what is secret of a text of several lines, such as a private key."""
    for line in text.splitlines() if "\n" in text else ():
        if len(line) >= _SHORTEST_LINE and not line.startswith("-----"):
            yield line


class JsonFormatter(logging.Formatter):
    """One JSON object per record, cleaned as a whole, so that no field is forgotten."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        bound = _bound.get()
        if bound.transaction:
            line["knect.transaction"] = line["trace_id"] = bound.transaction
        if bound.span:
            line["span_id"] = bound.span
        if bound.pipeline:
            line["knect.pipeline"] = bound.pipeline
        line.update((key, value) for key, value in vars(record).items() if key not in _OWN)
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = _explain(record.exc_info[1])
        return self._redactor.clean(json.dumps(line, default=str, ensure_ascii=False))


def _explain(error: BaseException) -> dict[str, Any]:
    summary = traceback.extract_tb(error.__traceback__)
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in summary]
    explained: dict[str, Any] = {
        "type": type(error).__name__,
        "message": str(error),
        "frames": frames,
    }
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        explained["cause"] = {"type": type(cause).__name__, "message": str(cause)}
    return explained


def configure_logging(
    redactor: Redactor, *, level: str = "INFO", stream: TextIO | None = None
) -> None:
    """Send everything logged in this process to `stream` (stderr) as JSON, replacing handlers.

    The level is that of Knect's own loggers; libraries are heard from WARNING on.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter(redactor))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(logging.WARNING, logging.getLevelName(level)))
    logging.getLogger("knect").setLevel(level)
    logging.getLogger("knect_connectors").setLevel(level)
