"""The open ledgers of the namespaces that are asked for.

Why: opening one costs a connection to a database, and a cluster has many namespaces; so the ones
in use stay open, few, and go when idle. A changed or vanished Secret is noticed within seconds.
Must not: give a ledger to a namespace it does not belong to, or let a DSN into a sentence.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from knect.gateway.refusal import Refusal
from knect.ledger import Ledger, LedgerError, open_ledger
from knect.ledger.facts import OWNER, known_fact
from knect.ledger.store.dsn import parse_dsn
from knect.ledger.store.errors import LedgerMisnamed
from knect.sdk.secret import Secret
from knect.seams import Clock

__all__ = ["Shelf"]

#: So many ledgers are open at most, if no more are in use at once.
_MOST = 32
#: Seconds after which an idle one is closed, and after which its Secret is looked at again.
_IDLE, _FRESH = 120.0, 3.0

DsnOf = Callable[[str], Awaitable[Secret | None]]


class _Open:
    """A ledger that is open for reading, and how many use it."""

    def __init__(self, ledger: Ledger, dsn: Secret) -> None:
        self.ledger = ledger
        self.dsn = dsn
        self.users = 0
        self.used = 0.0
        self.looked = 0.0
        self.gone = False


class Shelf:
    """Opens, keeps and closes ledgers, one per namespace."""

    def __init__(self, dsn_of: DsnOf, clock: Clock, *, most: int = _MOST) -> None:
        self._dsn_of = dsn_of
        self._clock = clock
        self._most = most
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._doors: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._open)

    @asynccontextmanager
    async def reading(self, namespace: str) -> AsyncIterator[Ledger]:
        """Lend a namespace's ledger, for reading. Raises Refusal."""
        entry = await self._lend(namespace)
        try:
            with _told(entry.dsn, namespace):
                yield entry.ledger
        finally:
            await self._give_back(entry)

    @asynccontextmanager
    async def writing(self, namespace: str) -> AsyncIterator[Ledger]:
        """Open a namespace's ledger, for one wish. Raises Refusal."""
        entry = await self._lend(namespace)
        await self._give_back(entry)
        with _told(entry.dsn, namespace):
            book = await open_ledger(
                entry.dsn.reveal(), namespace=namespace, patience=0, clock=self._clock
            )
            try:
                yield book
            finally:
                await book.close()

    async def tidy(self) -> None:
        """Close what nobody has used for a while."""
        since = self._clock.monotonic() - _IDLE
        for name, entry in list(self._open.items()):
            if not entry.users and entry.used < since:
                await self._remove(name)

    async def close(self) -> None:
        """Close everything."""
        for name in list(self._open):
            await self._remove(name)

    # ------------------------------------------------------------ one at a time

    async def _lend(self, namespace: str) -> _Open:
        door = self._doors.setdefault(namespace, asyncio.Lock())
        async with door:
            entry = self._open.get(namespace)
            if entry is None:
                entry = await self._opened(namespace, await self._dsn(namespace))
            else:
                entry.users += 1
                if self._clock.monotonic() - entry.looked >= _FRESH:
                    entry = await self._looked_at_again(namespace, entry)
            self._open.move_to_end(namespace)
        await self._make_room()
        return entry

    async def _give_back(self, entry: _Open) -> None:
        entry.users -= 1
        entry.used = self._clock.monotonic()
        if entry.gone and not entry.users:
            await entry.ledger.close()

    async def _opened(self, namespace: str, dsn: Secret) -> _Open:
        with _told(dsn, namespace):
            book = await open_ledger(
                dsn.reveal(), write=False, namespace=namespace, clock=self._clock
            )
            entry = _Open(book, dsn)
            try:
                await self._check_owner(namespace, entry)
            except BaseException:
                await book.close()
                raise
        entry.users = 1
        self._open[namespace] = entry
        return entry

    async def _looked_at_again(self, namespace: str, entry: _Open) -> _Open:
        try:
            dsn = await self._dsn(namespace)
            if dsn == entry.dsn:
                with _told(dsn, namespace):
                    await self._check_owner(namespace, entry)
                return entry
        except BaseException:
            self._forget(namespace)
            await self._give_back(entry)
            raise
        self._forget(namespace)
        await self._give_back(entry)
        return await self._opened(namespace, dsn)

    async def _dsn(self, namespace: str) -> Secret:
        dsn = await self._dsn_of(namespace)
        if dsn is None:
            raise Refusal(
                404,
                f"namespace {namespace} has no ledger that knect api serves: no Secret "
                "knect-ledger with the key dsn",
            )
        return dsn

    async def _check_owner(self, namespace: str, entry: _Open) -> None:
        if await entry.ledger.read(lambda c: known_fact(c, OWNER)) != namespace:
            raise _unusable(namespace)
        entry.looked = self._clock.monotonic()

    async def _make_room(self) -> None:
        for name, entry in list(self._open.items()):
            if len(self._open) <= self._most:
                return
            if not entry.users:
                await self._remove(name)

    def _forget(self, namespace: str) -> None:
        entry = self._open.pop(namespace, None)
        if entry is not None:
            entry.gone = True

    async def _remove(self, namespace: str) -> None:
        entry = self._open.get(namespace)
        self._forget(namespace)
        if entry is not None and not entry.users:
            await entry.ledger.close()


class _told:  # noqa: N801 - reads as a word of the `with` statement
    """Turns trouble with a ledger into a refusal that names the namespace and no database."""

    def __init__(self, dsn: Secret, namespace: str) -> None:
        self._dsn = dsn
        self._namespace = namespace

    def __enter__(self) -> None:
        return

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, LedgerMisnamed):
            raise _unusable(self._namespace) from None
        if isinstance(error, LedgerError):
            where = parse_dsn(self._dsn.reveal()).name
            sentence = str(error).replace(where, f"the ledger of namespace {self._namespace}")
            raise Refusal(503, sentence) from None


def _unusable(namespace: str) -> Refusal:
    return Refusal(
        503,
        f"the Secret knect-ledger of namespace {namespace} names no ledger of this namespace; "
        "the conditions of its pipelines say what is wrong (kubectl get pipe)",
    )
