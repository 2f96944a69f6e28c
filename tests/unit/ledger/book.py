"""A ledger with rows in it, made through the same functions the engine uses."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from sqlalchemy import select
from tests.support.ledgers import laid

from knect.ledger import Ledger, open_ledger
from knect.ledger import schema as s
from knect.ledger.bindings import BindingWrite
from knect.ledger.claims import Claimed, claim
from knect.ledger.effects import EffectWrite
from knect.ledger.exchange_log import ExchangeRow, store_exchanges
from knect.ledger.feeds import Feed, FeedKey, ensure_feed, subscribe
from knect.ledger.outcomes import Transition, settle, write_ahead
from knect.ledger.payload import content_hash, pack
from knect.ledger.questions.queries import Equation, equations
from knect.ledger.revisions import ensure_revision
from knect.ledger.sightings import Sighting, latest_versions, record_page
from knect.ledger.windows import WindowStart, open_window
from knect.seams import new_id

SECOND = 1_000_000
DAY = 86_400 * SECOND
#: 2026-11-01T12:00:00Z
NOON = 1_793_534_400 * SECOND


class Book:
    """`async with Book(path) as book:`; `book.now` moves by hand."""

    def __init__(self, path: Path, *pipelines: str, entity: str = "orders") -> None:
        self.path = path
        self.entity = entity
        self.pipelines = pipelines or ("orders",)
        self.now = NOON
        self.ledger: Ledger
        self.feed: Feed

    async def __aenter__(self) -> Self:
        self.ledger = await open_ledger(laid(self.path))
        key = FeedKey("shop", self.entity)
        self.feed = await self.ledger.write(
            lambda c: ensure_feed(c, key, start_us=0, now_us=self.now)
        )
        for pipeline in self.pipelines:
            await self._subscribe(pipeline)
        return self

    async def _subscribe(self, pipeline: str) -> None:
        def unit(c: Any) -> None:
            subscribe(c, pipeline=pipeline, feed=self.feed.seq, start_us=0, destination="erp")
            ensure_revision(c, pipeline=pipeline, body="{}", now_us=self.now)

        await self.ledger.write(unit)

    async def __aexit__(self, *_: object) -> None:
        await self.ledger.close()

    async def see(
        self,
        *ids: str,
        token: str = "1",
        keys: Sequence[tuple[str, str]] = (),
        size: int = 1,
        shown_to: Sequence[str] | None = None,
        **known_as: bool,
    ) -> int:
        """Record a window that listed these ids; return how many were new versions. What is
        `known_as` stale, or an echo, says nothing of its record; or it is known as deleted.
        """
        start = WindowStart(
            feed=self.feed.seq, kind="poll", trace_id=new_id(), since_us=0, until_us=self.now,
            now_us=self.now,
        )  # fmt: skip

        def unit(c: Any) -> int:
            known = latest_versions(c, self.feed.seq, ids)
            new = []
            for one in ids:
                body = f'{{"id": "{one}", "token": "{token}"}}'.encode() * size
                digest = content_hash(body)
                before = known.get(one)
                if before is not None and (before.token, before.hash) == (token, digest):
                    continue
                new.append(
                    Sighting(
                        source_id=one, label=one, token=token, hash=digest, at_us=self.now,
                        payload=body, keys=[("id", one), *keys], **{"deleted": False, **known_as},
                    )
                )  # fmt: skip
            window = open_window(c, start)
            payloads = pack({x.hash: x.payload for x in new if x.payload is not None})
            return record_page(
                c, feed=self.feed, window=window, sightings=new, payloads=payloads, listed=len(ids),
                pipelines=self.pipelines if shown_to is None else shown_to, progress_us=self.now, now_us=self.now, new_id=new_id,
            ).recorded  # fmt: skip

        return await self.ledger.write(unit)

    async def called(
        self, connection: str, *, seconds_ago: float, took_ms: float = 5.0, status: int | None = 200,
        error: str | None = None,
    ) -> None:  # fmt: skip
        """Note a remote call that ended so."""
        row = ExchangeRow(
            trace_id="c" * 32, span_id=new_id(), connection=connection, window=None, method="POST",
            template="/orders", host=connection, started_us=self.now - int(seconds_ago * SECOND),
            duration_ms=took_ms, status=status, error=error,
            could_have_been_seen=status is not None, request_bytes=1, response_bytes=1,
        )  # fmt: skip
        await self.ledger.write(lambda c: store_exchanges(c, [row], []))

    async def claim(self, holder: str = "w#1", pipeline: str = "orders") -> list[Claimed]:
        return await self.ledger.write(
            lambda c: claim(
                c, pipeline=pipeline, holder=holder, calls="c" * 32, now_us=self.now,
                lease_us=60 * SECOND, limit=1000,
            )
        )  # fmt: skip

    async def work(self, fate: str, pipeline: str = "orders", **changes: Any) -> list[Claimed]:
        """Give everything that is due this fate, as a worker does."""
        rows = await self.claim(pipeline=pipeline)
        await self.end(rows, fate, **changes)
        return rows

    async def end(self, rows: Sequence[Claimed], fate: str, **changes: Any) -> set[int]:
        transitions = [
            Transition(
                **{
                    "seq": row.seq, "fence": row.fence, "fate": fate, "stage": "delivered",
                    "attempt": 1, "since_us": self.now, "timeline": row.timeline,
                    "document": content_hash(f'{{"document": "{row.source_id}"}}'.encode()),
                    **({"destination_id": f"D{row.source_id}"} if fate == "delivered" else {}),
                    **changes,
                }
            )
            for row in rows
        ]  # fmt: skip
        bodies = [f'{{"document": "{row.source_id}"}}'.encode() for row in rows]
        documents = pack({content_hash(x): x for x in bodies})
        bindings = [self._binding(row) for row in rows if fate == "delivered"]
        effects = [
            self._effect(row, state="done", ended_us=self.now, destination_id=f"D{row.source_id}")
            for row in rows
            if fate == "delivered"
        ]
        return await self.ledger.write(
            lambda c: settle(
                c, fences={x.seq: x.fence for x in rows}, ids={x.seq: x.id for x in rows},
                transitions=transitions, documents=documents, bindings=bindings, effects=effects,
                now_us=self.now,
            )
        )  # fmt: skip

    async def ahead(self, row: Claimed) -> None:
        """Write ahead what is about to be sent."""
        await self.ledger.write(
            lambda c: write_ahead(
                c, fences={row.seq: row.fence}, ids={row.seq: row.id},
                effects=[self._effect(row, state="ahead")], now_us=self.now, arrives_us=0,
            )
        )  # fmt: skip

    def _binding(self, row: Claimed) -> BindingWrite:
        return BindingWrite(
            destination="erp", entity=self.entity, external_id=f"shop:{row.source_id}",
            destination_id=f"D{row.source_id}", number=f"SO-{row.source_id}", source="shop",
            source_id=row.source_id, token=None, hash=None, applied=row.token,
            transaction=row.seq, updated_us=self.now,
        )  # fmt: skip

    def _effect(self, row: Claimed, **came_of_it: Any) -> EffectWrite:
        return EffectWrite(
            transaction=row.seq, position=0, name="document", write="create", entity=self.entity,
            key=f"erp/{self.entity}/shop:{row.source_id}", external_id=f"shop:{row.source_id}",
            ahead_us=self.now, **came_of_it,
        )  # fmt: skip

    async def rows(self, table: Any = s.transactions) -> list[Any]:
        query = select(table).order_by(*table.primary_key.columns)
        return await self.ledger.read(lambda c: list(c.execute(query)))

    async def fates(self) -> dict[str, str]:
        return {row.source_id: row.fate for row in await self.rows()}

    async def sum(self, pipeline: str = "orders") -> Equation:
        (one,) = await self.ledger.read(lambda c: equations(c, pipeline))
        return one
