"""What happens to a fulfillment afterwards: its tracking is corrected, or it is taken back.

Must not: tell the customer again, unless the pipeline says so; or send what is the same already.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from knect.sdk.contract import Call, Found, Outcome
from knect.sdk.errors import ConnectorError, Refused, WaitForPerson
from knect_connectors.shopify import order_queries as q
from knect_connectors.shopify.client import ShopifyClient
from knect_connectors.shopify.shelf import Made, made_by_id

__all__ = [
    "find_cancelled",
    "found_of",
    "problem_of",
    "send_cancels",
    "send_tracking",
    "tracking_input",
]


async def send_tracking(client: ShopifyClient, calls: Sequence[Call]) -> list[Outcome]:
    """Bring the tracking of each parcel to what the ERP says."""
    return [await _retrack(client, call) for call in calls]


async def _retrack(client: ShopifyClient, call: Call) -> Outcome:
    ids = (call.effect.target or call.given["fulfillment"]).split(",")
    there = await made_by_id(client, ids)
    wanted = call.effect.body["trackings"]
    for identifier in ids:
        made = there.get(identifier)
        if made is None or not made.is_valid:
            name = made.name if made else identifier
            return Outcome(
                error=WaitForPerson(
                    f"fulfillment {name} was cancelled in the shop, but the ERP still says it left;"
                    " settle it by hand, then skip this one",
                    code="ChangedAtDestination",
                    path="status",
                    value=name,
                )
            )
        if not wanted or _same_tracking(made, wanted):
            continue
        data = await client.write(
            q.RETRACK,
            operation="Retrack",
            id=identifier,
            tracking=tracking_input(wanted),
            notify=bool(call.effect.body["notify"]),
        )
        if problem := problem_of(data.get("fulfillmentTrackingInfoUpdate") or {}):
            error = Refused(f"Shopify does not take the tracking of {made.name}: {problem}")
            return Outcome(error=error)
    return Outcome(found=found_of([there[identifier] for identifier in ids]))


def _same_tracking(made: Made, wanted: Sequence[Mapping[str, Any]]) -> bool:
    """Compare what the ERP knows: a company or address the shop worked out itself is its own."""
    if made.numbers != {one["number"] for one in wanted}:
        return False
    there = {number: (company, url) for number, company, url in made.trackings}
    first = next((one["company"] for one in wanted if one.get("company")), None)
    for one in wanted:
        company, url = there[one["number"]]
        if first not in (None, company) or one.get("url") not in (None, "", url):
            return False
    return True


async def find_cancelled(client: ShopifyClient, calls: Sequence[Call]) -> list[Found | None]:
    """Return the fulfillments that are all cancelled."""
    answers: list[Found | None] = []
    for call in calls:
        ids = str(call.effect.target).split(",")
        there = await made_by_id(client, ids)
        valid = any(made.is_valid for made in there.values())
        answers.append(None if valid else Found(destination_id=str(call.effect.target)))
    return answers


async def send_cancels(client: ShopifyClient, calls: Sequence[Call]) -> list[Outcome]:
    """Take each parcel's fulfillments back."""
    outcomes = []
    for call in calls:
        target = str(call.effect.target)
        there = await made_by_id(client, target.split(","))
        error: ConnectorError | None = None
        for made in there.values():
            if made.is_valid:
                data = await client.write(
                    q.CANCEL_FULFILLMENT, operation="CancelFulfillment", id=made.id
                )
                problem = problem_of(data.get("fulfillmentCancel") or {})
                if problem and await _is_valid(client, made.id):
                    error = WaitForPerson(
                        f"Shopify does not cancel fulfillment {made.name}: {problem}",
                        code="ChangedAtDestination",
                    )
        found = Found(destination_id=target)
        outcomes.append(Outcome(error=error) if error else Outcome(found=found))
    return outcomes


async def _is_valid(client: ShopifyClient, identifier: str) -> bool:
    """Tell whether it stands still: what is refused may have been done meanwhile."""
    made = (await made_by_id(client, [identifier])).get(identifier)
    return made is not None and made.is_valid


def found_of(made: Sequence[Made], remark: str | None = None) -> Found:
    """Return what is told of a parcel's fulfillments; their ids stand in one."""
    return Found(
        destination_id=",".join(one.id for one in made),
        number=", ".join(one.name for one in made),
        remark=remark,
    )


def tracking_input(trackings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return trackings as the platform takes them: one number, or several."""
    company = next((one["company"] for one in trackings if one.get("company")), None)
    urls = [one["url"] for one in trackings if one.get("url")]
    if len(trackings) == 1:
        given = {"number": trackings[0]["number"], "url": urls[0] if urls else None}
    else:
        given = {"numbers": [one["number"] for one in trackings], "urls": urls or None}
    given["company"] = company
    return {name: value for name, value in given.items() if value is not None}


def problem_of(payload: Mapping[str, Any]) -> str | None:
    """Return the user errors of a payload in one sentence, None if there are none."""
    words = [str(error.get("message")) for error in payload.get("userErrors") or ()]
    return "; ".join(words) or None
