"""What a person does in the console: counted, asked, done once, and told."""

from collections.abc import Callable

import pytest
from tests.support.gateway.ledgers import SKU, everything
from tests.unit.console.conftest import Page, Scene
from tests.unit.ledger.book import Book


def _follow(scene: Scene, fields: dict[str, str], path: str = "/act") -> tuple[str, Page]:
    answer = scene.send(path, fields)
    assert answer.status_code == 303, answer.text
    where = answer.headers["location"]
    return where, scene.page(where)


def test_a_cause_is_counted_then_retried_then_told(scene: Scene) -> None:
    asked = scene.page("/act?verb=retry&because=UnknownSku&pipeline=orders")
    assert "3 transactions are meant." in asked.text
    assert "all that stopped for UnknownSku of orders" in asked.text
    where, done = _follow(scene, {**asked.fields, "reason": "they are there now"})
    assert "3 transactions: due now" in done.text
    assert scene.page(where).text.partition("read ")[0] == done.text.partition("read ")[0]
    story = scene.page("/find?key=1003").text
    assert "is on its way" in story
    assert story.count("retry asked for") == 1


def test_one_is_skipped_with_a_reason_and_never_without(scene: Scene) -> None:
    asked = scene.page("/act?verb=skip&word=1002")
    assert "Order #1002 (shop) is waiting." in asked.text
    assert "ended for good" in asked.text
    refused = scene.send("/act", {**asked.fields, "reason": "  "})
    assert refused.status_code == 400
    assert "say why" in refused.text
    assert "is waiting" in scene.page("/find?key=1002").text
    _, done = _follow(scene, {**asked.fields, "reason": "a test"})
    assert "1 transaction: ended for good" in done.text
    assert "was left out on purpose" in scene.page("/find?key=1002").text
    assert "skip 1002 1 a test" in scene.page("/activity").text


@pytest.mark.parametrize("shown", ["2", "", "-9", "9" * 20, "٣"])
def test_more_than_was_shown_is_not_meant(scene: Scene, shown: str) -> None:
    asked = scene.page("/act?verb=retry&because=UnknownSku")
    assert asked.fields["count"] == "3"
    refused = scene.send("/act", {**asked.fields, "count": shown})
    assert refused.status_code == 409
    assert "there are more by now" in refused.text
    assert "is waiting" in scene.page("/find?key=1003").text


def test_a_field_is_set_with_a_reason(scene: Scene) -> None:
    found = scene.page("/find?key=1002")
    (way,) = [link for link in found.links if "verb=edit" in link]
    asked = scene.page(way.replace("&amp;", "&"))
    assert "1 transaction is meant." in asked.text
    assert "for this version alone" in asked.text
    given = {**asked.fields, "path": "lines[0].sku", "value": "KN-1", "reason": "a test"}
    assert "say why" in scene.send("/act", {**given, "reason": " "}).text
    assert "is no path of a field" in scene.send("/act", {**given, "path": "a b"}).text
    _, done = _follow(scene, given)
    assert "1 transaction: edited" in done.text
    assert "set lines[0].sku 1 a test" in scene.page("/activity").text
    (story,) = [link for link in scene.page("/find?key=1002").links if "/transactions/" in link]
    assert "by ana: lines[0].sku" in scene.page(story).text.replace("by root", "by ana")
    shown = scene.page(f"{story}?payload=true").text
    assert "Set by hand" in shown
    assert '"value": "KN-1"' in shown


def test_what_is_delivered_anew_is_linked(scene: Scene) -> None:
    asked = scene.page("/act?verb=replay&word=1001")
    _, done = _follow(scene, asked.fields)
    (new,) = [link for link in done.links if link.startswith("/transactions/")]
    assert "Replay of" in scene.page(new).text


def test_what_goes_as_then_says_so_and_what_was_never_mapped_does_not(
    over: Callable[..., Scene],
) -> None:
    async def mapped(book: Book) -> None:
        await everything(book)
        await book.ledger.write(
            lambda c: c.exec_driver_sql(
                "update transactions set mapping = (select min(seq) from mappings)"
                " where source_id = '1001'"
            )
        )

    scene = over(mapped)
    asked = scene.page("/act?verb=replay&word=1001")
    assert "By the mapping of that time, not by today's" in asked.text
    _, done = _follow(scene, {**asked.fields, "as_then": "true"})
    (new,) = [link for link in done.links if link.startswith("/transactions/")]
    assert ", as then" in scene.page(new).text
    assert "replay 1001 as then 1" in scene.page("/activity").text
    other = scene.page("/act?verb=replay&word=1007")
    refused = scene.send("/act", {**other.fields, "as_then": "true"})
    assert refused.status_code == 404
    assert "as then goes what has ended" in refused.text


def test_more_than_a_hundred_are_meant_only_by_who_says_so(over: Callable[..., Scene]) -> None:
    async def many(book: Book) -> None:
        await book.see(*(f"o{number}" for number in range(101)))
        await book.work("waiting", **SKU)

    scene = over(many)
    asked = scene.page("/act?verb=retry&because=UnknownSku")
    assert "All 101 are meant" in asked.text
    refused = scene.send("/act", asked.fields)
    assert refused.status_code == 400
    assert "101 transactions would be affected" in refused.text
    _, done = _follow(scene, {**asked.fields, "yes": "true"})
    assert "101 transactions: due now" in done.text


def test_a_value_is_mapped_and_what_waits_goes_on(scene: Scene) -> None:
    page = scene.page("/unmapped")
    assert "sku KN 9 at erp 3 transactions wait" in page.text
    assert page.fields == {"kind": "sku", "value": "KN 9", "destination": "erp"}
    _, done = _follow(scene, {**page.fields, "mapped": "KN-0009", "reason": ""}, "/unmapped")
    assert "sku KN 9 is KN-0009 at erp; 3 waiting go on" in done.text
    nothing = scene.send("/unmapped", {**page.fields, "mapped": " "})
    assert nothing.status_code == 400


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/act?verb=delete&word=1002", 400, "say what to do"),
        ("/act?verb=retry", 400, "say what to retry"),
        ("/act?verb=retry&word=9999", 404, "nothing to retry there"),
        ("/act?verb=retry&word=1001", 404, "nothing to retry there"),
        ("/done/77", 404, "in the story of each transaction"),
    ],
)
def test_what_cannot_be_meant_is_a_sentence(
    scene: Scene, path: str, status: int, words: str
) -> None:
    assert words in scene.page(path, status=status).text


@pytest.mark.parametrize("body", [b"\xff\xfe", b"verb", b"x" * 70_000])
def test_a_form_that_is_none_does_nothing(scene: Scene, body: bytes) -> None:
    answer = scene.browser.post("/act", content=body, headers={"origin": "http://127.0.0.1:8300"})
    assert answer.status_code in (400, 413)
    assert "✗" in answer.text


def test_a_deed_is_never_a_link(scene: Scene) -> None:
    for path in ("/act", "/unmapped"):
        assert scene.browser.put(path).status_code == 405
    assert scene.browser.get("/act?verb=skip&word=1002&reason=x&yes=true").status_code == 200
    assert "is waiting" in scene.page("/find?key=1002").text
