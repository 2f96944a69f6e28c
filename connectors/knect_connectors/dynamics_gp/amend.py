"""Changing, voiding and adopting orders, as long as nothing was shipped or typed by others.

What Knect wrote has a fingerprint (`knect_delivery.content`): items, quantities, prices, sums. An
order whose fingerprint is another one now was changed by somebody in GP.
Must not: overwrite. Once goods or an invoice are on their way, both versions go to a person.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from knect.sdk.contract import Call, Found
from knect.sdk.errors import WaitForPerson
from knect.sdk.sql import Session
from knect_connectors.dynamics_gp import procedures
from knect_connectors.dynamics_gp.client import GpClient, call, written
from knect_connectors.dynamics_gp.fields import text
from knect_connectors.dynamics_gp.plan import HEADER_PATHS, ORDER, content_of, line_paths, tax_paths
from knect_connectors.dynamics_gp.transaction import in_transaction

__all__ = ["adopt", "amend", "void"]

_STEP = 16_384
#: What is made of an order, by SOPTYPE.
_KINDS = {3: "invoice", 5: "back order", 6: "fulfillment order"}
#: The fingerprint of an order of which the shop has nothing left.
_NOTHING = "taken back"


class _Standing(Struct, frozen=True, kw_only=True):
    """An order as it is in GP now."""

    head: Mapping[str, Any]
    lines: Sequence[Mapping[str, Any]]
    made_of_it: Sequence[str]
    external_id: str
    content: str

    @property
    def number(self) -> str:
        return text(self.head["SOPNUMBE"])

    @property
    def now(self) -> str:
        """Return the fingerprint of what is there."""
        sums = {"FREIGHT": self.head["FRTAMNT"]}
        sums |= {name: self.head[name] for name in ("MISCAMNT", "TRDISAMT", "TAXAMNT")}
        return content_of(self.lines, sums)

    def in_the_way(self) -> str | None:
        """Return why nothing may be changed any more."""
        if self.head["VOIDSTTS"]:
            return "it was voided in GP"
        if self.made_of_it:
            return f"{', '.join(self.made_of_it)} was made of it"
        if self.head["stage"] == "history":
            return "it is in GP's history"
        if any(line["QTYFULFI"] for line in self.lines):
            return "it is being picked or fulfilled"
        return None


async def _standing(client: GpClient, session: Session, number: str) -> _Standing:
    heads = await client.in_session(session, "documents", [number], ORDER)
    if not heads:
        raise WaitForPerson(
            f"order {number} is no longer in GP; somebody deleted it",
            code="ChangedAtDestination",
        )
    lines = await client.in_session(session, "document_lines", [number], ORDER)
    chain = await client.in_session(session, "chain", [number], ORDER)
    marks = await client.in_session(session, "delivered", [number], ORDER)
    return _Standing(
        head=heads[0],
        lines=lines,
        made_of_it=[
            f"{_KINDS.get(row['SOPTYPE'], 'document')} {text(row['SOPNUMBE'])}"
            for row in chain
            if not row["VOIDSTTS"]
        ],
        external_id=text(marks[0]["external_id"]) if marks else "",
        content=text(marks[0]["content"]) if marks else "",
    )


async def amend(client: GpClient, one: Call) -> Found:
    """Bring an open order to what the shop has now."""
    number = str(one.effect.target)
    body = one.effect.body

    async def work(session: Session) -> Found:
        order = await _standing(client, session, number)
        if order.head["VOIDSTTS"] and order.content == _NOTHING:
            raise _valid_again(order, body)
        if body["sold_to"] and one.given["customer"] != text(order.head["CUSTNMBR"]):
            raise _another_customer(order, body["sold_to"], one.given["customer"])
        reason = order.in_the_way()
        if order.now == body["content"]:
            if reason is not None:  # nothing that is sold has changed
                return _left_as_it_is(order, body, reason)
        elif reason is None and order.now != order.content:
            reason = "somebody has changed it in GP too"
        if reason is not None:
            raise _both_versions(order, body, reason)
        return written(await _bring(client, session, order, one), number)

    return await in_transaction(client, work)


def _left_as_it_is(order: _Standing, body: Mapping[str, Any], reason: str) -> Found:
    """Leave an order alone that sells what it should. Raises WaitForPerson while it can still be
    sent elsewhere than it is to be.
    """
    place = body["moved_to"]
    if place and order.head["stage"] == "work" and not order.head["VOIDSTTS"]:
        raise WaitForPerson(
            f"order {order.number} is to be shipped to another address now ({place}), but {reason}:"
            " change the address in GP by hand, then skip this one",
            code="ChangedAtDestination",
            path="shipping_address",
            value=place,
        )
    remark = f"the new address came too late, {reason}" if place else None
    return Found(destination_id=order.number, number=order.number, remark=remark)


async def _bring(client: GpClient, session: Session, order: _Standing, one: Call) -> dict[str, Any]:
    """Write what differs; return the header's answer. It stays the customer's whose it is in GP."""
    body, number = one.effect.body, order.number
    same = {"SOPNUMBE": number, "CUSTNMBR": text(order.head["CUSTNMBR"])}
    left = {int(line["LNITMSEQ"]): line for line in order.lines}
    following = max(left, default=0)
    for wanted in body["lines"]:
        sequence = _same_line(left, wanted)
        if sequence is None:
            following += _STEP
            sequence = following
        else:
            left.pop(sequence)
        values = {**wanted["values"], **same, "LNITMSEQ": sequence, "UpdateIfExists": 1}
        await call(session, procedures.LINE, values, line_paths(wanted["path"]))
        kept = {"SOPTYPE": ORDER, "SOPNUMBE": number, "LNITMSEQ": sequence}
        await call(session, procedures.REMEMBER_LINE, {**kept, "line_id": wanted["line"][-80:]})
    for sequence, line in left.items():
        gone = {"SOPTYPE": ORDER, "SOPNUMBE": number, "LNITMSEQ": sequence,
                "ITEMNMBR": text(line["ITEMNMBR"])}  # fmt: skip
        await call(session, procedures.LINE_DELETE, gone)
        gone.pop("ITEMNMBR")
        await call(session, procedures.REMEMBER_LINE, {**gone, "line_id": ""})
    details = {tax["values"]["TAXDTLID"].upper() for tax in body["taxes"]}
    for row in await client.in_session(session, "document_taxes", [number], ORDER):
        if text(row["TAXDTLID"]).upper() not in details:
            nothing = dict.fromkeys(("SALESAMT", "STAXAMNT", "FRTTXAMT", "MSCTXAMT"), "0")
            values = {"SOPTYPE": ORDER, **same, "LNITMSEQ": 0, **nothing,
                      "TAXDTLID": text(row["TAXDTLID"])}  # fmt: skip
            await call(session, procedures.TAX, values)
    for tax in body["taxes"]:
        await call(session, procedures.TAX, {**tax["values"], **same}, tax_paths(tax["path"]))
    header = {**body["header"], **same, "UpdateExisting": 1,
              "BACHNUMB": text(order.head["BACHNUMB"])}  # fmt: skip
    answer = await call(session, procedures.HEADER, header, HEADER_PATHS)
    await _renew(session, order.external_id or one.effect.external_id, body["content"])
    return answer


def _same_line(left: Mapping[int, Mapping[str, Any]], wanted: Mapping[str, Any]) -> int | None:
    """Return the sequence of the line that stands for the shop's: by its id, else by its item."""
    item = str(wanted["values"]["ITEMNMBR"]).upper()
    for sequence, line in left.items():
        if wanted["line"] and text(line["line_id"]) == wanted["line"][-80:]:
            return sequence if text(line["ITEMNMBR"]).upper() == item else None
    same = [
        sequence
        for sequence, line in left.items()
        if text(line["ITEMNMBR"]).upper() == item and not text(line["line_id"])
    ]
    return same[0] if len(same) == 1 else None


