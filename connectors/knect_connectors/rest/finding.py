"""Looking for what a write has made, by our external id.

Why: after a lost answer only this tells whether there is a record. "It is not there" is believed
only of an answer that could have shown it: an API that ignores a query it does not know lists
whatever it has, and a record sent again because it was not in that list would be there twice.
Must not: take silence about our id for a no.
"""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from knect.sdk.contract import Call, Delivered, Found, Operation
from knect.sdk.errors import (
    CredentialsRejected,
    Refused,
    RetryLater,
    Throttled,
    UnexpectedAnswer,
    Unreachable,
    WaitForPerson,
)
from knect.sdk.http import Response
from knect_connectors.rest.api import Api
from knect_connectors.rest.config import Config, Lookup, Write
from knect_connectors.rest.paths import MISSING, compile_path, fill
from knect_connectors.rest.refusals import error_object
from knect_connectors.rest.results import reader_of, text_at

__all__ = ["Finding"]


class Finding:
    """The look-ups a Connection declares."""

    def __init__(self, api: Api, config: Config, slots: asyncio.Semaphore) -> None:
        self._api = api
        self._config = config
        self._slots = slots

    def is_asked(self, call: Call) -> bool:
        """Return whether a look-up tells more than sending a create does.

        What a lost ledger may have made is refused where there is a unique key, without a request
        per record; and where no look-up is declared, nobody can be asked.
        """
        write = self._config.entities[call.effect.entity].write
        declared = write is not None and write.lookup is not None
        refused = write is not None and write.once.kind == "UniqueKey"
        return not call.unvouched or (declared and not refused)

    async def of(self, call: Call) -> Found | None:
        """Return what is there under our id; None where it is certain that nothing is.

        Raises UnexpectedAnswer for an answer that leaves it open, WaitForPerson for two records.
        """
        effect = call.effect
        write = self._config.entities[effect.entity].write
        if effect.operation is not Operation.CREATE or write is None or write.lookup is None:
            return None  # an update is sent once more: it brings the same content
        rows = await self._ours(effect.entity, write, write.lookup, effect.external_id)
        if not rows:
            return None
        found = [reader_of(write)(row, call) for row in rows]
        if None in found:
            raise UnexpectedAnswer(
                f"{self._api.host}: GET {write.lookup.path} finds our id {effect.external_id}, but"
                f" there is no {write.id} in the answer",
                path=write.id,
            )
        if len(found) > 1:
            names = ", ".join(sorted(one.number or one.destination_id for one in found if one))
            raise WaitForPerson(
                f"{self._api.host} has {len(found)} records with our id {effect.external_id}:"
                f" {names}; only one may be there, remove the others",
                code="AmbiguousMatch",
                value=effect.external_id,
            )
        return found[0]

    async def is_there(self, document: Delivered) -> bool | None:
        """Tell whether there is that record under our id; None where no look-up is declared.

        Another one under our id is another one, as far as the answer tells ids.
        """
        write = self._config.entities[document.entity].write
        if write is None or write.lookup is None:
            return None
        rows = await self._ours(document.entity, write, write.lookup, document.external_id)
        ids = {text_at(write.id)(row) for row in rows}
        return document.destination_id in ids or (bool(rows) and ids == {None})

    async def problem_of(self, entity: str) -> str | None:
        """Return why an entity's look-up would prove nothing; it is asked for what nobody has."""
        write = self._config.entities[entity].write
        if write is None or write.lookup is None:
            return None
        try:
            await self._ours(entity, write, write.lookup, f"knect-check-{uuid4().hex}")
        except Refused:  # an id it would never give is not there
            return None
        except (CredentialsRejected, Throttled, Unreachable):  # says nothing of the look-up
            raise
        except (RetryLater, WaitForPerson) as error:
            return error.message
        return None

    async def _ours(
        self, entity: str, write: Write, lookup: Lookup, external_id: str
    ) -> Sequence[Any]:
        """Return the records that are there under our id."""
        values = {"external_id": external_id}
        async with self._slots:
            response = await self._api.call(
                "GET",
                fill(lookup.path, values, in_path=True),
                template=lookup.path,
                params={name: fill(text, values) for name, text in lookup.query.items()},
                accept=(404,),
            )
        rows = self._rows(lookup, response)
        path = lookup.external_id or write.external_id
        if path is None:  # it is asked for by its address, and has it nowhere else
            return rows
        names = [text_at(path)(row) for row in rows]
        ours = [row for row, name in zip(rows, names, strict=True) if name == external_id]
        # a search by likeness finds longer ones, too; what has nothing of ours was not sought
        strange = [name for name in names if name is None or external_id not in name]
        if strange and not ours:
            asked = f"{self._api.host}: GET {lookup.path}, asked for our id {external_id}, finds"
            raise _not_sought(asked, f"config.entities.{entity}.write.lookup", path, strange[0])
        return ours

    def _rows(self, lookup: Lookup, response: Response) -> Sequence[Any]:
        if response.status in (204, 404):
            return []
        there = compile_path(lookup.records)(response.data)
        if there is MISSING:
            raise error_object(
                self._api.host, f"GET {lookup.path}", response, lookup.records or "record"
            )
        if there is None and lookup.null_is_none:
            return []
        if there is None:  # also what is left of a search that failed
            where = lookup.records or "the place of the record"
            raise UnexpectedAnswer(
                f"{self._api.host}: GET {lookup.path} was answered with null at {where}: that"
                " proves nothing; if it is how this API says that there is none, say"
                " write.lookup.nullIsNone: true",
                path="write.lookup.nullIsNone",
            )
        return there if isinstance(there, list) else [there]


def _not_sought(asked: str, where: str, path: str, name: str | None) -> UnexpectedAnswer:
    if name is None:
        return UnexpectedAnswer(
            f"{asked} a record that has none at {path}: nobody knows whether it is ours; say in"
            f" {where}.externalId where our id is in what is found",
            path=f"{where}.externalId",
        )
    return UnexpectedAnswer(
        f"{asked} {name}: it lists what it was not asked for, so it proves nothing that ours is not"
        f" in it; mend {where}.query",
        path=f"{where}.query",
        value=name,
    )
