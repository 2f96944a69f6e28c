"""Planning and sending as the engine does, for the tests of what is written."""

from collections.abc import Mapping, Sequence
from typing import Any

from knect.model import Record
from knect.sdk.contract import Call, Delivery, Destination, Effect, Outcome
from knect.sdk.errors import ConnectorError
from knect_connectors.bigcommerce.tests.conftest import AtWork


def destination_of(acme: AtWork) -> Destination:
    assert acme.connector.destination is not None
    return acme.connector.destination


async def answers(acme: AtWork, entity: str, record: Record) -> Mapping[tuple[str, str], Any]:
    destination = destination_of(acme)
    return await destination.resolve(destination.references(entity, record))


async def plan(
    acme: AtWork,
    entity: str,
    record: Record,
    *,
    bound: str | None = None,
    settings: Mapping[str, Any] | None = None,
    document: Mapping[str, Any] | None = None,
    previous: Mapping[str, Any] | None = None,
    **more: Any,
) -> Sequence[Effect]:
    """Return the effects; an order that is asked for is the one of that id."""
    destination = destination_of(acme)
    found = dict(await answers(acme, entity, record))
    for answer in found.values():
        if isinstance(answer, ConnectorError):
            raise answer
    found |= {
        (one.kind, one.value): one.value
        for one in destination.references(entity, record)
        if one.kind == "orders"
    }
    told = {**destination.to_document(entity, record, settings or {}), **(document or {})}
    return destination.plan(
        Delivery(
            entity=entity, external_id=f"erp:{record.source_id}", document=told, record=record,
            bound=bound, resolved=found, settings=settings or {}, previous=previous, **more,
        )
    )  # fmt: skip


def call_of(effect: Effect, given: Mapping[str, str] | None = None) -> Call:
    return Call(effect=effect, given=given or {}, idempotency_key=f"{effect.external_id}-key")


async def send(acme: AtWork, effects: Sequence[Effect]) -> list[Outcome]:
    """Send effect by effect, each with what the ones before were found as."""
    given: dict[str, str] = {}
    outcomes: list[Outcome] = []
    for effect in effects:
        (outcome,) = await destination_of(acme).write([call_of(effect, given)])
        outcomes.append(outcome)
        if outcome.found is not None:
            given[effect.name] = outcome.found.destination_id
    return outcomes


async def write(acme: AtWork, entity: str, record: Record, **more: Any) -> list[Outcome]:
    return await send(acme, await plan(acme, entity, record, **more))


async def error_of(acme: AtWork, entity: str, record: Record, **more: Any) -> ConnectorError:
    """Return what is in the way of a record, wherever it is met."""
    try:
        outcomes = await write(acme, entity, record, **more)
    except ConnectorError as error:
        return error
    error_there = outcomes[-1].error
    assert error_there is not None
    return error_there