async def _renew(session: Session, external_id: str, content: str) -> None:
    values = {"external_id": external_id, "content": content, "trace": session.trace}
    await call(session, procedures.RENEW, values)


async def void(client: GpClient, one: Call) -> Found:
    """Void an order nothing was shipped of."""
    number = str(one.effect.target)

    async def work(session: Session) -> Found:
        order = await _standing(client, session, number)
        external_id = order.external_id or one.effect.external_id
        if order.head["VOIDSTTS"]:
            if order.content != _NOTHING:  # by somebody in GP, who knew of it before
                await _renew(session, external_id, _NOTHING)
            return Found(destination_id=number, number=number)
        if reason := order.in_the_way():
            raise WaitForPerson(
                f"order {number} {one.effect.body['what']} in the shop, but {reason} in GP: what"
                " was shipped wins, take it back in GP by hand, then skip this one",
                code="ChangedAtDestination",
                path="cancelled_at",
                value=number,
            )
        answer = await call(session, procedures.VOID, {"SOPTYPE": ORDER, "SOPNUMBE": number},
                            {"SOPNUMBE": "number"})  # fmt: skip
        await _renew(session, external_id, _NOTHING)
        return written(answer, number, "the order was voided in GP")

    return await in_transaction(client, work)


async def adopt(client: GpClient, one: Call) -> Found:
    """Put our mark on an order an older integration made, if it sells for the same amount."""
    number = str(one.effect.target)
    body = one.effect.body

    async def work(session: Session) -> Found:
        order = await _standing(client, session, number)
        if reason := _no_adoption(order, body):
            raise reason
        claim = {"external_id": one.effect.external_id, "SOPTYPE": ORDER, "SOPNUMBE": number,
                 "CUSTNMBR": text(order.head["CUSTNMBR"]), "content": order.now,
                 "trace": session.trace}  # fmt: skip
        await call(session, procedures.CLAIM, claim)
        return Found(destination_id=number, number=number, remark="adopted as it was in GP")

    return await in_transaction(client, work)


