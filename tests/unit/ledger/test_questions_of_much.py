"""Questions of a ledger with much in it: answers stay right, short, and cost what is shown."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event, update
from tests.unit.ledger.book import SECOND, Book
from tests.unit.ledger.plans import with_plan

from knect.ledger import Fate
from knect.ledger import schema as s
from knect.ledger.actions import select_transactions
from knect.ledger.questions.checks import delivered_documents, known_versions
from knect.ledger.questions.explaining import explained
from knect.ledger.questions.queries import find
from knect.ledger.questions.stopped import stuck, stuck_by_reason
from knect.ledger.questions.waits import unmapped_values, waited_for_at

ANA = [("email", "ana@example.com")]
#: More than are ever shown of one customer.
ORDERS = 260


async def _statements(book: Book, unit: Callable[[Connection], Any]) -> tuple[Any, int]:
    """Return what a unit comes to, and how many statements that took."""

    def counted(c: Connection) -> tuple[Any, int]:
        asked: list[str] = []

        def note(_c: Any, _cursor: Any, text: str, *_: Any) -> None:
            asked.append(text)

        event.listen(c, "before_cursor_execute", note)
        result = unit(c)
        event.remove(c, "before_cursor_execute", note)
        return result, len(asked)

    return await book.ledger.write(counted)


async def _waiting_for_many(book: Book, *values: str) -> None:
    for value in values:
        await book.see(f"o-{value}")
        book.now += SECOND
        await book.work(
            "waiting", reason="UnknownSku", value=value, waits_for=f"sku:{value}@erp", message="m"
        )


async def test_the_one_that_is_stopped_is_found_among_hundreds_of_a_customer(
    tmp_path: Path,
) -> None:
    """Open ones come first, then the newest: whatever the ids of the others are."""
    async with Book(tmp_path / "ledger.db") as book:
        await book.see(*(f"a{n:04}" for n in range(ORDERS)), keys=ANA)
        await book.work("delivered")
        book.now += SECOND
        await book.see("z-new", keys=ANA)
        await book.work("delivered")
        await book.see("z-stopped", keys=ANA)
        await book.work("waiting", reason="UnknownSku")
        found = await book.ledger.read(lambda c: find(c, "ana@example.com"))
        assert [one.source_id for one in found[:2]] == ["z-stopped", "z-new"]
        pages = [
            await book.ledger.read(lambda c, n=n: find(c, "ana@example.com", offset=n))  # type: ignore[misc]
            for n in range(0, ORDERS + 50, 50)
        ]
        assert len({one.source_id for page in pages for one in page}) == ORDERS + 2


async def test_what_stopped_long_ago_is_found_behind_all_that_came_since(tmp_path: Path) -> None:
    """Of a key that everything has, the newest are looked at, and the open ones."""
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("old", keys=ANA)
        await book.work("rejected", reason="TotalsMismatch")
        book.now += SECOND
        for n in range(8):
            await book.see(f"new{n}", keys=ANA)
        await book.work("delivered")
        found = await book.ledger.read(lambda c: find(c, "ana@example.com", most=5))
        assert {one.source_id for one in found} == {"old", *(f"new{n}" for n in range(3, 8))}


async def test_an_example_of_what_is_stuck_is_stuck(tmp_path: Path) -> None:
    """Not a rejected order that was corrected at the shop and is delivered."""
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("1", "2")
        await book.work("rejected", reason="TotalsMismatch")
        await book.see("1", token="2")
        await book.work("delivered")
        (group,) = await book.ledger.read(stuck)
        assert (group.count, group.examples) == (1, ("2",))


async def test_examples_of_two_causes_that_share_a_reason_or_a_value_are_told_apart(
    tmp_path: Path,
) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        for name, reason, value in (
            ("1", "UnknownSku", "x"), ("2", "UnknownSku", "y"), ("3", "UnknownTax", "x"),
            ("4", "UnknownTax", None), ("5", None, "x"), ("6", None, None),
        ):  # fmt: skip
            await book.see(name)
            await book.work("waiting", reason=reason, value=value)
        groups = await book.ledger.read(stuck)
        assert {(g.reason, g.value, g.examples) for g in groups} == {
            ("UnknownSku", "x", ("1",)), ("UnknownSku", "y", ("2",)), ("UnknownTax", "x", ("3",)),
            ("UnknownTax", None, ("4",)), (None, "x", ("5",)), (None, None, ("6",)),
        }  # fmt: skip


async def test_many_causes_are_asked_for_with_few_statements(tmp_path: Path) -> None:
    """One statement for each cause reads all that is stuck once for each: minutes, with a lock."""
    async with Book(tmp_path / "ledger.db") as book:
        await _waiting_for_many(book, *map(str, range(30)))
        for question, most in ((stuck, 2), (unmapped_values, 2), (stuck_by_reason, 1)):
            found, statements = await _statements(book, question)
            assert found
            assert statements <= most, question
        groups = await book.ledger.read(lambda c: stuck(c, limit=7, offset=5))
        assert [g.examples for g in groups] == [(f"o-{n}",) for n in range(5, 12)]


async def test_what_is_stuck_is_counted_by_reason_whatever_the_values(tmp_path: Path) -> None:
    """What metrics are made of: a worker is asked for them every few seconds."""
    async with Book(tmp_path / "ledger.db") as book:
        await _waiting_for_many(book, "1", "2")
        (one,) = await book.ledger.read(stuck_by_reason)
        assert (one.pipeline, one.fate, one.reason, one.count) == (
            "orders", "waiting", "UnknownSku", 2,
        )  # fmt: skip
        assert one.oldest_us == book.now - SECOND


async def test_only_causes_of_a_fate_are_named(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await _waiting_for_many(book, "1")
        await book.see("2")
        await book.work("unknown", reason="AnswerLost")
        (one,) = await book.ledger.read(lambda c: stuck(c, fates=(Fate.UNKNOWN,)))
        assert one.examples == ("2",)


async def test_where_a_value_is_waited_for_is_asked_by_its_name(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await _waiting_for_many(book, "1", "2")
        for value, destinations in (("1", ["erp"]), ("3", []), ("", []), ("%", [])):
            found = await book.ledger.read(lambda c, v=value: waited_for_at(c, "sku", v))  # type: ignore[misc]
            assert found == destinations


async def test_what_is_called_so_is_acted_on_without_reading_the_whole_ledger(
    tmp_path: Path,
) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await book.see(*map(str, range(1000)))
        await book.work("delivered")
        await book.see("7 refund 1")
        for words, names in ((("7",), ["7"]), (("7", "8"), ["7", "8"])):
            selected, steps = await with_plan(
                book,
                lambda c, w=words: select_transactions(c, keys=w, fates=tuple(Fate)),  # type: ignore[misc]
            )
            rows = {row.seq: row.source_id for row in await book.rows()}
            assert [rows[seq] for seq in selected] == names
            assert not [x for x in steps if x.startswith("SCAN") and x.split()[1] == "transactions"]


async def test_what_no_key_leads_to_is_acted_on_by_what_it_is_called(tmp_path: Path) -> None:
    """A refund is called "1001 refund 7" and found by its order and its id."""
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("1", "2")
        rename = update(s.transactions).where(s.transactions.c.source_id == "2")
        await book.ledger.write(lambda c: c.execute(rename.values(key="1001 refund 2")))
        for words, count in ((("1001 refund 2",), 1), (("1001 refund 2", "1"), 2), (("3",), 0)):
            selected = await book.ledger.read(lambda c, w=words: select_transactions(c, keys=w))  # type: ignore[misc]
            assert len(selected) == count


async def test_who_asks_for_an_order_gets_it_before_its_payments_and_parcels(
    tmp_path: Path,
) -> None:
    """They are newer, and it is the order that was asked for; what is stopped still comes first."""
    async with Book(tmp_path / "ledger.db") as book:
        for name in (
            "1001",
            "1001 payment 1",
            "1001 payment 2",
            "1001 shipment 1",
            "1001 refund 1",
        ):
            await book.see(name, keys=[("number", "1001")])
            if name != "1001 refund 1":
                await book.work("delivered")
            book.now += SECOND
        found = await book.ledger.read(lambda c: find(c, "1001", typed="1001"))
        assert [one.key for one in found] == [
            "1001 refund 1", "1001", "1001 shipment 1", "1001 payment 2", "1001 payment 1",
        ]  # fmt: skip


async def test_a_number_is_explained_without_reading_the_whole_ledger(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await book.see(*map(str, range(1000)))
        await book.see("KN-7", keys=[("figure", "kn-7")])
        stock = update(s.transactions).values(entity="inventory")
        await book.ledger.write(lambda c: c.execute(stock))
        found, steps = await with_plan(
            book, lambda c: explained(c, "KN-7", counted_us=lambda _timeline: None)
        )
        assert [one.key for one in found] == ["KN-7"]
        assert not [x for x in steps if x.startswith("SCAN") and x.split()[1] == "transactions"]


async def test_a_record_that_is_waited_for_is_no_value_to_be_mapped(tmp_path: Path) -> None:
    """A shipment waits for its order, which comes by itself: nobody is told to map an order."""
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("1", "2", "3")
        for row, reason in zip(
            await book.claim(), ("ParentNotDelivered", "OutcomeUnknown", "UnknownSku"), strict=True
        ):
            await book.end([row], "waiting", reason=reason, waits_for=f"orders:{row.source_id}@erp")
        values = await book.ledger.read(unmapped_values)
        assert [value.value for value in values] == ["3"]
        assert await book.ledger.read(lambda c: waited_for_at(c, "orders", "1")) == []


async def test_an_audit_asks_for_documents_by_the_page(tmp_path: Path) -> None:
    """A million of them at once were half a gigabyte in memory."""
    async with Book(tmp_path / "ledger.db") as book:
        names = [f"o{n}" for n in range(7)]
        await book.see(*names)
        await book.work("delivered")
        await book.see("o3", token="2")
        await book.work("unchanged")  # says nothing of where it is; its binding does
        await book.see("o5", token="2")  # on its way: what was written before is asked for
        for limit in (1, 3, 7, 8):
            found, after, pages = [], 0, 0
            while after or not pages:
                documents, after = await book.ledger.read(
                    lambda c, a=after, n=limit: delivered_documents(c, "orders", after=a, limit=n)  # type: ignore[misc]
                )
                assert len(documents) <= limit
                found += [(one.key, one.destination_id, one.external_id) for one in documents]
                pages += 1
            assert sorted(found) == [(n, f"D{n}", f"shop:{n}") for n in names]
            assert pages == 7 // limit + 1


async def test_an_audit_asks_each_destination_for_its_own_documents(tmp_path: Path) -> None:
    """An order is in the ERP and in the CRM: what the CRM calls it, the ERP need not know."""
    async with Book(tmp_path / "ledger.db", "crm-orders", "orders") as book:
        at_crm = update(s.subscriptions).where(s.subscriptions.c.pipeline == "crm-orders")
        await book.ledger.write(lambda c: c.execute(at_crm.values(destination="crm")))
        await book.see("1")
        for pipeline, where in (("crm-orders", "crm"), ("orders", "erp")):
            await book.work("delivered", pipeline=pipeline)
            if where == "crm":
                for table, change in (
                    (s.bindings, {"destination": "crm", "destination_id": "C1"}),
                    (s.effects, {"key": "crm/orders/shop:1", "destination_id": "C1"}),
                ):
                    await book.ledger.write(
                        lambda c, t=table, v=change: c.execute(update(t).values(v))  # type: ignore[misc]
                    )
        for pipeline, named in (("crm-orders", ("crm", "C1")), ("orders", ("erp", "D1"))):
            ((one,), _) = await book.ledger.read(
                lambda c, p=pipeline: delivered_documents(c, p)  # type: ignore[misc]
            )
            assert (one.destination, one.destination_id) == named


async def test_which_of_a_page_are_recorded_is_asked_for_by_name(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("1", "2")
        await book.see("1", token="2")
        feed = book.feed.seq
        known = await book.ledger.read(lambda c: known_versions(c, feed, {"1", "9"}))
        assert [(name, token) for name, (token, _) in known.items()] == [("1", "2")]
        assert await book.ledger.read(lambda c: known_versions(c, feed + 1, {"1"})) == {}
