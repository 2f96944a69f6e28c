"""Two products with one code: named, and never chosen between."""

from typing import Any, cast

import pytest

from knect.sdk.contract import Reference
from knect.sdk.errors import BadRecord, Refused
from knect_connectors.tryton.client import TrytonClient
from knect_connectors.tryton.resolve import resolve
from knect_connectors.tryton.twins import mark_twins, refuse_twins


def _product(number: int, code: str, *, active: bool = True) -> dict[str, Any]:
    return {"id": number, "code": code, "name": f"Thing {number}", "active": active}


class _Tryton:
    """A Tryton whose database lets active products share a code."""

    def __init__(self, *products: dict[str, Any]) -> None:
        self.products = products

    async def facts(self) -> None:
        return None

    async def search_read(self, *_: Any, **__: Any) -> Any:
        return self.products


def _tryton(*products: dict[str, Any]) -> TrytonClient:
    return cast("TrytonClient", _Tryton(*products))


async def test_an_order_for_a_code_of_two_is_refused_with_both_names() -> None:
    wanted = [Reference(kind="sku", value=sku, path="") for sku in ("A", "B", "C")]
    products = (_product(1, "A"), _product(2, "A"), _product(3, "B"))
    answers = await resolve(_tryton(*products), wanted)
    refusal = answers["sku", "A"]
    assert isinstance(refusal, Refused)
    assert (refusal.code, refusal.value) == ("DuplicateSku", "A")
    assert refusal.message == (
        "Tryton has 2 products with the code 'A': 'Thing 1' (product 1) and 'Thing 2' (product 2);"
        " nobody can tell which one is meant, give each a code of its own, then retry"
    )
    assert (answers["sku", "B"], ("sku", "C") in answers) == ("3", False)


@pytest.mark.parametrize(
    ("active", "refused"),
    [
        ((True, True), (True, True)),
        ((True, False), (False, True)),
        ((False, False), (True, True)),
    ],
)
async def test_stock_is_of_the_only_active_one_or_of_none(
    active: tuple[bool, ...], refused: tuple[bool, ...]
) -> None:
    products = [_product(n, "A", active=one) for n, one in enumerate(active)]
    raws: list[dict[str, Any]] = [{"id": n, "code": "A"} for n in range(2)]
    await mark_twins(_tryton(*products), raws)
    for raw, one in zip(raws, refused, strict=True):
        if not one:
            refuse_twins(raw)
            continue
        with pytest.raises(BadRecord, match=r"'Thing 0' .* and 'Thing 1' "):
            refuse_twins(raw)


async def test_who_has_no_code_has_no_twin() -> None:
    raws: list[dict[str, Any]] = [{"id": n, "code": None} for n in range(2)]
    await mark_twins(_tryton(_product(0, "A")), raws)
    assert raws == [{"id": 0, "code": None}, {"id": 1, "code": None}]
