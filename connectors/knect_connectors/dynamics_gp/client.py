"""GP's database as the connector asks it: queries by keys, procedures with their refusals.

Must not: know a record; or send what is not in the catalogue.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from knect.sdk.contract import ConnectorContext, Found
from knect.sdk.sql import Database, Login, Session
from knect_connectors.dynamics_gp.config import Config
from knect_connectors.dynamics_gp.fields import at_of, token_of, typed
from knect_connectors.dynamics_gp.procedures import Procedure
from knect_connectors.dynamics_gp.queries import MANY, full, query
from knect_connectors.dynamics_gp.refusals import refusal

__all__ = ["GpClient", "call", "written"]

_Rows = list[dict[str, Any]]


async def call(
    session: Session,
    procedure: Procedure,
    values: Mapping[str, Any],
    paths: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Call a procedure; raise what eConnect refuses as our error, with the record's field."""
    sent = typed(procedure, values)
    answer = await session.call(procedure.statement(), sent)
    if answer.get("error"):
        raise refusal(procedure, answer, sent, paths or {})
    return answer


def written(
    answer: Mapping[str, Any], key: str, remark: str | None = None, *, over: str | None = None
) -> Found:
    """Return what was just written, with its version, so that it is known when it comes back.

    `answer` is that of the last procedure that changed it, which tells the mark of change; `over`
    the version it had before.
    """
    changed = answer["changed"]
    token = token_of(at_of(changed)) if changed is not None else None
    return Found(destination_id=key, number=key, token=token, over=over, remark=remark)


class GpClient:
    """One Connection's database."""

    def __init__(self, context: ConnectorContext, config: Config) -> None:
        self.config = config
        self._secrets = context.secrets
        self.database = Database(
            Login(
                host=config.host,
                port=config.port,
                database=config.database,
                certificate_name=config.certificateName,
                authority=config.certificateAuthority,
                plain=config.encryption == "Plain",
            ),
            user=partial(self._secrets.__getitem__, "username"),
            password=partial(self._secrets.__getitem__, "password"),
            egress=context.http.egress,
            clock=context.clock,
            connections=config.connections,
        )

    async def rows(self, name: str, values: Sequence[Any] = ()) -> _Rows:
        """Return the rows of a query."""
        async with self.database.session() as session:
            return await session.rows(query(name), values)

    async def by_keys(self, name: str, keys: Sequence[str], *before: Any) -> _Rows:
        """Return the rows of a query for any number of keys."""
        if not keys:
            return []
        async with self.database.session() as session:
            return await self.in_session(session, name, keys, *before)

    async def in_session(
        self, session: Session, name: str, keys: Sequence[str], *before: Any
    ) -> _Rows:
        """The same on a connection one has already, within its transaction."""
        found: _Rows = []
        for start in range(0, len(keys), MANY):
            part = full(keys[start : start + MANY])
            found += await session.rows(query(name), [*before, *part])
        return found

    async def now(self) -> datetime:
        """Return the server's clock."""
        (row,) = await self.rows("clock")
        return at_of(row["now_utc"])

    async def close(self) -> None:
        """Let go of connections."""
        await self.database.close()
