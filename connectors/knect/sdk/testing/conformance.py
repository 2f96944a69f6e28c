"""The rules every connector keeps, and running them.

A connector's manifest says per rule: done, todo, or exempt and why. `done` is proven here, on the
connector's bench; a rule that does not apply (no webhooks, nothing written) says so by itself.
Must not: import a connector; the caller hands over the bench.
"""

from collections.abc import Awaitable, Callable, Mapping

from msgspec import Struct

from knect.api.manifest import CursorSemantics, EntityManifest, Exempt, Manifest
from knect.sdk.testing import source_rules, trouble_rules
from knect.sdk.testing.bench import Bench

__all__ = ["RULES", "Rule", "applies", "run_rule", "standing"]

_EntityRule = Callable[[Bench, str, EntityManifest], Awaitable[None]]
_Needs = Callable[[EntityManifest], bool]


def _is_snapshot(entity: EntityManifest) -> bool:
    """Tell whether everything is listed each time, because the source keeps no mark of change."""
    cursor = entity.cursor
    is_one = cursor is not None and cursor.semantics is CursorSemantics.SNAPSHOT
    return entity.read and is_one


def _is_dated(entity: EntityManifest) -> bool:
    return entity.read and not _is_snapshot(entity)


class Rule(Struct, frozen=True, kw_only=True):
    """One rule: tried per entity that `needs` admits, or (`whole`) once per connector.

    `once`: it is the same whatever the entity, so one of them is enough.
    """

    check: _EntityRule | None = None
    whole: Callable[[Bench, Manifest], Awaitable[None]] | None = None
    needs: _Needs = lambda entity: entity.read
    once: bool = False


#: Every rule by the name manifests use, in the order of the matrix.
RULES: Mapping[str, Rule] = {
    "paging": Rule(check=source_rules.paging_at_every_boundary, needs=_is_dated),
    "equal-timestamps": Rule(check=source_rules.equal_times_lose_nothing, needs=_is_dated),
    "half-open-windows": Rule(check=source_rules.half_open_windows, needs=_is_dated),
    "mutation-while-paging": Rule(check=source_rules.mutation_while_paging, needs=_is_dated),
    "fetch-by-id": Rule(check=source_rules.fetch_by_id, needs=_is_dated),
    "snapshots": Rule(check=source_rules.snapshots_are_whole, needs=_is_snapshot),
    "deletions": Rule(
        check=source_rules.deletions_are_told, needs=lambda entity: entity.read and entity.deletes
    ),
    "backfill": Rule(
        check=source_rules.backfill_reads_the_same,
        needs=lambda entity: entity.read and entity.backfill,
    ),
    "canonical-records": Rule(check=source_rules.records_are_canonical),
    "server-time": Rule(check=source_rules.server_time_is_the_servers, needs=_is_dated),
    "error-classes": Rule(check=trouble_rules.errors_are_classified, once=True),
    "credentials": Rule(check=trouble_rules.credentials_refused_wait_for_a_person, once=True),
    "webhook-verification": Rule(
        check=trouble_rules.webhooks_are_verified, needs=lambda entity: entity.webhook
    ),
    "write-once": Rule(whole=trouble_rules.writes_are_made_once),
    "presence": Rule(whole=trouble_rules.what_was_written_is_there),
}


def standing(manifest: Manifest, rule: str) -> str:
    """Return what the manifest says of a rule: done, todo, `exempt: why`, or unlisted."""
    said = manifest.quality.get(rule)
    if isinstance(said, Exempt):
        return f"exempt: {said.exempt}"
    return said or "unlisted"


def applies(manifest: Manifest, name: str) -> bool:
    """Tell whether there is anything to try: an entity the rule is about, or a write."""
    rule = RULES[name]
    if rule.whole is not None:
        return bool(manifest.writes)
    return any(map(rule.needs, manifest.entities.values()))


async def run_rule(name: str, bench: Bench, manifest: Manifest, entity: str | None) -> None:
    """Try one rule on a fresh bench. Raises AssertionError with the sentence of what is broken."""
    rule = RULES[name]
    if rule.whole is not None:
        await rule.whole(bench, manifest)
    elif rule.check is not None and entity is not None:
        await rule.check(bench, entity, manifest.entities[entity])
