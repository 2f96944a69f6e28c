"""What can be reconciled: a Connection, or a worker with all its pipelines.

Must not: hold anything but names.
"""

from typing import NamedTuple

__all__ = ["ConnectionKey", "ReconcileKey", "UnitKey"]


class ConnectionKey(NamedTuple):
    """A Connection, with its receiver and its check."""

    namespace: str
    connection: str


class UnitKey(NamedTuple):
    """A worker: one pipeline, or a group of them."""

    namespace: str
    unit: str


ReconcileKey = ConnectionKey | UnitKey
