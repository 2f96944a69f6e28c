"""The history checker: judges what really happened at both ends against what the ledger says.

Why: a test that asks the engine whether the engine was right proves nothing. This package sees
only plain evidence (request logs, documents, a SQLite file, a fault log) and knows no
implementation. Must not: import anything of Knect, or repair.
"""

from knect.history.dump import LedgerDump, dump_of, read_ledger
from knect.history.evidence import (
    Call,
    Document,
    Fault,
    History,
    SourceRecord,
    Violation,
    read_calls,
)
from knect.history.excerpt import Broken, by_key
from knect.history.judge import INVARIANTS, check, meaning_of, render
from knect.history.lines import HistoryUnreadable, read_history, write_history

__all__ = [
    "INVARIANTS",
    "Broken",
    "Call",
    "Document",
    "Fault",
    "History",
    "HistoryUnreadable",
    "LedgerDump",
    "SourceRecord",
    "Violation",
    "by_key",
    "check",
    "dump_of",
    "meaning_of",
    "read_calls",
    "read_history",
    "read_ledger",
    "render",
    "write_history",
]
