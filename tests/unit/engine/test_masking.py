"""What nobody is to be shown is shown nowhere but in the payload store."""

from pathlib import Path

import pytest
from sqlalchemy import delete, select, update
from tests.support.toy import World, a_pipeline, an_order

from knect.engine.deciding.masking import (
    HIDDEN,
    hidden_values,
    is_masked,
    mask_payload,
    mask_payloads,
    masked_texts,
    parts_in,
    without,
)
from knect.engine.working.requests import Request, perform
from knect.gateway import questions
from knect.ledger import schema as s
from knect.sdk.errors import Refused
from knect.seams import new_id

CANARY = "canary@example.com"
MASK = ["customer.email", "lines.sku"]


def test_a_path_is_masked_with_everything_below_it() -> None:
    assert is_masked("customer.email", MASK)
    assert is_masked("lines[3].sku", MASK)
    assert is_masked("billing_address.city", ["billing_address"])
    assert not is_masked("customer.email_verified", MASK)
    assert not is_masked("total", MASK)


def test_values_are_recognised_under_any_name() -> None:
    record = {"customer": {"email": CANARY}, "lines": [{"sku": "A"}, {"sku": "B"}], "note": "A"}
    hidden = hidden_values(masked_texts(record, MASK))
    assert CANARY not in str(hidden)
    payload = {"buyer": {"mail": CANARY.upper()}, "rows": ["A", "C"], "n": 1}
    assert mask_payload(payload, hidden) == {
        "buyer": {"mail": HIDDEN},
        "rows": [HIDDEN, "C"],
        "n": 1,
    }


@pytest.mark.parametrize(
    ("sentence", "left"),
    [
        ("Ann O'Hara is blocked", "*** is blocked"),
        ("""no: 'Ann O\\'Hara'""", "no: '***'"),
        ("no: ANN O'HARA.", "no: ***."),
        ("302 to /x?name=Ann%20O%27Hara", "302 to /x?name=***"),
        ("302 to /x?name=Ann+O%27Hara&a=1", "302 to /x?name=***&a=1"),
        ('{"name": "K\\u00f6ln"}', '{"name": "***"}'),
        ("7 of 77 in row 7", "*** of 77 in row ***"),
        ("it costs +5 more, not +57", "it costs *** more, not +57"),
        ("nothing here", "nothing here"),
    ],
)
def test_a_sentence_is_told_without_what_is_masked(sentence: str, left: str) -> None:
    assert without(sentence, {"Ann O'Hara", "7", "+5", "Köln"}) == left


async def test_a_record_that_cannot_be_read_shows_none_of_its_values(tmp_path: Path) -> None:
    async with World(tmp_path, a_pipeline(privacy={"mask": ["customer.email"]})) as world:
        world.shop.put("g1", **an_order("1", email=CANARY, total=CANARY))
        world.clock.advance(60)
        await world.run()
        (row,) = await world.transactions()
        assert (row.fate, row.reason, row.value) == ("rejected", "BadRecord", HIDDEN)
        assert CANARY not in f"{row}"


async def test_what_was_not_worked_on_yet_is_masked_as_it_will_be(tmp_path: Path) -> None:
    async with World(tmp_path, a_pipeline(privacy={"mask": ["customer.email"]})) as world:
        world.shop.put("g1", **an_order("1", email=CANARY))
        world.clock.advance(60)
        await world.run()
        wish = Request(verb="replay", actor="ana", keys=("1",))
        done = await world.ledger.write(lambda c: perform(c, wish, now_us=1, new_id=new_id))
        shown = await questions.show(world.ledger, done["ids"][0], payload=True)
        assert CANARY not in f"{shown}"
        assert "what is to be masked is not known" in shown.payloads["hidden"]


async def test_what_no_mapping_is_known_for_is_not_shown(tmp_path: Path) -> None:
    async with World(tmp_path, a_pipeline()) as world:
        world.shop.put("g1", **an_order("1", email=CANARY))
        world.clock.advance(60)
        await world.run()
        t, m = s.transactions, s.mappings
        for statement in (update(t).values(mapping=None, hidden=None), delete(m)):
            await world.ledger.write(lambda c, do=statement: c.execute(do))  # type: ignore[misc]
        (row,) = await world.transactions()
        shown = await questions.show(world.ledger, row.id, payload=True)
        assert list(shown.payloads) == ["hidden"]


async def test_no_text_of_the_ledger_but_payloads_and_keys_has_a_masked_value(
    tmp_path: Path,
) -> None:
    pipeline = a_pipeline(privacy={"mask": ["customer.email", "lines.sku"]})
    async with World(tmp_path, pipeline) as world:
        lines = [{"sku": "CANARY-7", "quantity": "2", "price": "10.00"}]
        world.shop.put("g1", **an_order("1", email=CANARY, lines=lines))
        world.clock.advance(60)
        await world.run()
        (row,) = await world.transactions()
        assert (row.fate, row.field, row.value) == ("waiting", "lines[0].sku", HIDDEN)
        shown = row._replace(waits_for=None) if hasattr(row, "_replace") else row
        texts = [str(value) for name, value in shown._mapping.items() if name != "waits_for"]
        assert not [text for text in texts if "CANARY-7" in text or CANARY in text]


@pytest.mark.parametrize("path", ["customer.email", "buyer.mail", None])
async def test_a_refusal_that_quotes_a_masked_value_is_shown_without_it(
    tmp_path: Path, path: str | None
) -> None:
    async with World(tmp_path, a_pipeline(privacy={"mask": ["customer.email"]})) as world:
        world.shop.put("g1", **an_order("1", email=CANARY))
        world.clock.advance(60)

        def refuse(_calls: object) -> None:
            raise Refused(f"{CANARY} is blocked", path=path, value=CANARY)

        world.erp.before = refuse
        await world.run()
        (row,) = await world.transactions()
        assert (row.fate, row.value, row.message) == ("rejected", HIDDEN, f"{HIDDEN} is blocked")
        effects = await world.ledger.read(lambda c: list(c.execute(select(s.effects))))
        assert CANARY not in f"{row}{effects}{row.timeline!r}"
        assert f"{HIDDEN} is blocked" in f"{effects}"


