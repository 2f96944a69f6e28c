"""The connector to the simulated ERP: one party and one document per order.

Must not: retry, or know the engine.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from knect.model import Order, Record
from knect.sdk.auth import HeaderAuth
from knect.sdk.contract import (
    Call,
    CheckReport,
    ConnectorContext,
    Delivered,
    Delivery,
    Effect,
    EntityCheck,
    Found,
    Operation,
    Outcome,
    Reference,
)
from knect.sdk.errors import UnexpectedAnswer
from knect.sdk.secret import Secret

__all__ = ["open_connector"]


class _Key:
    """The key, where the Secret has one."""

    def __init__(self, secrets: Mapping[str, Secret]) -> None:
        self._secrets = secrets
        self._auth = HeaderAuth("X-Api-Key", lambda: secrets["apiKey"])

    async def headers(self) -> Mapping[str, Secret]:
        return await self._auth.headers() if "apiKey" in self._secrets else {}

    async def renew(self, rejected: Mapping[str, Secret]) -> bool:
        return await self.headers() != rejected


class SimulatedErpDestination:
    def __init__(self, context: ConnectorContext) -> None:
        self._http = context.http.open(context.config["url"], auth=_Key(context.secrets))

    async def ask(self) -> None:
        await self._get("products", "skus", [])

    async def close(self) -> None:
        await self._http.close()

    def to_document(
        self, entity: str, record: Record, settings: Mapping[str, Any]
    ) -> dict[str, Any]:
        assert isinstance(record, Order)
        return {
            "order": record.number,
            "currency": record.currency,
            "total": record.totals.total,
            "version": record.updated_at.isoformat(timespec="microseconds"),
            "note": record.note,
            "lines": [
                {"sku": x.sku, "quantity": x.quantity, "price": x.unit_price} for x in record.lines
            ],
        }

    def references(self, entity: str, record: Record) -> Sequence[Reference]:
        assert isinstance(record, Order)
        return [
            Reference(kind="sku", value=line.sku, path=f"lines[{i}].sku")
            for i, line in enumerate(record.lines)
            if line.sku
        ]

    async def resolve(self, references: Sequence[Reference]) -> Mapping[tuple[str, str], str]:
        skus = sorted({one.value for one in references})
        answers = await self._get("products", "skus", skus)
        return {("sku", sku): answer for sku, answer in answers.items()}

    def plan(self, delivery: Delivery) -> Sequence[Effect]:
        record = delivery.record
        assert isinstance(record, Order)
        assert record.customer is not None
        email = (record.customer.email or "").casefold()
        party = Effect(
            name="party",
            write="party",
            entity="customers",
            operation=Operation.ENSURE,
            key=email,
            external_id=f"email:{email}",
            body={"email": email, "external_id": f"email:{email}"},
        )
        bound = delivery.bound
        document = Effect(
            name="document",
            write="update" if bound else "document",
            entity="orders",
            operation=Operation.UPDATE if bound else Operation.CREATE,
            key=delivery.external_id,
            external_id=delivery.external_id,
            body=dict(delivery.document),
            needs=() if bound else ("party",),
            target=bound,
            primary=True,
        )
        return [document] if bound else [party, document]

    async def lookup(self, calls: Sequence[Call]) -> Sequence[Found | None]:
        (kind,) = {call.effect.entity for call in calls}
        if kind == "customers":
            keys = [call.effect.key for call in calls]
            there = await self._get("parties", "emails", keys)
        else:
            keys = [call.effect.external_id for call in calls]
            there = await self._get("documents", "external_ids", keys)
        return [_found(there[key]) if key in there else None for key in keys]

    async def present(self, documents: Sequence[Delivered]) -> Sequence[bool | None]:
        there = await self._get("documents", "external_ids", [one.external_id for one in documents])
        return [one.external_id in there for one in documents]

    async def write(self, calls: Sequence[Call]) -> Sequence[Outcome]:
        return [Outcome(found=await self._write(call)) for call in calls]

    async def _write(self, call: Call) -> Found:
        effect = call.effect
        if effect.target is not None:
            answer = await self._http.request(
                "PUT",
                f"/documents/{effect.target}",
                template="/documents/{id}",
                json=effect.body,
                accept=(409,),  # it has a newer version already: nothing to do
            )
        else:
            path = "/parties" if effect.name == "party" else "/documents"
            body = {"external_id": effect.external_id, **effect.body}
            if "party" in call.given:
                body["party"] = call.given["party"]
            answer = await self._http.request("POST", path, template=path, json=body)
        return _found(answer.data)

    async def _get(self, what: str, name: str, keys: Sequence[str]) -> Mapping[str, Any]:
        answer = await self._http.request(
            "GET", f"/{what}", template=f"/{what}", params={name: ",".join(keys)}
        )
        if not isinstance(answer.data, dict):
            raise UnexpectedAnswer(f"the simulated ERP answered /{what} with no object")
        return answer.data


def _found(answer: Mapping[str, Any]) -> Found:
    return Found(destination_id=answer["id"], number=answer["number"], token=answer["version"])


class SimulatedErpConnector:
    def __init__(self, context: ConnectorContext) -> None:
        self.source = None
        self.webhooks = None
        self.destination = SimulatedErpDestination(context)

    async def check(self) -> CheckReport:
        await self.destination.ask()
        one = EntityCheck(entity="orders", read=False, write=True)
        return CheckReport(product="Simulated ERP", version="1", entities=(one,))

    async def close(self) -> None:
        await self.destination.close()


def open_connector(context: ConnectorContext) -> SimulatedErpConnector:
    return SimulatedErpConnector(context)
