"""Against the vendor's own descriptions, where they are at hand: what we call, what is answered.

`KNECT_SPECS` is the folder of specs; with `specs` in `KNECT_REQUIRE` they have to be there.
"""

import os
import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from knect.model import Record
from knect.sdk.http import decode_json
from knect.sdk.testing import Answer, Request
from knect_connectors.magento2.simulator import acts, fill_orders
from knect_connectors.magento2.source import reads
from knect_connectors.magento2.tests import test_goods, test_shipments, test_writing
from knect_connectors.magento2.tests.conftest import KETTLE, NOON, AtWork, open_shop

_ROOT = Path(__file__).parents[4]
_SPECS = Path(os.environ.get("KNECT_SPECS", _ROOT.parent / "shared" / "specs")) / "magento2"
_VERSIONS = ("2.4.6", "2.4.9")
_KINDS: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int, Decimal),
    "string": (str,),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}
#: The wire is not as described: PHP tells ids it has just been given as texts.
_AS_TEXT = {"POST /V1/order/{orderId}/ship", "POST /V1/order/{orderId}/invoice"}


@cache
def spec(version: str) -> Any:
    path = _SPECS / f"admin-rest-{version}.swagger.json"
    if not path.exists():
        if "specs" in os.environ.get("KNECT_REQUIRE", "").split(","):
            pytest.fail(f"KNECT_REQUIRE names specs, but {path} does not exist")
        pytest.skip(
            "the vendor's descriptions are not here; set KNECT_SPECS to the folder of specs"
        )
    return decode_json(path.read_bytes())


def operation(version: str, method: str, path: str) -> tuple[str, Any]:
    """Return the name of a call in the description, and what it says of it."""
    for template, methods in spec(version)["paths"].items():
        pattern = re.sub(r"\{\w+\}", "[^/]+", template.rstrip("/"))
        if re.fullmatch(pattern, path) and method.lower() in methods:
            return f"{method} {template}", methods[method.lower()]
    raise AssertionError(f"{version} has no {method} {path}")


def wrong(version: str, schema: Any, given: Any, path: str) -> Iterator[str]:
    """Yield what of a value its schema does not have, or has otherwise."""
    while "$ref" in schema:
        schema = spec(version)["definitions"][schema["$ref"].rpartition("/")[2]]
    kind = schema.get("type", "object" if "properties" in schema else None)
    if kind is None:
        return
    value: Any = given
    if not isinstance(given, _KINDS[kind]) or (kind != "boolean" and isinstance(given, bool)):
        yield f"{path} is {value!r:.40}, no {kind}"
    elif kind == "array":
        for index, one in enumerate(value):
            yield from wrong(version, schema.get("items", {}), one, f"{path}[{index}]")
    elif kind == "object" and "properties" in schema:
        for name, one in value.items():
            if name not in schema["properties"]:
                yield f"{path}.{name} is not described"
            else:
                yield from wrong(version, schema["properties"][name], one, f"{path}.{name}")


class Spy:
    """Notes every call at the simulated shop and its answer."""

    def __init__(self, acme: AtWork) -> None:
        self.calls: list[tuple[Request, Answer]] = []
        self._handle = acme.simulator.handle
        acme.simulator.handle = self._noted  # type: ignore[method-assign]

    async def _noted(self, request: Request) -> Answer:
        answer = await self._handle(request)
        self.calls.append((request, answer))
        return answer