async def test_the_terms_of_a_level_do_not_say_what_is_masked(tmp_path: Path) -> None:
    pipeline = a_pipeline(
        "stock", entity="inventory", privacy={"mask": ["on_hand"]},
        mapping={"set": {"stock": "level.on_hand * 2", "place": "level.location"}},
    )  # fmt: skip
    async with World(tmp_path, pipeline) as world:
        world.shop.put("KN-1", entity="inventory", stock=471147114711)
        world.clock.advance(60)
        await world.run()
        (row,) = await world.transactions()
        assert row.fate == "delivered"
        assert "level.on_hand = ***" in row.timeline
        assert "stock = ***; place = main" in row.timeline
        assert "471147114711" not in row.timeline
        assert "942294229422" not in row.timeline


@pytest.mark.parametrize("made", [{}, {"total": "order.totals.total"}], ids=["as is", "mapped"])
async def test_a_guard_names_no_number_that_is_masked(tmp_path: Path, made: dict[str, str]) -> None:
    guards = [{"field": "total", "maxChangePercent": 50}]
    mapping = {"set": made, "guards": guards}
    pipeline = a_pipeline(mapping=mapping, privacy={"mask": ["totals.total"]})
    async with World(tmp_path, pipeline) as world:
        for total in ("47.11", "424242424242.42"):
            lines = [{"sku": "KN-1", "quantity": "1", "price": total}]
            world.shop.put("g1", **an_order("1", total=total, lines=lines))
            world.clock.advance(60)
            await world.run()
        held = (await world.transactions())[-1]
        assert (held.reason, held.field, held.value) == ("NeedsApproval", "total", HIDDEN)
        assert held.message == (
            "total changes by more than 50 %; approve it with knect approve, or correct it at the "
            "source"
        )
        shown = f"{held.message}{held.timeline}"
        assert "47.11" not in shown
        assert "424242424242" not in shown


NOTE = "Please ring twice, the bell is broken; my number is canary-471147. " * 12


@pytest.mark.parametrize(
    ("sentence", "path", "value"),
    [
        (f"the note {NOTE!r} is too long", None, None),
        (f"note: {NOTE}"[:300], None, None),
        ("not that text", "remarks", NOTE),
        ("not that text", "remarks", f"web order: {NOTE}"),
        ("not that text", "remarks", {"text": NOTE}),
    ],
)
async def test_a_long_text_that_is_quoted_in_part_is_not_told(
    tmp_path: Path, sentence: str, path: str | None, value: object
) -> None:
    async with World(tmp_path, a_pipeline(privacy={"mask": ["note"]})) as world:
        world.shop.put("g1", **an_order("1", note=NOTE))
        world.clock.advance(60)

        def refuse(_calls: object) -> None:
            raise Refused(sentence, path=path, value=value)

        world.erp.before = refuse
        await world.run()
        (row,) = await world.transactions()
        effects = await world.ledger.read(lambda c: list(c.execute(select(s.effects))))
        assert row.fate == "rejected"
        assert "ring" not in f"{row.message}{row.value}{row.timeline}{effects}"


async def test_a_value_that_has_a_masked_text_within_is_told_without_it(tmp_path: Path) -> None:
    async with World(tmp_path, a_pipeline(privacy={"mask": ["customer.email"]})) as world:
        world.shop.put("g1", **an_order("1", email=CANARY))
        world.clock.advance(60)

        def refuse(_calls: object) -> None:
            raise Refused("no such contact", path="contact", value=f"Ana <{CANARY}>, buyer")

        world.erp.before = refuse
        await world.run()
        (row,) = await world.transactions()
        assert (row.field, row.value) == ("contact", f"Ana <{HIDDEN}>, buyer")


def test_payloads_hide_what_is_masked_wherever_it_stands() -> None:
    hidden = hidden_values(["Zoë Canary", "Lane 7\nFloor 2", CANARY])
    source = {
        "mail": CANARY.upper(),
        "contacts": {CANARY: {"kind": "buyer"}, "other": [f"mailto:{CANARY}?subject=1"]},
        "name": "Zoe\u0308 Canary",
        "street": "Lane 7 Floor 2",
        "seen": 3,
    }
    erp = {"remarks": [f"web order of {CANARY}; ship to LANE 7 FLOOR 2"], "total": "10.00"}
    shown = mask_payloads({"source": source, "destination": erp}, hidden)
    assert shown == {
        "source": {
            "mail": HIDDEN,
            "contacts": {HIDDEN: {"kind": "buyer"}, "other": [f"mailto:{HIDDEN}?subject=1"]},
            "name": HIDDEN,
            "street": HIDDEN,
            "seen": 3,
        },
        "destination": {"remarks": [f"web order of {HIDDEN}; ship to {HIDDEN}"], "total": "10.00"},
    }


def test_what_a_source_has_in_two_fields_is_masked_in_both() -> None:
    raw = {"buyer": {"given": "Zoë", "family": "Canary-Jones"}, "note": "Zoë likes it", "n": "3"}
    assert parts_in(raw, ["Zoë Canary-Jones"]) == {"Zoë", "Canary-Jones"}
    assert parts_in(raw, ["one of these words is Zoë Canary-Jones"]) == set()
    assert parts_in({"house": "7", "n": "3"}, ["Lane 7"]) == set()
