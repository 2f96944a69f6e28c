"""A config that does not fit is told with the field's path, and nothing was sent then."""

from typing import Any

import pytest
from msgspec import Struct

from knect.sdk.config import odd, typed, zone
from knect.sdk.errors import Fatal


class Stock(Struct, frozen=True, forbid_unknown_fields=True):
    warehouses: tuple[str, ...] = ()


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    url: str
    stock: Stock = Stock()


def test_what_fits_is_typed() -> None:
    found = typed({"url": "https://erp.example", "stock": {"warehouses": ["WH"]}}, Config)
    assert found == Config("https://erp.example", Stock(("WH",)))


@pytest.mark.parametrize(
    ("config", "path", "said"),
    [
        ({"url": "x", "stock": {"warehouses": ["WH", 3]}}, "config.stock.warehouses[1]", "`str`"),
        ({"url": 5}, "config.url", "Expected `str`, got `int`"),
        ({}, "config", "missing required field `url`"),
        ({"url": "x", "stok": {}}, "config", "unknown field `stok`"),
    ],
)
def test_what_does_not_is_named(config: dict[str, Any], path: str, said: str) -> None:
    with pytest.raises(Fatal) as told:
        typed(config, Config)
    assert told.value.path == path
    assert told.value.message.startswith(f"{path}: ")
    assert said in told.value.message
    assert not told.value.could_have_been_seen


def test_an_odd_value_is_quoted_with_what_was_expected() -> None:
    told = odd("config.amounts", "both", "must be base or order")
    assert (told.message, told.value) == (
        "config.amounts is 'both'; it must be base or order",
        "both",
    )


@pytest.mark.parametrize("name", ["Mars", "", "../etc/passwd", "Europe/Berlin\0"])
def test_a_zone_nobody_knows_is_told(name: str) -> None:
    assert zone("Europe/Berlin", "config.timeZone").key == "Europe/Berlin"
    with pytest.raises(Fatal, match=r"config.timeZone is .* it must be an IANA name"):
        zone(name, "config.timeZone")
