"""The credentials of a pod: files of mounted Secrets, read at each use, remembered when rotated.

Why: a rotated Secret must work without a restart. What goes out is signed with the newest value;
what comes in may for a day be signed with the one before, because platforms are slow to follow.
Must not: write a value anywhere, or keep one longer than that day.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from knect.api.catalog import Catalog
from knect.api.worker import WorkerDocument
from knect.sdk.errors import SecretMissing
from knect.sdk.secret import Secret
from knect.seams import Clock

__all__ = ["MountedSecrets", "mounted"]

_log = logging.getLogger("knect.secrets")

#: Seconds for which a rotated value still opens what comes in.
_REMEMBERED = 24 * 3600.0
#: Older values than this many are forgotten at once: a Secret rewritten every second.
_MOST_REMEMBERED = 8

#: Told of every value that is seen for the first time: (key, value).
Learned = Callable[[str, str], None]


class MountedSecrets(Mapping[str, Secret]):
    """The keys of one mounted Secret. Raises SecretMissing, which is a KeyError, for what is not
    there.

    Args:
        folder: where the kubelet keeps the files; None: the Connection has no Secret.
        connection: the Connection's name, for sentences.
        clock: for how long what was rotated is remembered.
        learned: told of every new value, so that logs can hide it.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        connection: str,
        clock: Clock,
        learned: Learned = lambda _key, _value: None,
    ) -> None:
        self._folder = folder
        self._connection = connection
        self._clock = clock
        self._learned = learned
        self._latest: dict[str, str] = {}
        self._before: dict[str, list[tuple[str, float]]] = {}
        self.refresh()

    def __getitem__(self, key: str) -> Secret:
        return Secret(self._read(key))

    def __iter__(self) -> Iterator[str]:
        yield from self._names()

    def __len__(self) -> int:
        return len(self._names())

    def accepted(self, key: str) -> Sequence[Secret]:
        """Return the value now, then those of the last 24 hours, newest first."""
        values = [self._read(key)] if key in self else []
        since = self._clock.monotonic() - _REMEMBERED
        values += [old for old, until in reversed(self._before.get(key, [])) if until >= since]
        return [Secret(text) for text in dict.fromkeys(values)]

    def refresh(self) -> bool:
        """Look at every file; return whether anything is not as it was at the last look."""
        before = dict(self._latest)
        now = {name: self._value(name) for name in self._names()}
        for name, value in now.items():
            if value is not None:
                self._note(name, value)
        for name in [name for name in self._latest if now.get(name) is None]:
            self._replace(name, None)
        return before != self._latest

    def need(self, keys: Sequence[str]) -> None:
        """Raise SecretMissing for the first of these keys that is not there."""
        for key in keys:
            self._read(key)

    # ------------------------------------------------------------ files

    def _names(self) -> list[str]:
        if self._folder is None:
            return []
        try:
            return sorted(entry.name for entry in self._folder.iterdir() if entry.name[0] != ".")
        except OSError:
            return []

    def _value(self, key: str) -> str | None:
        if self._folder is None or "/" in key or key.startswith("."):
            return None
        try:
            return (self._folder / key).read_text(encoding="utf-8").rstrip("\n") or None
        except (OSError, UnicodeDecodeError):
            return None

    def _read(self, key: str) -> str:
        value = self._value(key)
        if value is None:
            raise self._absent(key)
        self._note(key, value)
        return value

    def _absent(self, key: str) -> SecretMissing:
        if not self._names():
            return SecretMissing(
                f"the Secret of Connection {self._connection!r} is not there or has no keys; "
                "create it, work begins by itself within about a minute",
                code="SecretNotFound",
            )
        return SecretMissing(
            f"the Secret of Connection {self._connection!r} has no usable key {key!r} (it must be "
            "there, UTF-8 text and not empty); add it, work goes on by itself within about a "
            "minute",
            code="SecretKeyMissing",
        )

    # ------------------------------------------------------------ memory

    def _note(self, key: str, value: str) -> None:
        if self._latest.get(key) != value:
            self._learned(key, value)
            self._replace(key, value)

    def _replace(self, key: str, value: str | None) -> None:
        old = self._latest.pop(key, None)
        if value is not None:
            self._latest[key] = value
        since = self._clock.monotonic() - _REMEMBERED
        kept = [(text, until) for text, until in self._before.get(key, []) if until >= since]
        if old is not None:
            kept.append((old, self._clock.monotonic()))
            _log.info("rotated", extra={"connection": self._connection, "key": key})
        self._before[key] = kept[-_MOST_REMEMBERED:]


def mounted(
    document: WorkerDocument,
    catalog: Catalog,
    clock: Clock,
    hide: Callable[[list[str]], None],
) -> dict[str, MountedSecrets]:
    """Return the mounted Secret of each Connection, by name. `hide` is told of confidential ones.

    A manifest says which keys may be named, e.g. a user name.
    """
    found: dict[str, MountedSecrets] = {}
    for connection in document.connections:
        manifest = catalog.get(connection.spec.connector)
        public = {k.key for k in manifest.credentials if not k.confidential} if manifest else set()

        def learned(key: str, value: str, public: set[str] = public) -> None:
            if key not in public:
                hide([value])

        found[connection.name] = MountedSecrets(
            Path(connection.secret_dir) if connection.secret_dir else None,
            connection=connection.name,
            clock=clock,
            learned=learned,
        )
    return found
