"""A shop with a catalog, and a hand that delivers to it as the engine does."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from knect.model import InventoryLevel, Price, Product, Record, Variant
from knect.sdk.contract import Call, Delivery, Destination, Effect, Outcome
from knect.sdk.errors import ConnectorError
from knect_connectors.shopify.simulator.catalog import Catalog


class Desk:
    """Resolves, plans and writes one record at a time, or many in one batch."""

    def __init__(self, at_work: Any) -> None:
        self.at_work = at_work
        self.catalog: Catalog = at_work.shop.catalog
        self.destination: Destination = at_work.connector.destination
        self.bound: dict[str, str] = {}
        self.turn = 0

    def goods(self, sku: str | None, *, title: str = "Kettle", **fields: Any) -> dict[str, Any]:
        """Put a product with one variant into the shop, as a person would."""
        return self.catalog.add_variant(self.catalog.add_product(title), sku, **fields)

    def available(self, variant: dict[str, Any], place: dict[str, Any]) -> int | None:
        level = self.catalog.levels.get((variant["inventoryItem"]({})["id"], place["id"]))
        return level["available"] if level else None

    async def plan(
        self,
        entity: str,
        record: Record,
        settings: dict[str, Any] | None = None,
        *,
        owns: tuple[str, ...] | None = None,
        match: dict[str, Any] | None = None,
        **document: Any,
    ) -> Sequence[Effect]:
        """Return the effects; raises what stands in the way."""
        references = self.destination.references(entity, record)
        resolved = await self.destination.resolve(references)
        usable: dict[tuple[str, str], str] = {}
        for reference in references:
            answer = resolved.get((reference.kind, reference.value))
            if isinstance(answer, ConnectorError):
                raise answer
            assert answer is not None, f"unknown {reference.kind} {reference.value!r}"
            usable[reference.kind, reference.value] = answer
        made = self.destination.to_document(entity, record, settings or {})
        if owns is not None:
            made = {name: value for name, value in made.items() if name in owns}
        return self.destination.plan(
            Delivery(
                entity=entity,
                external_id=f"erp:{record.source_id}",
                document={**made, **document},
                record=record,
                bound=self.bound.get(record.source_id),
                resolved=usable,
                settings=settings or {},
                match=match or {},
            )
        )

    async def send(self, effects: Sequence[Effect]) -> Outcome:
        """Send effect after effect; return the first error, or the last outcome."""
        given: dict[str, str] = {}
        self.turn += 1
        outcome = Outcome()
        for effect in effects:
            call = Call(
                effect=effect,
                given={name: given[name] for name in effect.needs},
                idempotency_key=f"t{self.turn}-{effect.name}",
            )
            (outcome,) = await self.destination.write([call])
            if outcome.error is not None:
                return outcome
            assert outcome.found is not None
            given[effect.name] = outcome.found.destination_id
        return outcome

    async def deliver(
        self, entity: str, record: Record, settings: dict[str, Any] | None = None, **document: Any
    ) -> str:
        """Deliver a record; return the destination's id, raise what was refused."""
        outcome = await self.send(await self.plan(entity, record, settings, **document))
        if outcome.error is not None:
            raise outcome.error
        assert outcome.found is not None
        self.bound[record.source_id] = outcome.found.destination_id
        return outcome.found.destination_id


def a_level(sku: str = "KN-1", available: str = "5", **fields: Any) -> InventoryLevel:
    values = {"source_id": f"{sku}@WH", "sku": sku, "location": "Hamburg"}
    return InventoryLevel(**{**values, "available": Decimal(available), **fields})


def a_price(sku: str = "KN-1", amount: str = "19.90", **fields: Any) -> Price:
    values = {"source_id": f"{sku}@web", "sku": sku, "currency": "EUR"}
    return Price(**{**values, "amount": Decimal(amount), **fields})


def a_product(*variants: Variant, **fields: Any) -> Product:
    return Product(**{"source_id": "7", "title": "Tee", "variants": variants, **fields})


def a_variant(number: int, **options: str) -> Variant:
    code = "-".join(options.values()) or "ONE"
    return Variant(
        source_id=str(number), sku=f"TEE-{code}", options=options, price=Decimal("15.00")
    )
