"""What people do in the demo's ERP: process a sale, pick, pack into parcels, ship, correct, cancel.

Why: an integration meets what warehouse and office do by hand; demo and tests play them over the
same RPC a client program uses.
Must not: do anything for Knect; whoever calls here is somebody else, logged in as such.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

__all__ = ["Parcel", "Person"]


class _Calls(Protocol):
    async def call(
        self, method: str, *params: Any, context: Mapping[str, Any] | None = None
    ) -> Any: ...


class Parcel(Struct, frozen=True, kw_only=True):
    """A box to pack: quantities by SKU, or by the sale line's id where a SKU is not enough."""

    tracking: str | None = None
    skus: Mapping[str, float] = {}
    lines: Mapping[int, float] = {}


class Person:
    """Somebody who works in Tryton; `client` is logged in as that user."""

    def __init__(self, client: _Calls) -> None:
        self._client = client

    async def process(self, sale: int) -> list[int]:
        """Let the sale be processed; returns its open shipments."""
        await self._client.call("model.sale.sale.process", [sale])
        return await self.shipments(sale)

    async def shipments(self, sale: int) -> list[int]:
        """Return the sale's shipments that have not left, oldest first."""
        (row,) = await self._client.call("model.sale.sale.read", [sale], ["shipments"])
        rows = await self._client.call("model.stock.shipment.out.read", row["shipments"], ["state"])
        left = ("shipped", "done", "cancelled")
        return sorted(one["id"] for one in rows if one["state"] not in left)

    async def shorten(self, shipment: int, skus: Mapping[str, float]) -> None:
        """Ship less of a SKU by this shipment; the sale makes another one for the rest."""
        await self._button("draft", shipment)
        for move in await self._moves(shipment):
            if (wanted := skus.get(move["product."]["code"])) is not None:
                values = {"quantity": float(wanted)}
                await self._client.call("model.stock.move.write", [move["id"]], values)

    async def pick(self, shipment: int, carrier: str = "DHL") -> None:
        """Name the carrier and take the goods off the shelf, whatever the books say is there."""
        carriers = await self._client.call(
            "model.carrier.search_read", [["party.name", "=", carrier]], 0, None, None, ["id"]
        )
        values = {"carrier": carriers[0]["id"]}
        await self._client.call("model.stock.shipment.out.write", [shipment], values)
        for step in ("wait", "assign_force", "pick"):
            await self._button(step, shipment)

    async def pack(self, shipment: int, parcels: Sequence[Parcel] = ()) -> list[int]:
        """Pack what was picked, all of it into these parcels; returns their ids."""
        made = [await self._box(shipment, parcel) for parcel in parcels]
        await self._button("pack", shipment)
        return made

    async def ship(self, shipment: int) -> None:
        """Hand the parcels to the carrier."""
        await self._button("ship", shipment)

    async def send(
        self, sale: int, parcels: Sequence[Parcel] = (), carrier: str = "DHL"
    ) -> list[int]:
        """Process, pick, pack and ship the first open shipment of a sale; returns the parcels."""
        shipment = (await self.process(sale))[0]
        await self.pick(shipment, carrier)
        made = await self.pack(shipment, parcels)
        await self.ship(shipment)
        return made

    async def track(self, shipment: int, tracking: str) -> None:
        """Note the tracking number of a shipment without parcels."""
        values = {"shipping_reference": tracking}
        await self._client.call("model.stock.shipment.out.write", [shipment], values)

    async def retrack(self, parcel: int, tracking: str) -> None:
        """Correct a parcel's tracking number."""
        values = {"shipping_reference": tracking}
        await self._client.call("model.stock.package.write", [parcel], values)

    async def void(self, shipment: int) -> None:
        """Cancel a shipment, also one that has left."""
        await self._button("cancel", shipment)

    async def cancel(self, sale: int) -> None:
        """Cancel a sale that is not processed yet."""
        steps = ("draft", "cancel")
        (row,) = await self._client.call("model.sale.sale.read", [sale], ["state"])
        for step in steps if row["state"] == "confirmed" else steps[1:]:
            await self._client.call(f"model.sale.sale.{step}", [sale])

    async def rename(self, party: int, name: str) -> None:
        """Correct a customer's name."""
        await self._client.call("model.party.party.write", [party], {"name": name})

    # ------------------------------------------------ steps

    async def _box(self, shipment: int, parcel: Parcel) -> int:
        (kind, *_) = await self._client.call(
            "model.stock.package.type.search_read", [], 0, 1, None, ["id"]
        )
        values = {
            "shipment": f"stock.shipment.out,{shipment}",
            "type": kind["id"],
            "shipping_reference": parcel.tracking,
        }
        (box,) = await self._client.call("model.stock.package.create", [values])
        left: dict[Any, float] = {**parcel.skus, **parcel.lines}
        for move in await self._moves(shipment):
            line = int(str(move["origin"]).rpartition(",")[2])
            key: Any = line if line in left else move["product."]["code"]
            if move["package"] is None and left.get(key):
                taken = min(left[key], float(move["quantity"]))
                left[key] -= taken
                await self._put(int(box), move["id"], taken)
        if any(left.values()):
            raise ValueError(f"shipment {shipment} has not enough to pack {left}")
        return int(box)

    async def _put(self, box: int, move: int, quantity: float) -> None:
        """Fill by Tryton's own wizard: it splits a move that goes into two boxes."""
        where = {"active_model": "stock.package", "active_id": box, "active_ids": [box]}
        wizard = "wizard.stock.package.pack"
        session, *_ = await self._client.call(f"{wizard}.create", context=where)
        data = {"move": {"source": move, "quantity": quantity, "allowed_moves": [move]}}
        await self._client.call(f"{wizard}.execute", session, data, "add_move", context=where)
        await self._client.call(f"{wizard}.delete", session, context=where)

    async def _moves(self, shipment: int) -> list[dict[str, Any]]:
        fields = ["product.code", "quantity", "origin", "package", "state"]
        (row,) = await self._client.call(
            "model.stock.shipment.out.read", [shipment], ["outgoing_moves"]
        )
        rows: list[dict[str, Any]] = await self._client.call(
            "model.stock.move.read", row["outgoing_moves"], fields
        )
        return sorted(rows, key=lambda one: int(one["id"]))

    async def _button(self, name: str, shipment: int) -> None:
        await self._client.call(f"model.stock.shipment.out.{name}", [shipment])
