"""Writing sales documents: each one transaction, with our mark in it, made at most once.

Must not: touch a document that was shipped, invoiced or changed by somebody else.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from knect.sdk.contract import Call, Found, Operation, Outcome
from knect.sdk.errors import ConnectorError
from knect.sdk.sql import Session
from knect_connectors.dynamics_gp import procedures
from knect_connectors.dynamics_gp.amend import adopt, amend, void
from knect_connectors.dynamics_gp.client import GpClient, call, written
from knect_connectors.dynamics_gp.fields import text
from knect_connectors.dynamics_gp.numbers import next_number
from knect_connectors.dynamics_gp.plan import HEADER_PATHS, line_paths, tax_paths
from knect_connectors.dynamics_gp.transaction import in_transaction, outcome_of

__all__ = ["find_candidates", "find_orders", "find_voids", "write_orders", "write_voids"]

#: Lines stand so far apart in GP that others fit between them.
STEP = 16_384


async def find_orders(client: GpClient, calls: Sequence[Call]) -> list[Found | None]:
    """Return the document each create made, or each adoption marked; of an update nothing is
    found.
    """
    marking = [one for one in calls if one.effect.operation is Operation.CREATE or one.effect.match]
    marks = await client.by_keys("deliveries", [one.effect.external_id for one in marking])
    made = {text(row["external_id"]): text(row["SOPNUMBE"]) for row in marks}
    numbers = [made.get(one.effect.external_id) if one in marking else None for one in calls]
    return [
        # of what is gone our mark is left
        _found(number) if number is not None and number != one.gone else None
        for one, number in zip(calls, numbers, strict=True)
    ]


async def find_candidates(client: GpClient, calls: Sequence[Call]) -> list[list[Found]]:
    """Return the orders without our mark whose customer's order number is the record's."""
    numbers = sorted({number for one in calls for number in one.effect.body["numbers"]})
    fitting = [number for number in numbers if len(number) <= 20]
    rows = await client.by_keys("by_customer_order", fitting, 2)
    found = []
    for one in calls:
        wanted = set(one.effect.body["numbers"])
        same = [row for row in rows if text(row["CSTPONBR"]) in wanted and not row["external_id"]]
        alive = [row for row in same if not row["VOIDSTTS"]]
        ended = not alive
        found.append([_found(text(row["SOPNUMBE"]), ended=ended) for row in alive or same])
    return found


async def write_orders(client: GpClient, calls: Sequence[Call]) -> list[Outcome]:
    """Create or amend, one after the other; each has an outcome of its own."""
    outcomes = []
    for one in calls:
        if one.effect.operation is Operation.CREATE:
            made = create(client, one, HEADER_PATHS)
        elif one.effect.match:
            made = adopt(client, one)
        else:
            made = amend(client, one)
        outcomes.append(await outcome_of(made, partial(_there, client, one)))
    return outcomes


async def _there(client: GpClient, one: Call) -> Found | None:
    return (await find_orders(client, [one]))[0]


async def create(client: GpClient, one: Call, paths: Mapping[str, str]) -> Found:
    """Make a document: number, our mark, lines, taxes, header, in that order, in one piece."""
    body = one.effect.body
    header = body["header"]
    async with client.database.session() as session:
        number = await next_number(session, header["SOPTYPE"], header["DOCID"])

    async def work(session: Session) -> Found:
        return await _write(session, one, number, paths)

    return await in_transaction(client, work)


async def _write(session: Session, one: Call, number: str, paths: Mapping[str, str]) -> Found:
    body = one.effect.body
    customer = one.given["customer"]
    same = {"SOPNUMBE": number, "CUSTNMBR": customer}
    claim = {"external_id": one.effect.external_id, "SOPTYPE": body["header"]["SOPTYPE"], **same,
             "content": body["content"], "trace": session.trace,
             "gone": one.gone or ""}  # fmt: skip
    await call(session, procedures.CLAIM, claim)
    for i, line in enumerate(body["lines"]):
        await write_line(session, line, {**same, "LNITMSEQ": STEP * (i + 1)})
    for tax in body["taxes"]:
        await call(session, procedures.TAX, {**tax["values"], **same}, tax_paths(tax["path"]))
    if body.get("user_defined"):
        values = {**body["user_defined"], "SOPNUMBE": number}
        await call(session, procedures.USER_DEFINED, values, {"USERDEF1": "number"})
    answer = await call(session, procedures.HEADER, {**body["header"], **same}, paths)
    return written(answer, number)


async def write_line(session: Session, line: Mapping[str, Any], same: Mapping[str, Any]) -> None:
    """Write one line and remember which of the shop's it is."""
    values = {**line["values"], **same}
    await call(session, procedures.LINE, values, line_paths(line["path"]))
    if line["line"]:
        kept = {name: values[name] for name in ("SOPTYPE", "SOPNUMBE", "LNITMSEQ")}
        await call(session, procedures.REMEMBER_LINE, {**kept, "line_id": line["line"][-80:]})


async def find_voids(client: GpClient, calls: Sequence[Call]) -> list[Found | None]:
    """Return the order of each call that is voided already."""
    targets = [str(one.effect.target) for one in calls]
    rows = await client.by_keys("documents", targets, 2)
    voided = {text(row["SOPNUMBE"]) for row in rows if row["VOIDSTTS"]}
    return [_found(target) if target in voided else None for target in targets]


async def write_voids(client: GpClient, calls: Sequence[Call]) -> list[Outcome]:
    """Void each order that nothing was shipped of."""
    outcomes = []
    for one in calls:
        try:
            outcomes.append(Outcome(found=await void(client, one)))
        except ConnectorError as error:
            outcomes.append(Outcome(error=error))
    return outcomes


def _found(number: str, *, ended: bool = False) -> Found:
    return Found(destination_id=number, number=number, ended=ended)
