"""The history checker: judges what really happened at both ends against what the ledger says.

Why: a test that asks the engine whether the engine was right proves nothing. This package sees
only plain evidence (request logs, documents, a SQLite file, a fault log) and knows no
implementation. Must not: import anything of Knect, or repair.
"""

from knect.history.dump import LedgerDump, dump_of, read_ledger
from knect.history.evidence import (
    Call,
    Document,
    History,
    SourceRecord,
    Violation,
    read_calls,
)
from knect.history.judge import INVARIANTS, check, render

__all__ = [
    "INVARIANTS",
    "Call",
    "Document",
    "History",
    "LedgerDump",
    "SourceRecord",
    "Violation",
    "check",
    "dump_of",
    "read_calls",
    "read_ledger",
    "render",
]
