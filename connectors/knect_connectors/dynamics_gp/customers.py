"""Writing customers: found by our mark or by e-mail, else made in one transaction with our mark.

Must not: change a customer somebody else made.
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial

from knect.sdk.contract import Call, Found, Outcome
from knect.sdk.errors import ConnectorError, WaitForPerson
from knect.sdk.sql import Session
from knect_connectors.dynamics_gp import procedures
from knect_connectors.dynamics_gp.client import GpClient, call
from knect_connectors.dynamics_gp.fields import text
from knect_connectors.dynamics_gp.transaction import in_transaction, outcome_of

__all__ = ["find_customers", "find_details", "write_customers", "write_details"]


async def find_customers(client: GpClient, calls: Sequence[Call]) -> list[Found | None]:
    """Return the customer of each call: by our mark, else the only one with the e-mail.

    Raises WaitForPerson when two customers have one e-mail.
    """
    marks = await client.by_keys("deliveries", [one.effect.external_id for one in calls])
    made = {text(row["external_id"]): text(row["CUSTNMBR"]) for row in marks}
    asked = {one.effect.body["email"] for one in calls if one.effect.external_id not in made}
    by_email: dict[str, set[str]] = defaultdict(set)
    for row in await client.by_keys("customers_by_email", sorted(filter(None, asked))):
        by_email[text(row["INET1"]).lower()].add(text(row["CUSTNMBR"]))
    found: list[Found | None] = []
    for one in calls:
        number = made.get(one.effect.external_id)
        same = by_email.get(one.effect.body["email"], set()) if number is None else set()
        if len(same) > 1:
            raise WaitForPerson(
                f"the customers {', '.join(sorted(same))} have one e-mail in GP; take it from all"
                " but the one who is meant",
                code="AmbiguousMatch",
                path="customer.email",
                value=one.effect.body["email"],
            )
        number = number or next(iter(same), None)
        found.append(Found(destination_id=number, number=number) if number else None)
    return found


async def write_customers(client: GpClient, calls: Sequence[Call]) -> list[Outcome]:
    """Make each customer; one that is there already by our mark is adopted."""
    return [await outcome_of(_create(client, one), partial(_there, client, one)) for one in calls]


async def _there(client: GpClient, one: Call) -> Found | None:
    return (await find_customers(client, [one]))[0]


async def _create(client: GpClient, one: Call) -> Found:
    body = one.effect.body
    number = str(body["customer"]["CUSTNMBR"])

    async def work(session: Session) -> Found:
        claim = {"external_id": one.effect.external_id, "SOPTYPE": 0, "SOPNUMBE": "",
                 "CUSTNMBR": number, "content": "", "trace": session.trace}  # fmt: skip
        await call(session, procedures.CLAIM, claim)
        await call(session, procedures.CUSTOMER, body["customer"], body["paths"])
        if body["email"]:
            await call(session, procedures.INTERNET_ADDRESS, body["internet"])
        return Found(destination_id=number, number=number)

    return await in_transaction(client, work)


async def find_details(client: GpClient, calls: Sequence[Call]) -> list[Found | None]:
    """Find nothing: sending an update once more brings the same content."""
    del client
    return [None] * len(calls)


async def write_details(client: GpClient, calls: Sequence[Call]) -> list[Outcome]:
    """Bring customers Knect made to what the shop has; others' are left as they are."""
    outcomes = []
    for one in calls:
        try:
            outcomes.append(Outcome(found=await _bring(client, one)))
        except ConnectorError as error:
            outcomes.append(Outcome(error=error))
    return outcomes


async def _bring(client: GpClient, one: Call) -> Found:
    number = str(one.effect.target or one.given["customer"])
    body = one.effect.body
    there = await client.by_keys("customers", [number])
    if not there:
        raise WaitForPerson(
            f"customer {number} is no longer in GP; somebody deleted it",
            code="ChangedAtDestination",
        )
    marks = await client.by_keys("customer_claims", [number])
    if not marks:
        return Found(
            destination_id=number,
            number=number,
            remark="the customer was made by somebody else in GP and is left as it is",
        )

    async def work(session: Session) -> Found:
        claim = {"external_id": text(marks[0]["external_id"]), "content": "",
                 "trace": session.trace}  # fmt: skip
        await call(session, procedures.RENEW, claim)
        values = {**body["customer"], "CUSTNMBR": number, "UpdateIfExists": 1}
        await call(session, procedures.CUSTOMER, values, body["paths"])
        if body["email"]:
            internet = {**body["internet"], "Master_ID": number}
            await call(session, procedures.INTERNET_ADDRESS, internet)
        return Found(destination_id=number, number=number)

    return await in_transaction(client, work)
