"""What a ledger once knew, kept for the judge when retention lets go of it.

Why: a document is still somebody's, and a call was still made for something, long after the ledger has
forgotten both; without this every schedule with retention would look broken, or nothing could.
Must not: be asked by the engine, or keep what a lost ledger took with it.
"""

import sqlite3
from collections.abc import Callable

from msgspec import Struct, field, structs

from knect.history import LedgerDump, dump_of
from knect.history.dump import Effect, Exchange, Life, Transaction, Version, Window

__all__ = ["Memory"]


class Memory(Struct):
    """What is gone, by its name. `given`: what each pipeline was given, version and hash."""

    transactions: dict[str, Transaction] = field(default_factory=dict)
    versions: dict[int, Version] = field(default_factory=dict)
    effects: dict[str, list[Effect]] = field(default_factory=dict)
    exchanges: dict[tuple[str, str], Exchange] = field(default_factory=dict)
    windows: dict[str, Window] = field(default_factory=dict)
    lives: dict[str, Life] = field(default_factory=dict)
    given: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)

    def copied(self) -> "Memory":
        """Return a copy that what goes from now on does not change."""
        return Memory(**{name: dict(kept) for name, kept in structs.asdict(self).items()})

    def keep_what_goes(self, raw: sqlite3.Connection, retire: Callable[[], None]) -> None:
        """Let something retire what it will, and keep what is gone then."""
        before = dump_of(raw)
        given = _given(raw)
        retire()
        after = dump_of(raw)
        there = {one.id for one in after.transactions}
        gone = {one.seq: one for one in before.transactions if one.id not in there}
        self.transactions.update({one.id: one for one in gone.values()})
        for effect in before.effects:
            if effect.transaction in gone:
                self.effects.setdefault(gone[effect.transaction].id, []).append(effect)
        for exchange in before.exchanges:
            self.exchanges.setdefault((exchange.trace_id, exchange.span_id), exchange)
        self.versions.update({one.seq: one for one in before.versions})
        self.windows.update({one.trace_id: one for one in before.windows})
        self.lives.update({one.calls: one for one in before.lives})
        for name, what in given.items():
            self.given[name] = max(what, self.given.get(name, what))

    def made(self, external_id: str) -> bool:
        """Tell whether the ledger once said that this was written."""
        effects = (effect for of_one in self.effects.values() for effect in of_one)
        return any(one.external_id == external_id and one.state == "done" for one in effects)

    def with_it(self, dump: LedgerDump) -> LedgerDump:
        """Return a dump with all that is gone from it."""
        there = {one.id for one in dump.transactions}
        gone = [one for one in self.transactions.values() if one.id not in there]
        effects = [effect for one in gone for effect in self.effects.get(one.id, ())]
        exchanges = {(one.trace_id, one.span_id): one for one in dump.exchanges} | self.exchanges
        versions = self.versions | {one.seq: one for one in dump.versions}
        windows = {one.trace_id: one for one in dump.windows} | self.windows
        lives = {one.calls: one for one in dump.lives} | self.lives
        return structs.replace(
            dump,
            transactions=[*gone, *dump.transactions],
            versions=list(versions.values()),
            effects=[*effects, *dump.effects],
            exchanges=list(exchanges.values()),
            windows=list(windows.values()),
            lives=list(lives.values()),
        )


def _given(raw: sqlite3.Connection) -> dict[tuple[str, str], tuple[int, str]]:
    rows = raw.execute(
        "select t.pipeline, t.source_id, max(v.seq), v.hash from transactions t "
        "join versions v on v.seq = t.version group by t.pipeline, t.source_id"
    )
    return {(pipeline, name): (version, digest) for pipeline, name, version, digest in rows}
