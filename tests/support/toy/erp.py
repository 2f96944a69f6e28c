"""An ERP in memory: parties by e-mail, documents by external id, every request logged."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import structs

from knect.model import InventoryLevel, Order, Payment, Record
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
from knect.sdk.errors import ConnectorError, Refused


class ToyErp:
    """Documents by id. `unique` False: it takes a second document of the same external id."""

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, Any]] = {}
        self.parties: dict[str, str] = {}
        self.products = {"KN-1", "KN-2", "KN-3"}
        self.log: list[tuple[str, str]] = []
        self.before: Callable[[Sequence[Call]], None] | None = None
        self.after: Callable[[Sequence[Call]], None] | None = None
        self.late: list[Callable[[], None]] = []
        self.unique = True
        self.poison: set[str] = set()
        self.look_up_fails: list[ConnectorError] = []
        self.unusable: dict[str, ConnectorError] = {}
        self.with_party = False
        self.carries_ids = True  # False: our id cannot be put on what it has already
        self.cannot_tell = False  # what is there
        self.takes_back = False  # True: as real ones are, of an order that is over

    def of(self, external_id: str) -> list[dict[str, Any]]:
        return [d for d in self.documents.values() if d.get("external_id") == external_id]

    def creates(self) -> list[str]:
        return [name for kind, name in self.log if kind == "create"]

    # the contract

    def to_document(
        self, entity: str, record: Record, settings: Mapping[str, Any]
    ) -> dict[str, Any]:
        if isinstance(record, InventoryLevel):
            return {"sku": record.sku, "stock": record.on_hand}
        if isinstance(record, Payment):
            return {"amount": record.amount}
        assert isinstance(record, Order)
        document = {
            "number": record.number,
            "total": record.totals.total,
            "note": record.note,
            "lines": [{"sku": x.sku, "quantity": x.quantity} for x in record.lines],
        }
        if self.takes_back:
            document["over"] = record.cancelled_at is not None or not record.lines
        return document

    def references(self, entity: str, record: Record) -> Sequence[Reference]:
        if isinstance(record, Payment):
            return [Reference(kind="orders", value=record.order_id, path="order_id")]
        if not isinstance(record, Order):
            return ()
        return [
            Reference(kind="sku", value=line.sku, path=f"lines[{i}].sku")
            for i, line in enumerate(record.lines)
            if line.sku
        ]

    async def resolve(
        self, references: Sequence[Reference]
    ) -> Mapping[tuple[str, str], str | ConnectorError]:
        self.log.append(("resolve", ",".join(sorted(r.value for r in references))))
        known = {(r.kind, r.value): f"P-{r.value}" for r in references if r.value in self.products}
        named = {r.value: (r.kind, r.value) for r in references}
        return known | {named[v]: e for v, e in self.unusable.items() if v in named}

    def plan(self, delivery: Delivery) -> Sequence[Effect]:
        if delivery.document.get("over") and not delivery.sought:
            return self._take_back(delivery)
        record = delivery.record
        effects: list[Effect] = []
        if self.with_party and isinstance(record, Order):
            assert record.customer is not None
            assert record.customer.email is not None
            email = record.customer.email.casefold()
            effects.append(
                Effect(
                    name="party",
                    write="party",
                    entity="customers",
                    operation=Operation.ENSURE,
                    key=email,
                    external_id=f"email:{email}",
                    body={"email": email},
                )
            )
        bound = delivery.bound
        effects.append(
            Effect(
                name="document",
                write="update" if bound else "create",
                entity=delivery.entity,
                operation=Operation.UPDATE if bound else Operation.CREATE,
                key=str(delivery.match) if delivery.match else delivery.external_id,
                external_id=delivery.external_id,
                body={**delivery.document, **_parent(delivery)},
                needs=tuple(e.name for e in effects),
                target=bound,
                primary=True,
                match=delivery.match,
            )
        )
        return effects

    def _take_back(self, delivery: Delivery) -> Sequence[Effect]:
        """Of an order that is over nothing is made; what was made of it is taken back."""
        if delivery.bound is None:
            return ()
        return self.plan_removal(
            Removal(
                entity=delivery.entity,
                external_id=delivery.external_id,
                how="Cancel",
                bound=delivery.bound,
                settings=delivery.settings,
            )
        )

    def plan_removal(self, removal: Removal) -> Sequence[Effect]:
        assert removal.how == "Cancel"
        return [
            Effect(
                name="cancel",
                write="update",
                entity=removal.entity,
                operation=Operation.ACT,
                key=removal.external_id,
                external_id=removal.external_id,
                body={"state": "cancelled"},
                target=removal.bound,
                primary=True,
            )
        ]

    async def candidates(self, calls: Sequence[Call]) -> Sequence[Sequence[Found]]:
        self.log.extend(("match", call.effect.external_id) for call in calls)
        return [
            [
                structs.replace(self._found(identifier), ended=document.get("state") == "cancelled")
                for identifier, document in self.documents.items()
                if "external_id" not in document
                and all(document.get(k) == v for k, v in call.effect.match.items())
            ]
            for call in calls
        ]

    async def lookup(self, calls: Sequence[Call]) -> Sequence[Found | None]:
        self.log.extend(("lookup", call.effect.external_id) for call in calls)
        if self.look_up_fails:
            raise self.look_up_fails.pop(0)
        return [self._find(call.effect) for call in calls]

    async def present(self, documents: Sequence[Delivered]) -> Sequence[bool | None]:
        self.log.extend(("present", one.external_id) for one in documents)
        if self.look_up_fails:
            raise self.look_up_fails.pop(0)
        if self.cannot_tell:
            return [None for _ in documents]
        return [one.destination_id in self.documents for one in documents]

    async def write(self, calls: Sequence[Call]) -> Sequence[Outcome]:
        self.log.extend(
            (call.effect.operation.value.lower(), call.effect.external_id) for call in calls
        )
        if self.before is not None:
            self.before(calls)
        poisoned = [c for c in calls if c.effect.body.get("number") in self.poison]
        if poisoned:
            raise Refused(
                "the number is poison", path="number", value=poisoned[0].effect.body["number"]
            )
        outcomes = [self.commit(call) for call in calls]
        if self.after is not None:
            self.after(calls)
        return outcomes

    def commit(self, call: Call) -> Outcome:
        effect = call.effect
        if effect.name == "party":
            name = self.parties.setdefault(effect.key, f"party-{len(self.parties) + 1}")
            return Outcome(found=Found(destination_id=name))
        if effect.target is not None:
            self.documents[effect.target].update(effect.body)
            if self.carries_ids:
                self.documents[effect.target]["external_id"] = effect.external_id
            return Outcome(found=self._found(effect.target))
        existing = self._find(effect)
        if existing is not None and self.unique:
            return Outcome(found=existing)
        identifier = f"SO-{len(self.documents) + 1}"
        self.documents[identifier] = {
            **effect.body,
            "external_id": effect.external_id,
            "party": call.given.get("party"),
        }
        return Outcome(found=self._found(identifier))

    def _found(self, identifier: str) -> Found:
        return Found(destination_id=identifier, number=identifier, token=None)

    def _find(self, effect: Effect) -> Found | None:
        if effect.name == "party":
            name = self.parties.get(effect.key)
            return Found(destination_id=name) if name else None
        for identifier, document in self.documents.items():
            if document.get("external_id") == effect.external_id:
                return self._found(identifier)
        return None


def _parent(delivery: Delivery) -> dict[str, Any]:
    record = delivery.record
    if not isinstance(record, Payment):
        return {}
    return {"order": delivery.resolved["orders", record.order_id]}
