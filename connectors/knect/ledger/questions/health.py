"""What is expected of a pipeline and does not happen; what its last audit found.

Must not: hold expectations of its own; people declare them (`spec.expect`).
"""

from collections.abc import Sequence

from msgspec import Struct, json, structs
from sqlalchemy import Connection, delete, func, insert, literal, select

from knect.ledger import schema as s
from knect.ledger.fates import Fate
from knect.ledger.questions.checks import Finding

__all__ = ["Expectation", "last_findings", "store_findings", "unmet_expectations"]

_DAY_US = 86_400 * 1_000_000


class Expectation(Struct, frozen=True, rename="camel"):
    """`spec.expect`, as the mapping revision keeps it."""

    min_per_day: int | None = None
    max_stuck: int | None = None


class _Body(Struct, frozen=True):
    expect: Expectation | None = None


def unmet_expectations(connection: Connection, now_us: int) -> list[Finding]:
    """Return a finding per expectation of a pipeline's current revision that is not met."""
    m, newest = s.mappings, s.mappings.alias("newest")
    latest = select(func.max(newest.c.revision)).where(newest.c.pipeline == m.c.pipeline)
    found: list[Finding] = []
    rows = connection.execute(
        select(m.c.pipeline, m.c.body, m.c.created_us).where(
            m.c.revision == latest.scalar_subquery()
        )
    )
    for row in rows.all():
        expected = json.decode(row.body, type=_Body).expect
        if expected is None:
            continue
        if expected.min_per_day and row.created_us <= now_us - _DAY_US:
            found += _silence(connection, row.pipeline, expected.min_per_day, now_us)
        if expected.max_stuck is not None:
            found += _stuck(connection, row.pipeline, expected.max_stuck)
    return found


def _silence(connection: Connection, pipeline: str, least: int, now_us: int) -> list[Finding]:
    seen = connection.execute(
        select(func.sum(s.sightings.c.seen))
        .join(s.windows, s.windows.c.seq == s.sightings.c.window)
        .where(s.sightings.c.pipeline == pipeline, s.windows.c.opened_us >= now_us - _DAY_US)
    ).scalar()
    if (seen or 0) >= least:
        return []
    sentence = f"{pipeline} saw {seen or 0} records in 24 hours; at least {least} are expected"
    return [Finding(kind="SuspiciousSilence", pipeline=pipeline, key="", sentence=sentence)]


def _stuck(connection: Connection, pipeline: str, most: int) -> list[Finding]:
    t = s.transactions
    count = connection.execute(
        select(func.count()).where(
            t.c.pipeline == pipeline,
            t.c.fate.in_((Fate.WAITING, Fate.UNKNOWN, Fate.REJECTED)),
            t.c.reason != "AdmitWait",
        )
    ).scalar()
    if (count or 0) <= most:
        return []
    sentence = f"{pipeline} has {count} stopped transactions; {most} are declared as the most"
    return [Finding(kind="StuckBeyondLimit", pipeline=pipeline, key="", sentence=sentence)]


def store_findings(
    connection: Connection, pipelines: Sequence[str], findings: Sequence[Finding], now_us: int
) -> None:
    """Replace what the last audit of these pipelines found."""
    f = s.findings
    connection.execute(delete(f).where(f.c.pipeline.in_(pipelines)))
    if findings:
        connection.execute(
            insert(f), [{**structs.asdict(finding), "found_us": now_us} for finding in findings]
        )


def last_findings(
    connection: Connection, pipeline: str | None = None, *, limit: int | None = None
) -> tuple[list[Finding], int]:
    """Return what the last audits found, and how much that is.

    An audit notes a feed's findings under the names of all its pipelines.
    """
    f = s.findings
    query = select(*(f.c[name] for name in Finding.__struct_fields__))
    if pipeline is not None:
        padded = literal(" ") + f.c.pipeline + literal(" ")
        query = query.where(padded.contains(f" {pipeline} ", autoescape=True))
    count = connection.execute(select(func.count()).select_from(query.subquery())).scalar()
    rows = connection.execute(query.order_by(f.c.seq).limit(limit))
    return [Finding(**row) for row in rows.mappings()], count or 0
