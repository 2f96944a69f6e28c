"""A template with its variants is one product, with axes, images by content, and one time."""

import asyncio
import base64
import struct
import zlib
from datetime import UTC, datetime
from urllib.request import urlopen

import pytest
from tests.integration.tryton.catalog.hands import changes

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


async def product(connector, title):
    found = await changes(connector, "products", LONG_AGO)
    records = [connector.source.to_record("products", one.raw) for one in found]
    (one,) = [one for one in records if one.title == title]
    return one


def a_picture(red: int) -> bytes:
    """Return a PNG of one pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixel = zlib.compress(bytes([0, red, 0, 0]))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")


def fetched(url: str) -> tuple[str, bytes]:
    with urlopen(url, timeout=10) as answer:
        return answer.headers["content-type"], answer.read()


async def test_variants_are_one_product_with_their_attributes_as_axes(erp):
    tee = await product(erp(), "Tee")
    assert (tee.option_names, tee.status, tee.kind) == (("Color", "Size"), "active", "goods")
    assert {v.sku: v.options for v in tee.variants} == {
        "TEE-S-R": {"Color": "red", "Size": "S"},
        "TEE-M-R": {"Color": "red", "Size": "M"},
        "TEE-M-B": {"Color": "blue", "Size": "M"},
    }
    assert {(v.price, v.currency, v.tracked) for v in tee.variants} == {(15, "EUR", True)}


async def test_one_variant_has_no_axes(erp):
    thing = await product(erp(), "Thing KN-3")
    (variant,) = thing.variants
    assert (thing.option_names, variant.options, variant.sku) == ((), {}, "KN-3")


@pytest.mark.parametrize("part", ["template", "variant", "image"])
async def test_a_change_of_any_part_is_a_change_of_the_product(erp, clerk, part):
    connector, row = erp(), await clerk.product("KN-5")
    since = await connector.source.server_time()
    if part == "template":
        values = {"name": "Thing KN-5"}
        await clerk.client.call("model.product.template.write", [row["template"]], values)
    elif part == "variant":
        values = {"description": f"since {since}"}
        await clerk.client.call("model.product.product.write", [row["id"]], values)
    else:
        picture = {"__class__": "bytes", "base64": base64.b64encode(a_picture(9)).decode()}
        image = {"template": row["template"], "image": picture, "description": "Front"}
        await clerk.client.call("model.product.image.create", [image])
    found = await changes(connector, "products", since)
    assert str(row["template"]) in [one.id for one in found]


async def test_images_are_named_by_their_content(erp, clerk):
    connector, row = erp(), await clerk.product("KN-6")
    for red in (1, 2, 1):
        picture = {"__class__": "bytes", "base64": base64.b64encode(a_picture(red)).decode()}
        image = {"template": row["template"], "image": picture}
        await clerk.client.call("model.product.image.create", [image])
    images = (await product(connector, "Thing KN-6")).images
    assert len(images) == 3
    assert images[0].hash == images[2].hash != images[1].hash
    assert images[0].url.startswith("http://127.0.0.1:")
    raw = next(
        one.raw for one in await changes(connector, "products", LONG_AGO)
        if one.id == str(row["template"])
    )  # fmt: skip
    assert "image" not in raw["images"][0], "the bytes are not kept"


async def test_the_address_of_an_image_gives_the_image(erp, clerk, server):
    """What the shop is told to fetch is there, without credentials."""
    connector, row = erp(), await clerk.product("KN-7")
    picture = {"__class__": "bytes", "base64": base64.b64encode(a_picture(200)).decode()}
    image = {"template": row["template"], "image": picture}
    await clerk.client.call("model.product.image.create", [image])
    (one,) = (await product(connector, "Thing KN-7")).images
    kind, body = await asyncio.to_thread(fetched, one.url)
    assert (kind, body[:2]) == ("image/jpeg", b"\xff\xd8")


async def test_what_is_no_longer_sold_is_archived(erp, clerk):
    row = await clerk.product("KN-13")
    await clerk.counts("KN-13", 0)
    write, template = "model.product.template.write", [row["template"]]
    await clerk.client.call(write, template, {"active": False})
    try:
        assert (await product(erp(), "Thing KN-13")).status == "archived"
    finally:
        await clerk.client.call(write, template, {"active": True})
        await clerk.client.call("model.product.product.write", [row["id"]], {"active": True})
