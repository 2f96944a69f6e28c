"""Writing to any JSON API, as its Connection declares it.

A record is one write. Which promise it keeps follows from `write.once`; the manifest has a write
of each kind, so that the engine knows what a lost answer means.
Must not: send what the pipeline did not map, or read a missing answer as a success.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import structs

from knect.model import Record, encode_json, to_scope
from knect.sdk.contract import (
    Call,
    Delivered,
    Delivery,
    Effect,
    Found,
    Operation,
    Outcome,
    Reference,
    Removal,
)
from knect.sdk.errors import (
    BadRecord,
    ConnectorError,
    Fatal,
    Refused,
    RetryLater,
    UnexpectedAnswer,
)
from knect.sdk.http import Response
from knect_connectors.rest.api import Api
from knect_connectors.rest.config import Batch, Config, Endpoint, Write
from knect_connectors.rest.finding import Finding
from knect_connectors.rest.paths import MISSING, compile_path, fill, placeholders, put
from knect_connectors.rest.refusals import DuplicateError, error_object, is_error_object
from knect_connectors.rest.results import paired, reader_of, text_at

__all__ = ["RestDestination"]

_WRITES = {
    "UniqueKey": "unique",
    "NativeKey": "keyed",
    "Repeatable": "repeatable",
    "None": "unsure",
}
_ACTS = {"Cancel": "cancel", "Archive": "archive", "Delete": "delete"}


class RestDestination:
    """The writing side."""

    def __init__(self, api: Api, config: Config) -> None:
        self._api = api
        self._config = config
        self._slots = asyncio.Semaphore(config.parallel_calls)
        self._finding = Finding(api, config, self._slots)

    def to_document(
        self, entity: str, record: Record, settings: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the record in Knect's own names, or nothing where the mapping says it all."""
        del settings
        return {} if self._write(entity).document == "Mapped" else to_scope(record)

    def references(self, entity: str, record: Record) -> Sequence[Reference]:
        """Return none: what an API does not know, it says when it is written."""
        del entity, record
        return ()

    async def resolve(self, references: Sequence[Reference]) -> Mapping[tuple[str, str], str]:
        """Return nothing; nothing is asked for."""
        del references
        return {}

    async def problem_of(self, entity: str) -> str | None:
        """Return what is wrong with how an entity is looked for; None where nothing is."""
        return await self._finding.problem_of(entity)

    def plan(self, delivery: Delivery) -> Sequence[Effect]:
        """Return one write: create, or update of what is bound."""
        write = self._write(delivery.entity)
        body = dict(delivery.document)
        if write.external_id is not None:
            put(body, write.external_id, delivery.external_id)
        if delivery.bound is not None and _updating(write) is None:
            raise Fatal(
                f"{delivery.entity} that were delivered cannot be changed: the Connection declares"
                " no write.update; add it, or set destination.write to Create",
                path=f"config.entities.{delivery.entity}.write.update",
            )
        return (
            Effect(
                name="record",
                write=_write_name(write),
                entity=delivery.entity,
                operation=Operation.UPDATE if delivery.bound else Operation.CREATE,
                key=delivery.external_id,
                external_id=delivery.external_id,
                body=body,
                target=delivery.bound,
                primary=True,
            ),
        )

    def plan_removal(self, removal: Removal) -> Sequence[Effect]:
        """Return the declared request for a deletion at the source."""
        act = _ACTS[removal.how]
        if getattr(self._write(removal.entity), act) is None:
            raise Fatal(
                f"the Connection does not say how to {removal.how} {removal.entity}; add"
                f" write.{act}, or set destination.onSourceDelete to Ignore",
                path=f"config.entities.{removal.entity}.write.{act}",
            )
        return (
            Effect(
                name=act,
                write="unique",  # done twice, it is done
                entity=removal.entity,
                operation=Operation.ACT,
                key=removal.external_id,
                external_id=removal.external_id,
                body={"act": act},
                target=removal.bound,
                primary=True,
            ),
        )

    async def candidates(self, calls: Sequence[Call]) -> Sequence[Sequence[Found]]:
        """Return none: the manifest names nothing to match by."""
        return [[] for _ in calls]

    async def lookup(self, calls: Sequence[Call]) -> Sequence[Found | None]:
        """Find what creates have made, by our external id."""
        if not any(map(self._finding.is_asked, calls)):
            return []
        return await asyncio.gather(*(self._finding.of(call) for call in calls))

    async def present(self, documents: Sequence[Delivered]) -> Sequence[bool | None]:
        """Tell which records are still there, where the Connection declares a look-up."""
        return await asyncio.gather(*(self._finding.is_there(one) for one in documents))

    async def write(self, calls: Sequence[Call]) -> Sequence[Outcome]:
        """Send creates in batches where the API takes them, everything else one by one."""
        if not calls:
            return []
        batch = self._write(calls[0].effect.entity).batch
        creates = [call for call in calls if call.effect.operation is Operation.CREATE]
        if batch is not None and len(creates) == len(calls) <= batch.size:
            return await self._in_batch(creates, batch)
        outcomes: dict[int, Outcome] = {}
        if batch is not None:
            for start in range(0, len(creates), batch.size):
                part = creates[start : start + batch.size]
                made = await self._in_part(part, batch)
                outcomes.update((id(call), one) for call, one in zip(part, made, strict=True))
        rest = [call for call in calls if id(call) not in outcomes]
        if rest:
            done = await asyncio.gather(*(self._alone(call) for call in rest))
            outcomes.update((id(call), one) for call, one in zip(rest, done, strict=True))
        return [outcomes[id(call)] for call in calls]

    # ------------------------------------------------------------ requests

    async def _in_part(self, calls: Sequence[Call], batch: Batch) -> Sequence[Outcome]:
        """Send a batch beside others: what is wrong with it says nothing of those that were sent.

        Refused as a whole it is halved here.
        """
        try:
            return await self._in_batch(calls, batch)
        except Refused as error:
            if len(calls) == 1:
                return [await self._refused(calls[0], error)]
            middle = len(calls) // 2
            first = await self._in_part(calls[:middle], batch)
            return [*first, *await self._in_part(calls[middle:], batch)]
        except ConnectorError as error:
            return [Outcome(error=error) for _ in calls]

    async def _in_batch(self, calls: Sequence[Call], batch: Batch) -> Sequence[Outcome]:
        """Send one batch; raises what it was refused for as a whole."""
        write = self._write(calls[0].effect.entity)
        find, name = reader_of(write), f"{batch.method} {batch.path}"
        bodies = [call.effect.body for call in calls]
        try:
            response = await self._api.call(
                batch.method,
                batch.path,
                template=batch.path,
                json={batch.wrap: bodies} if batch.wrap else bodies,
            )
        except DuplicateError as error:
            if len(calls) > 1:
                raise
            return [await self._refused(calls[0], error)]
        if batch.results is None:
            if is_error_object(response.data):
                raise error_object(self._api.host, name, response, "success")
            return [Outcome(found=find(None, call)) for call in calls]
        results = compile_path(batch.results)(response.data)
        if not isinstance(results, list) or len(results) != len(calls):
            raise error_object(
                self._api.host,
                name,
                response,
                f"list of {len(calls)} results at {batch.results or 'the top'}",
            )
        pairs = paired(results, [call.effect.external_id for call in calls], write)
        if pairs is None:
            raise UnexpectedAnswer(
                f"{self._api.host}: {name} was answered with {response.status}, but its results are"
                " of other records than were sent",
                path=batch.results or None,
            )
        outcomes = []
        for result, call in zip(pairs, calls, strict=True):
            refusal = self._refusal(name, batch, response, result)
            if refusal is not None:
                outcomes.append(await self._refused(call, refusal))
            elif (found := find(result, call)) is not None and _says_done(write, result):
                outcomes.append(Outcome(found=found))
            else:
                one = structs.replace(response, body=encode_json(result), data=result)
                wrong = error_object(self._api.host, name, one, write.id or "success")
                outcomes.append(Outcome(error=wrong))
        return outcomes

    def _refusal(
        self, name: str, batch: Batch, response: Response, result: Any
    ) -> ConnectorError | None:
        """Return what one result of a batch says against its record."""
        error = self._api.refusals.of(name, response.status, result)
        if error is None and batch.error is not None:
            said = compile_path(batch.error)(result)
            if said is not MISSING and said:  # an empty list of errors is none
                error = Refused(f"{self._api.host}: {name} refused it: {str(said)[:300]}")
        return error

    async def _alone(self, call: Call) -> Outcome:
        """Send one request; what is wrong with it is its own outcome."""
        write = self._write(call.effect.entity)
        endpoint, json = self._request(write, call)
        identifier = call.effect.target or ""
        try:
            path = fill(endpoint.path, _values(endpoint.path, call), in_path=True)
            async with self._slots:
                response = await self._api.call(
                    endpoint.method,
                    path,
                    template=endpoint.path,
                    json=json,
                    headers=_idempotency(write, call),
                    accept=(404, 410) if call.effect.operation is Operation.ACT else (),
                )
        except ConnectorError as error:
            return await self._refused(call, error)
        answered = compile_path(write.record)(response.data)
        is_act = call.effect.operation is Operation.ACT
        if is_act and response.status in (404, 410):  # gone already: that was wanted
            return Outcome(found=Found(destination_id=identifier))
        found = Found(destination_id=identifier) if is_act else reader_of(write)(answered, call)
        says_id = not is_act and text_at(write.id)(answered) is not None
        if found is None or (not says_id and is_error_object(response.data)):
            wrong = error_object(
                self._api.host, f"{endpoint.method} {endpoint.path}", response, write.id or "id"
            )
            # what may be sent again without harm is not asked about: it failed, and that counts
            wrong.answered = call.effect.operation is not Operation.CREATE
            return Outcome(error=wrong)
        return Outcome(found=found)

    def _request(self, write: Write, call: Call) -> tuple[Endpoint, Any]:
        effect = call.effect
        match effect.operation:
            case Operation.UPDATE:
                endpoint = _updating(write)
            case Operation.ACT:
                endpoint = getattr(write, str(effect.body["act"]))
            case _:
                endpoint = write.create or _one_of(write.batch)
        assert endpoint is not None  # the plan refused what is not declared
        if effect.operation is Operation.ACT:
            return endpoint, None
        return endpoint, {endpoint.wrap: effect.body} if endpoint.wrap else dict(effect.body)

    async def _refused(self, call: Call, error: ConnectorError) -> Outcome:
        """Adopt what is there already under our external id, or is already as it is to be."""
        is_there = isinstance(error, DuplicateError)
        if call.effect.operation is Operation.ACT:
            if is_there or self._api.refusals.is_gone(error):
                return Outcome(found=Found(destination_id=call.effect.target or ""))
            return Outcome(error=error)
        if not is_there or call.effect.operation is not Operation.CREATE:
            return Outcome(error=error)
        found = await self._finding.of(call)
        if found is None and self._write(call.effect.entity).lookup is not None:
            return Outcome(error=_not_shown(error, call))
        if found is None:
            return Outcome(error=error)
        return Outcome(found=structs.replace(found, was_there=call.unvouched))

    def _write(self, entity: str) -> Write:
        declared = self._config.entities.get(entity)
        if declared is None or declared.write is None:
            raise Fatal(
                f"the Connection does not say how {entity} are written; add"
                f" config.entities.{entity}.write",
                path=f"config.entities.{entity}.write",
            )
        return declared.write