async def everything(acme: AtWork) -> Spy:
    """Read every entity and make every write once; return what was called."""
    fill_orders(acme.books, start=NOON, count=40, let_in=40)
    spy = Spy(acme)
    await acme.connector.check()
    shipped = acme.put(KETTLE)
    tracks = [{"track_number": "T9", "carrier_code": "ups", "title": "UPS"}]
    acts.ship(acme.books, shipped, tracks=tracks, comment="by hand", notify=True)
    later = acme.books.now() + timedelta(hours=1)
    for entity in reads(acme.connector._config):
        assert await acme.all(NOON - timedelta(days=60), later, entity=entity), entity
    by_hand, order, paid, cancelled = (acme.put(method="authorizenet") for _ in range(4))
    acts.ship(acme.books, by_hand)
    tier = structs.replace(test_writing.PRICE, minimum_quantity=Decimal(5))
    before = {"special_price": "41.50"}
    works: list[tuple[str, Record, dict[str, Any]]] = [
        ("inventory", test_writing.LEVEL, {}),
        ("prices", test_writing.REDUCED, {}),
        ("prices", test_writing.PRICE, {"previous": before}),
        ("prices", tier, {}),
        ("prices", structs.replace(tier, minimum_quantity=Decimal(6)),
         {"previous": {"tier_price": "41.50", "tier_quantity": "5"}}),
        ("products", test_goods.TEE, {}),
        ("customers", test_goods.CUSTOMER, {}),
        ("shipments", test_shipments.parcel(by_hand), {}),
        ("shipments", test_shipments.parcel(order, source_id="p2"),
         {"settings": {"source": "default"}}),
        ("payments", test_shipments.payment(paid), {"settings": {"capture": "Always"}}),
        ("orders", test_goods.sale(cancelled, cancelled_at=NOON),
         {"bound": str(cancelled["entity_id"]), "set": {"comment": "c", "status": "pending"}}),
    ]  # fmt: skip
    for entity, record, more in works:
        outcomes = await acme.write(entity, record, **more)
        assert all(one.found for one in outcomes), (entity, outcomes)
    bound = str(max(acme.books.shipments))
    right = test_shipments.parcel(order, source_id="p2", trackings=())
    await acme.write("shipments", right, bound=bound, previous=test_shipments.PREVIOUS)
    renamed = structs.replace(test_goods.TEE, title="Shirt")
    await acme.write("products", renamed, bound=str(acme.product("TEE-S")["id"]))
    return spy


@pytest.mark.parametrize("version", _VERSIONS)
async def test_all_we_call_and_are_answered_is_as_described(acme: AtWork, version: str) -> None:
    spec(version)
    spy = await everything(acme)
    problems: set[str] = set()
    names: set[str] = set()
    for request, answer in spy.calls:
        path = "/" + request.path.partition("/rest/")[2].partition("/")[2]
        name, described = operation(version, request.method, path)
        names.add(name)
        problems |= {f"{name}: {one}" for one in _of_call(version, name, described, request)}
        if answer.status == 200:
            problems |= {f"{name}: {one}" for one in _of_answer(version, name, described, answer)}
    assert problems == set()
    assert len(names) >= 28, sorted(names)


def _of_call(version: str, name: str, described: Any, request: Request) -> Iterator[str]:
    known = {one["name"]: one for one in described.get("parameters", ())}
    body = next((one for one in known.values() if one["in"] == "body"), None)
    if request.body:
        assert body is not None, f"{name} takes no body"
        yield from wrong(version, body["schema"], decode_json(request.body), "body")
    for query in request.query:
        plain = re.sub(r"\[\d+\]", "[0]", query).replace("filter_groups", "filterGroups")
        plain = plain.replace("condition_type", "conditionType")
        if plain not in known:
            yield f"{query} is no parameter"


def _of_answer(version: str, name: str, described: Any, answer: Answer) -> Iterator[str]:
    schema = described["responses"].get("200", {}).get("schema")
    if schema is None:
        return
    if name in _AS_TEXT:
        assert str(decode_json(answer.body)).isdecimal()
        return
    yield from wrong(version, schema, decode_json(answer.body), "answer")


@pytest.mark.parametrize("version", _VERSIONS)
async def test_without_the_inventory_modules_too(version: str) -> None:
    spec(version)
    async with open_shop(config={"inventory": "StockItem"}, sources=None) as acme:
        spy = Spy(acme)
        assert await acme.all(entity="inventory")
        await acme.write("inventory", test_writing.LEVEL)
        for request, answer in spy.calls:
            path = "/" + request.path.partition("/rest/")[2].partition("/")[2]
            name, described = operation(version, request.method, path)
            assert list(_of_call(version, name, described, request)) == []
            assert list(_of_answer(version, name, described, answer)) == []


def test_what_is_not_described_is_seen() -> None:
    schema = {"$ref": "#/definitions/sales-data-shipment-track-interface"}
    odd = {"track_number": 7, "colour": "red"}
    assert list(wrong("2.4.9", schema, odd, "t")) == [
        "t.track_number is 7, no string", "t.colour is not described"]  # fmt: skip
    with pytest.raises(AssertionError, match="has no PUT /V1/nothing"):
        operation("2.4.9", "PUT", "/V1/nothing")
