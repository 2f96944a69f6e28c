"""What SQLAlchemy has compiled, kept for all ledgers of a process.

Why: an engine compiles a statement when it first meets it, and each test has new engines: a sixth
of its work. A worker's engines live as long as it does.
Must not: be where something is measured, or mix the databases: a statement is known by its
dialect's name and driver besides its key.
"""

from collections.abc import Iterator, MutableMapping
from typing import Any

from sqlalchemy import Connection, Engine, event

__all__ = ["keep_compiled"]


class _Kept(MutableMapping[Any, Any]):
    """The cache of all engines; in its keys the dialect's name stands for the dialect."""

    def __init__(self) -> None:
        self._all: dict[Any, Any] = {}

    def __getitem__(self, key: Any) -> Any:
        return self._all[_named(key)]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._all[_named(key)] = value

    def __delitem__(self, key: Any) -> None:
        del self._all[_named(key)]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


def _named(key: Any) -> Any:
    dialect, *rest = key
    return (dialect.name, dialect.driver, dialect.server_version_info, *rest)


_KEPT = _Kept()


def keep_compiled() -> None:
    """Let all engines share what is compiled, from their next connection on."""
    if not event.contains(Engine, "engine_connect", _connected):
        event.listen(Engine, "engine_connect", _connected)


def _connected(connection: Connection) -> None:
    connection.engine._compiled_cache = _KEPT  # type: ignore[assignment]