def _updating(write: Write) -> Endpoint | None:
    """Return the request for a change; what may be repeated needs no other than the first."""
    return write.update or (write.create if write.once.kind == "Repeatable" else None)


def _values(path: str, call: Call) -> dict[str, str]:
    """Return what the placeholders of a path stand for. Raises BadRecord for a field that is not
    there.
    """
    values = {"id": call.effect.target or "", "external_id": call.effect.external_id}
    for name in sorted(placeholders(path) - values.keys()):
        field = name.removeprefix("field.")
        text = text_at(field)(call.effect.body)
        if not text:
            raise BadRecord(
                f"{path} needs {field} of what is written, which is empty", path=field, value=text
            )
        values[name] = text
    return values


def _says_done(write: Write, result: Any) -> bool:
    """Tell whether a result names a record, or at least no error."""
    return text_at(write.id)(result) is not None or not is_error_object(result)


def _not_shown(error: ConnectorError, call: Call) -> RetryLater:
    """Return the error for a record the API has and does not find yet: nothing was made now."""
    later = RetryLater(
        f"{error.message.rstrip('.')}: it has a record with our id {call.effect.external_id}, but"
        " its look-up does not find that yet",
        code=error.code,
        path=error.path,
        value=error.value,
    )
    later.answered = True
    return later


def _write_name(write: Write) -> str:
    if write.once.kind == "LookupAfterSettle":
        return f"found-{write.once.settle_seconds}"
    return _WRITES[write.once.kind]


def _one_of(batch: Batch | None) -> Endpoint | None:
    return Endpoint(path=batch.path, method=batch.method) if batch else None


def _idempotency(write: Write, call: Call) -> dict[str, str]:
    if write.once.kind != "NativeKey":
        return {}
    return {write.once.header: call.idempotency_key}
