"""The operator's log: one JSON object a line.

Must not: name a secret; nothing here ever holds one.
"""

import json
import logging
import sys
from datetime import UTC, datetime

__all__ = ["configure_logging"]

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info and record.exc_info[0] is not None:
            # where, not with what: a traceback's text can quote values
            line["error"] = record.exc_info[0].__name__
            frame = record.exc_info[2]
            while frame is not None and frame.tb_next is not None:
                frame = frame.tb_next
            if frame is not None:
                line["at"] = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}"
        return json.dumps(line, default=str, ensure_ascii=False)


def _is_no_surprise(record: logging.LogRecord) -> bool:
    """Tell whether it is news: that kopf leaves the signals to us is not, its thread is its own."""
    return not str(record.msg).startswith("OS signals are ignored")


def configure_logging(level: str) -> None:
    """Write all logs of the process to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("kopf._core.reactor.running").addFilter(_is_no_surprise)
    logging.getLogger("kopf").setLevel(max(logging.WARNING, logging.getLevelName(level)))
