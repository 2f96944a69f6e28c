"""Our external id: by it a destination knows what is ours, for ever."""

from knect.engine.delivering.settings import external_id

LONG = "gid://shopify/FulfillmentOrderLineItem/" + "9" * 40


def test_it_is_made_of_the_connections_name_and_the_records_id() -> None:
    assert external_id("acme-shop", "orders", "1001") == "acme-shop:1001"
    assert external_id("acme", "orders", "1001") != external_id("acme-shop", "orders", "1001")


def test_a_long_one_is_cut_to_what_fits_and_stays_its_own() -> None:
    one, other, elsewhere = (
        external_id(source, "shipments", name)
        for source, name in (("acme-shop", LONG), ("acme-shop", LONG + "1"), ("acme", LONG))
    )
    assert len({one, other, elsewhere}) == 3
    assert max(map(len, (one, other, elsewhere))) <= 64
    assert one == external_id("acme-shop", "shipments", LONG)
