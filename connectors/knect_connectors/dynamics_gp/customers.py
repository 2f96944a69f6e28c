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
from knect_connectors.dynamics_gp.client import GpClient, call, written
from knect_connectors.dynamics_gp.fields import at_of, text, token_of
from knect_connectors.dynamics_gp.plan_people import CUSTOMER_PATHS
from knect_connectors.dynamics_gp.transaction import in_transaction, outcome_of

__all__ = ["find_customers", "write_customers", "write_details"]


async def find_customers(client: GpClient, calls: Sequence[Call]) -> list[Found | None]:
    """Return the customer of each call: by our mark, else the only one with the e-mail.

    Where several have it none is found, and writing says so.
    """
    return [
        Found(destination_id=same[0], number=same[0]) if len(same) == 1 else None
        for same in await _known(client, calls)
    ]


async def _known(client: GpClient, calls: Sequence[Call]) -> list[list[str]]:
    """Return the numbers each call may mean."""
    marks = await client.by_keys("deliveries", [one.effect.external_id for one in calls])
    made = {text(row["external_id"]): text(row["CUSTNMBR"]) for row in marks}
    for one in calls:  # of who is gone our mark is left
        if one.gone is not None and made.get(one.effect.external_id) == one.gone:
            del made[one.effect.external_id]
    asked = {one.effect.body["email"] for one in calls if one.effect.external_id not in made}
    by_email: dict[str, set[str]] = defaultdict(set)
    for row in await client.by_keys("customers_by_email", sorted(filter(None, asked))):
        by_email[text(row["INET1"]).lower()].add(text(row["CUSTNMBR"]))
    return [
        [made[one.effect.external_id]]
        if one.effect.external_id in made
        else sorted(by_email.get(one.effect.body["email"], ()))
        for one in calls
    ]


async def write_customers(client: GpClient, calls: Sequence[Call]) -> list[Outcome]:
    """Make each customer; one that is there already is adopted, one of several is nobody's."""
    outcomes = []
    for one, same in zip(calls, await _known(client, calls), strict=True):
        if not same:
            made = _create(client, one)
            outcomes.append(await outcome_of(made, partial(_there, client, one)))
        elif len(same) == 1:
            outcomes.append(Outcome(found=Found(destination_id=same[0], number=same[0])))
        else:
            outcomes.append(Outcome(error=_ambiguous(one, same)))
    return outcomes


def _ambiguous(one: Call, numbers: Sequence[str]) -> WaitForPerson:
    return WaitForPerson(
        f"the customers {', '.join(numbers)} have one e-mail in GP; take it from all but the one"
        " who is meant",
        code="AmbiguousMatch",
        path="customer.email",
        value=one.effect.body["email"],
    )


async def _there(client: GpClient, one: Call) -> Found | None:
    return (await find_customers(client, [one]))[0]


async def _create(client: GpClient, one: Call) -> Found:
    body = one.effect.body
    number = str(body["customer"]["CUSTNMBR"])

    async def work(session: Session) -> Found:
        claim = {"external_id": one.effect.external_id, "SOPTYPE": 0, "SOPNUMBE": "",
                 "CUSTNMBR": number, "content": "", "trace": session.trace,
                 "gone": one.gone or ""}  # fmt: skip
        await call(session, procedures.CLAIM, claim)
        answer = await call(session, procedures.CUSTOMER, body["customer"], CUSTOMER_PATHS)
        if body["email"]:
            answer = await call(session, procedures.INTERNET_ADDRESS, body["internet"])
        return written(answer, number)

    return await in_transaction(client, work)


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

    (stamp,) = await client.by_keys("customer_stamps", [number])
    over = token_of(at_of(stamp["changed"]))

    async def work(session: Session) -> Found:
        claim = {"external_id": text(marks[0]["external_id"]), "content": "",
                 "trace": session.trace}  # fmt: skip
        await call(session, procedures.RENEW, claim)
        values = {**body["customer"], "CUSTNMBR": number, "UpdateIfExists": 1}
        answer = await call(session, procedures.CUSTOMER, values, CUSTOMER_PATHS)
        if body["email"]:
            internet = {**body["internet"], "Master_ID": number}
            answer = await call(session, procedures.INTERNET_ADDRESS, internet)
        return written(answer, number, over=over)

    return await in_transaction(client, work)
