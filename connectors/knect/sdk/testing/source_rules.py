"""Rules every source keeps: nothing lost, nothing doubled, in order, whatever happens meanwhile.

Must not: know a connector; what a rule needs is done through the bench.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from knect.api.manifest import EntityManifest
from knect.model import RECORD_TYPES, check_record, decode_json, encode_json, to_scope
from knect.sdk.contract import Change, Source, Window
from knect.sdk.testing.bench import Bench

__all__ = [
    "backfill_reads_the_same",
    "deletions_are_told",
    "equal_times_lose_nothing",
    "fetch_by_id",
    "half_open_windows",
    "mutation_while_paging",
    "paging_at_every_boundary",
    "records_are_canonical",
    "server_time_is_the_servers",
    "snapshots_are_whole",
]

PAGE = 5
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def _source(bench: Bench) -> Source:
    assert bench.connector.source is not None, "the manifest reads, but there is no source"
    return bench.connector.source


async def read(
    bench: Bench, entity: str, since: datetime, until: datetime, size: int = PAGE
) -> list[list[Change]]:
    """Return the pages of a window."""
    window = Window(since=since, until=until, page_size=size)
    return [list(page.changes) async for page in _source(bench).read(entity, window)]


def flat(pages: Sequence[Sequence[Change]]) -> list[Change]:
    """Return all changes of all pages."""
    return [change for page in pages for change in page]


def _check(changes: Sequence[Change], ids: Sequence[str]) -> None:
    found = [change.id for change in changes]
    assert len(found) == len(set(found)), "a record came twice"
    lost, foreign = set(ids) - set(found), set(found) - set(ids)
    assert not lost, f"lost {lost}"
    assert not foreign, f"not asked for: {foreign}"
    order = [(change.at, change.id) for change in changes]
    assert order == sorted(order), "changes are not in (time, id) order"


async def paging_at_every_boundary(bench: Bench, entity: str, _: EntityManifest) -> None:
    """0, 1, a page, a page and one, three pages, three pages and one."""
    ids: list[str] = []
    for count in (0, 1, PAGE, PAGE + 1, 3 * PAGE, 3 * PAGE + 1):
        new = range(len(ids), count)
        ids += await bench.create(entity, [START + SECOND * number for number in new])
        pages = await read(bench, entity, START, START + timedelta(hours=1))
        assert all(0 < len(page) <= PAGE for page in pages), "a page is empty or too long"
        _check(flat(pages), ids)


async def equal_times_lose_nothing(bench: Bench, entity: str, _: EntityManifest) -> None:
    """A group of equal times longer than two pages."""
    ids = await bench.create(entity, [START] * (2 * PAGE + 3))
    _check(flat(await read(bench, entity, START, START + SECOND)), ids)


async def half_open_windows(bench: Bench, entity: str, _: EntityManifest) -> None:
    """The start belongs to a window, its end to the next one."""
    ids = await bench.create(entity, [START + SECOND * number for number in range(6)])
    first = flat(await read(bench, entity, START, START + 3 * SECOND))
    second = flat(await read(bench, entity, START + 3 * SECOND, START + 6 * SECOND))
    _check(first, ids[:3])
    _check(second, ids[3:])


async def mutation_while_paging(bench: Bench, entity: str, _: EntityManifest) -> None:
    """A record that changes while pages are read is in this window or the next, never in none."""
    ids = await bench.create(entity, [START + SECOND * number for number in range(3 * PAGE)])
    source = _source(bench)
    until = await source.server_time()
    window = Window(since=START, until=until, page_size=PAGE)
    seen: list[Change] = []
    async for page in source.read(entity, window):
        if not seen:
            await bench.change(entity, ids[-2])
            await bench.change(entity, ids[0])
        seen += page.changes
    later = flat(await read(bench, entity, until, until + timedelta(hours=1)))
    found = [change.id for change in seen]
    assert len(found) == len(set(found)), "a record came twice in one window"
    assert {*found, *(change.id for change in later)} >= set(ids), "a record is in no window"
    assert {ids[-2], ids[0]} <= {change.id for change in later}, "a change was not seen again"


async def fetch_by_id(bench: Bench, entity: str, _: EntityManifest) -> None:
    """The current state of each id, in the order asked, twice if asked twice."""
    ids = await bench.create(entity, [START + SECOND * number for number in range(4)])
    source = _source(bench)
    asked = [ids[2], ids[0], ids[2]]
    changes = await source.fetch(entity, asked)
    assert [change.id for change in changes] == asked
    assert not any(change.deleted for change in changes)
    window = flat(await read(bench, entity, START, START + 9 * SECOND))
    listed = {change.id: change for change in window}
    assert changes[0] == listed[ids[2]], "fetched and listed are not the same version"
    await bench.change(entity, ids[0])
    (after,) = await source.fetch(entity, [ids[0]])
    assert after.token > changes[1].token, "the version did not move with the change"
    assert await source.fetch(entity, []) == []


async def deletions_are_told(bench: Bench, entity: str, manifest: EntityManifest) -> None:
    """What is gone is a deletion when it is fetched, and no error for the others."""
    del manifest
    ids = await bench.create(entity, [START, START + SECOND])
    await bench.delete(entity, ids[0])
    gone, there = await _source(bench).fetch(entity, ids)
    assert (gone.id, gone.deleted) == (ids[0], True)
    assert (there.id, there.deleted) == (ids[1], False)


async def backfill_reads_the_same(bench: Bench, entity: str, _: EntityManifest) -> None:
    """The bulk road and the page road give equal changes."""
    await bench.create(entity, [START + SECOND * (number // 3) for number in range(13)])
    window = Window(since=START, until=START + timedelta(hours=1), page_size=PAGE)
    bulk = [one async for page in _source(bench).backfill(entity, window) for one in page.changes]
    assert bulk == flat(await read(bench, entity, window.since, window.until))


async def records_are_canonical(bench: Bench, entity: str, _: EntityManifest) -> None:
    """A raw record becomes its canonical type and breaks no invariant; mapping is pure."""
    await bench.create(entity, [START])
    (change,) = flat(await read(bench, entity, START, START + SECOND))
    source = _source(bench)
    record = source.to_record(entity, change.raw)
    assert isinstance(record, RECORD_TYPES[entity])
    assert check_record(record) is None, check_record(record)
    assert source.to_record(entity, change.raw) == record
    # as the ledger has it, where a whole number has no point: it is a decimal all the same
    stored = source.to_record(entity, decode_json(encode_json(change.raw)))
    assert check_record(stored) is None, check_record(stored)
    typed = msgspec.convert(to_scope(stored), type(stored))
    assert repr(stored) == repr(typed), f"{stored!r} has whole numbers where {typed!r} has decimals"


async def server_time_is_the_servers(bench: Bench, entity: str, _: EntityManifest) -> None:
    """What changed before `server_time` is listed below it."""
    (identifier,) = await bench.create(entity, [START])
    await bench.change(entity, identifier)
    now = await _source(bench).server_time()
    assert now.tzinfo is not None, "server_time has no zone"
    found = flat(await read(bench, entity, START + SECOND, now + 2 * SECOND))
    assert [change.id for change in found] == [identifier]


async def snapshots_are_whole(bench: Bench, entity: str, _: EntityManifest) -> None:
    """Whatever the window, everything is listed, in pages; only what changed is not the same."""
    ids = await bench.create(entity, [START] * (2 * PAGE + 1))
    pages = await read(bench, entity, START, START + SECOND)
    assert all(0 < len(page) <= PAGE for page in pages), "a page is empty or too long"
    before = {change.id: change for change in flat(pages)}
    assert set(before) == set(ids)
    assert len(flat(pages)) == len(ids), "a record came twice"
    assert not any(change.token for change in before.values()), "a token without a mark of change"
    await bench.change(entity, ids[3])
    after = {c.id: c for c in flat(await read(bench, entity, START + SECOND, START + 2 * SECOND))}
    assert [one for one in ids if after[one].raw != before[one].raw] == [ids[3]]
    fetched = await _source(bench).fetch(entity, [ids[3], ids[0]])
    assert [(one.id, one.raw) for one in fetched] == [
        (ids[3], after[ids[3]].raw), (ids[0], before[ids[0]].raw)]  # fmt: skip
