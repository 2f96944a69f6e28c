"""Adopting what an older integration made: found by business values before anything is created.

Why: a shop that is connected anew must not make a second document of every order its former
integration brought in. One candidate is adopted and brought up to date; of several nobody but a
person can tell which is meant.
Must not: call a remote, or choose among candidates.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import structs

from knect.engine.delivering.job import Job
from knect.ledger import Ledger
from knect.ledger.owners import owners_of
from knect.model import Record, to_scope
from knect.sdk.contract import Effect, Found, Operation
from knect.sdk.errors import WaitForPerson

__all__ = [
    "adopt",
    "ambiguous",
    "is_adoption",
    "is_matched_first",
    "made_by_others",
    "nobody_elses",
    "not_owned",
    "values_to_match",
]


def values_to_match(record: Record, paths: Sequence[str]) -> dict[str, Any]:
    """Return the record's values at `destination.match`; none at all if one of them is missing.

    Fewer values than were declared would match what was not meant.
    """
    if not paths:
        return {}
    scope = to_scope(record)
    found = {path: _value(scope, path) for path in paths}
    return {} if any(value in (None, "") for value in found.values()) else found


def is_matched_first(job: Job) -> bool:
    """Tell whether candidates are to be looked for before the next effect is sent."""
    effect = job.effect
    return effect is not None and bool(effect.match) and effect.operation is Operation.CREATE


def is_adoption(effect: Effect) -> bool:
    """Tell whether an effect was turned into an update of what was there already."""
    return bool(effect.match) and effect.operation is Operation.UPDATE


async def nobody_elses(
    ledger: Ledger, where: str, found: Sequence[tuple[Job, Sequence[Found]]]
) -> list[tuple[Job, list[Found]]]:
    """Leave out candidates that another record is bound to.

    The job has its key by now, so no other record can be adopting the same document.
    """
    pairs = [(job.effect, candidates) for job, candidates in found if job.effect is not None]
    free = await not_owned(ledger, where, pairs)
    return [(job, left) for (job, _), left in zip(found, free, strict=True)]


async def not_owned(
    ledger: Ledger, where: str, found: Sequence[tuple[Effect, Sequence[Found]]]
) -> list[list[Found]]:
    """Return, per effect, the candidates that no other record is bound to.

    Not every destination lets our external id be put on a document it did not make for us.
    """
    names = {(effect.entity, one.destination_id) for effect, there in found for one in there}
    owners = await ledger.read(lambda c: owners_of(c, where, names)) if names else {}
    return [
        [
            one
            for one in there
            if not owners.get((effect.entity, one.destination_id), set()) - {effect.external_id}
        ]
        for effect, there in found
    ]


def adopt(job: Job, candidates: Sequence[Found], *, where: str) -> WaitForPerson | None:
    """Turn the job's next effect into an update of the one candidate; return why it cannot be."""
    effect = job.effect
    assert effect is not None
    if len(candidates) == 1:
        target = candidates[0].destination_id
        job.write_instead(structs.replace(effect, operation=Operation.UPDATE, target=target))
    return ambiguous(effect, candidates, where=where)


def ambiguous(effect: Effect, candidates: Sequence[Found], *, where: str) -> WaitForPerson | None:
    """Return why nobody can tell which of several candidates is meant, if there are several."""
    if len(candidates) <= 1:
        return None
    names = ", ".join(sorted(found.number or found.destination_id for found in candidates))
    path, value = next(iter(effect.match.items()))
    return WaitForPerson(
        f"{where} has {len(candidates)} documents with {_by(effect)}: {names}; nobody but a person"
        " can tell which one is meant: change the others there, then retry",
        code="AmbiguousMatch",
        path=path,
        value=value,
    )


def made_by_others(
    effect: Effect, candidates: Sequence[Found], *, where: str
) -> WaitForPerson | None:
    """Return what a person is told of documents that live at the destination, and are not ours, of
    an order that was cancelled before it got there.
    """
    alive = sorted(one.number or one.destination_id for one in candidates if not one.ended)
    if not alive:
        return None
    path, value = next(iter(effect.match.items()))
    return WaitForPerson(
        f"it was cancelled or emptied before Knect wrote it, but {where} has {', '.join(alive)}"
        f" with {_by(effect)}, which somebody else made: cancel it there by hand, then skip this"
        " one",
        code="ChangedAtDestination",
        path=path,
        value=value,
    )


def _by(effect: Effect) -> str:
    return " and ".join(f"{name} {shown!r}" for name, shown in effect.match.items())


def _value(scope: Mapping[str, Any], path: str) -> Any:
    value: Any = scope
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