def _no_adoption(order: _Standing, body: Mapping[str, Any]) -> WaitForPerson | None:
    """Return why an order somebody else made cannot be taken for the shop's."""
    there, here = _amounts(order, body)
    if order.head["VOIDSTTS"]:
        what = (
            "was voided: cancel this one in the shop, or, if it is to be shipped, type it in again"
            " in GP with its number, then retry"
        )
    elif order.head["DOCAMNT"] != Decimal(body["total"]):
        what = (
            f"is for another amount: it comes to {here} in the shop and to {there};"
            " correct it where it is wrong, then retry"
        )
    else:
        return None
    return WaitForPerson(
        f"order {order.number} in GP, which somebody else made, has the number of this one, and"
        f" {what}",
        code="ChangedAtDestination",
        path="totals.total",
        value=str(body["total"]),
    )


def _amounts(order: _Standing, body: Mapping[str, Any]) -> tuple[str, str]:
    """Return what an order comes to and what it has, in GP and in the shop."""
    there = _listed((line["QUANTITY"], text(line["ITEMNMBR"])) for line in order.lines)
    here = _listed(
        (Decimal(line["values"]["QUANTITY"]), line["values"]["ITEMNMBR"]) for line in body["lines"]
    )
    amount = f"{order.head['DOCAMNT'].normalize():f}"
    return f"{amount} in GP ({there} | {here})", str(body["total"])


def _both_versions(order: _Standing, body: Mapping[str, Any], reason: str) -> WaitForPerson:
    there, here = _amounts(order, body)
    return WaitForPerson(
        f"order {order.number} was changed in the shop: it comes to {here} there and to {there};"
        f" {reason}: make the change in GP by hand, then skip this one",
        code="ChangedAtDestination",
        path="totals.total",
        value=str(body["total"]),
    )


def _another_customer(order: _Standing, who: str, customer: str) -> WaitForPerson:
    return WaitForPerson(
        f"order {order.number} is for another customer in the shop now ({who}; {customer} in GP),"
        f" and {text(order.head['CUSTNMBR'])}'s there: terms and prices depend on the customer, so"
        " Knect hands none over; enter it in GP for the new one and void the old one, then skip"
        " this one",
        code="ChangedAtDestination",
        path="customer",
        value=customer,
    )


def _valid_again(order: _Standing, body: Mapping[str, Any]) -> WaitForPerson:
    there, here = _amounts(order, body)
    return WaitForPerson(
        f"order {order.number} was voided when it was cancelled or emptied in the shop, where it is"
        f" valid again: it comes to {here} there and was for {there}; a voided document stays so:"
        " enter the order in GP once more by hand, then skip this one",
        code="ChangedAtDestination",
        path="cancelled_at",
        value=order.number,
    )


def _listed(pieces: Any) -> str:
    return ", ".join(f"{quantity.normalize():f} x {item}" for quantity, item in pieces if quantity)
