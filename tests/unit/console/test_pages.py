"""What the pages say: the sentences of the command line, of the same ledger."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.support.gateway.ledgers import everything
from tests.support.toy import World, a_pipeline, an_order
from tests.unit.cli.terminal import Terminal
from tests.unit.console.conftest import HERE, Page, Scene
from tests.unit.ledger.book import Book

from knect.ledger.instants import to_us
from knect.people.texts import visible


@pytest.fixture
def knect(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(tmp_path, capsys)


def _said(printed: str) -> list[str]:
    """Return the sentences a command printed, without its columns and its last line."""
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    return [line for line in lines if line and " UTC " not in line and "Transaction" not in line]


@pytest.mark.parametrize("key", ["1001", "1002", "1003", "1005", "1006", "1007"])
def test_a_page_says_what_the_command_says(scene: Scene, knect: Terminal, key: str) -> None:
    printed = knect("find", key, "--ledger", scene.ledger)
    page = scene.page(f"/find?key={key}")
    sentences = _said(printed.out)
    assert sentences
    for sentence in sentences:
        assert sentence in page.text


def test_a_connection_is_told_of_as_the_command_does(
    over: Callable[..., Scene], knect: Terminal
) -> None:
    async def failing(book: Book) -> None:
        await everything(book)
        book.now = to_us(datetime.now(UTC))
        await book.called("erp", seconds_ago=900)
        await book.called("erp", seconds_ago=600, status=401, error="CredentialsRejected")

    scene = over(failing)
    printed = knect("connections", "erp", "--ledger", scene.ledger).out
    page = scene.page("/connections")
    sentences = [line.strip() for line in printed.splitlines() if ", the last " in line]
    assert len(sentences) == 2
    for sentence in sentences:
        assert sentence in page.text
    assert "✗ nothing went well since " in page.text
    assert "erp ✗ fails" in page.text
    assert "shop ○ quiet" in page.text
    assert {"/transactions?pipeline=orders", "/problems?pipeline=orders"} <= set(page.links)
    assert "1h, 1d, 7d" in scene.page("/connections?since=9d", status=400).text


def test_before_anything_ran_there_is_no_connection(over: Callable[..., Scene]) -> None:
    async def nothing(book: Book) -> None:
        await book.ledger.write(lambda c: c.exec_driver_sql("delete from subscriptions"))
        await book.ledger.write(lambda c: c.exec_driver_sql("delete from feeds"))

    assert "The ledger knows no Connection yet" in over(nothing).page("/connections").text


def test_what_was_never_seen_says_until_when_reads_are_complete(
    scene: Scene, knect: Terminal
) -> None:
    printed = knect("find", "9999", "--ledger", scene.ledger)
    page = scene.page("/find?key=9999", status=404)
    for sentence in _said(printed.out):
        assert sentence in page.text
    assert "9999 was never seen" in page.text


def test_a_search_for_nothing_says_what_can_be_found(scene: Scene) -> None:
    assert "an order number, an e-mail" in scene.page("/find?key=%20", status=400).text


def test_the_first_page_shows_what_is_stopped_and_that_all_is_accounted_for(scene: Scene) -> None:
    page = scene.page("/")
    assert "All that was seen is accounted for: 7 records in 1 pipeline." in page.text
    assert "3 ◎ waiting erp knows no product with SKU 'KN 9'" in page.text
    assert "5 stopped, by cause" in page.text


def test_nothing_stuck_and_nothing_read_are_told_apart(over: Callable[..., Scene]) -> None:
    async def one(book: Book) -> None:
        await book.see("1001")
        await book.work("delivered")

    scene = over(one)
    assert "Nothing is stuck" in scene.page("/problems").text
    assert "Nothing is stuck" in scene.page("/").text


def test_a_sum_that_fails_is_the_first_thing_seen(over: Callable[..., Scene]) -> None:
    async def lost(book: Book) -> None:
        await book.see("1001", "1002")
        await book.ledger.write(
            lambda c: c.exec_driver_sql("delete from transactions where source_id = '1002'")
        )

    scene = over(lost)
    assert "Something does not add up" in scene.page("/").text
    assert "+1 missing: knect status --audit" in scene.page("/pipelines").text


def test_a_transaction_shows_all_that_is_known(scene: Scene, knect: Terminal) -> None:
    identifier = knect("find", "1002", "-o", "name", "--ledger", scene.ledger).out.strip()
    page = scene.page(f"/transactions/{identifier}")
    assert "Order #1002 (shop) is waiting." in page.text
    assert "orders 1002 of shop" in page.text
    assert f"/act?verb=skip&word={identifier}" in page.links
    assert "/unmapped" in page.links
    assert page.text.count("discovered") == 1
    assert "until now" in page.text


def test_ids_that_are_not_there_or_too_short_are_sentences(scene: Scene) -> None:
    assert "knows no transaction" in scene.page("/transactions/0123456789", status=404).text
    assert "too short" in scene.page("/transactions/01", status=400).text
    assert "no such page" in scene.page("/nowhere", status=404).text
    assert "knows no pipeline" in scene.page("/problems?pipeline=none", status=404).text


def test_the_address_says_which_transactions_are_listed(scene: Scene) -> None:
    counted = [link for link in scene.page("/problems").links if "because=UnknownSku" in link]
    page = scene.page(next(link for link in counted if link.startswith("/transactions?")))
    keys = [link for link in page.links if link.startswith("/transactions/")]
    assert len(keys) == 3
    assert "◎ waiting" in page.text
    assert "UnknownSku" in page.text
    assert scene.page("/transactions").links != page.links
    assert "There is none." in scene.page("/transactions?because=Nothing").text
    assert "There is none that is older." in scene.page("/transactions?before=1").text
    assert "knows no pipeline" in scene.page("/transactions?pipeline=none", status=404).text
    assert "there is no fate lost" in scene.page("/transactions?fate=lost", status=400).text
    assert "before has to be" in scene.page("/transactions?before=x", status=400).text


def test_every_count_of_a_pipeline_leads_to_so_many(scene: Scene) -> None:
    links = [link for link in scene.page("/pipelines").links if "fate=" in link]
    found = {
        link: len([x for x in scene.page(link).links if x.startswith("/transactions/")])
        for link in links
    }
    assert found
    assert sum(found.values()) == 7, found


def test_what_is_older_is_the_next_page(over: Callable[..., Scene]) -> None:
    async def many(book: Book) -> None:
        await book.see(*(f"{1000 + n}" for n in range(150)))

    scene = over(many)
    first = scene.page("/transactions?fate=in_flight")
    (older,) = [link for link in first.links if "before=" in link]
    assert "fate=in_flight" in older
    second = scene.page(older.replace("&amp;", "&"))
    keys = [x for page in (first, second) for x in page.links if x.startswith("/transactions/")]
    assert len(set(keys)) == len(keys) == 150
    assert "The newest" in second.text
    assert "Older ones" not in second.text


def test_a_ledger_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    scene = Scene(str(tmp_path / "none.db"))
    page = scene.page("/", status=503)
    assert "none.db" in page.text


def test_a_failure_of_ours_is_a_sentence_without_its_text(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("s3cret")

    monkeypatch.setattr("knect.gateway.questions.equations", broken)
    page = scene.page("/pipelines", status=500)
    assert "the console itself failed: RuntimeError" in page.text
    assert "s3cret" not in page.text
    assert [record.levelname for record in caplog.records if record.name == "knect.console"] == [
        "ERROR"
    ]


def test_both_sides_are_shown_and_what_is_masked_is_not(tmp_path: Path, knect: Terminal) -> None:
    async def work(world: World) -> None:
        world.shop.put("g1", **an_order("1001"))
        await world.run()

    masked = a_pipeline(privacy={"mask": ["customer.email"]})
    knect.world(tmp_path, masked, work)
    scene = Scene(str(knect.ledger))
    (identifier,) = {
        link for link in scene.page("/find?key=1001").links if link.startswith("/transactions/")
    }
    assert "Read from" not in scene.page(identifier).text
    shown = scene.page(f"{identifier}?payload=true").text
    assert "Read from shop" in shown
    assert "Made for erp" in shown
    assert '"number": "1001"' in shown
    assert "@example" not in shown


def test_a_figure_is_explained_in_the_commands_words(tmp_path: Path, knect: Terminal) -> None:
    async def work(world: World) -> None:
        world.shop.put("KN-7", entity="inventory", stock=12)
        world.clock.advance(60)
        await world.run()

    formula = {"set": {"stock": "int(max(0, level.on_hand - open_orders(level.sku) - 2))"}}
    knect.world(tmp_path, a_pipeline("stock", entity="inventory", mapping=formula), work)
    scene = Scene(str(knect.ledger))
    printed = knect("explain", "sku", "KN-7", "--ledger", scene.ledger)
    page = scene.page("/explain?sku=KN-7")
    sentences = [line for line in _said(printed.out) if "level.on_hand" not in line]
    assert len(sentences) > 2
    for sentence in sentences:
        assert sentence in page.text
    assert "level.on_hand 12" in page.text
    assert "/explain?sku=KN-7" in scene.page("/find?key=KN-7").links
    assert "was never seen" in scene.page("/explain?sku=KN-8", status=404).text


EVIL = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 'wx' ~ 'yz' }}",
    "javascript:alert(1)",
    "a\u202eb\x1b[31m",
)


@pytest.mark.parametrize("evil", EVIL)
def test_texts_of_others_stay_texts(over: Callable[..., Scene], evil: str) -> None:
    async def hostile(book: Book) -> None:
        await book.see(evil, keys=[("number", "1001")])
        await book.work(
            "waiting", reason="UnknownSku", field=f"lines[0].{evil}", value=evil, message=evil,
            acts=evil, waits_for=f"sku:{evil}@erp", stage="mapped",
        )  # fmt: skip

    scene = over(hostile, "orders")
    identifier = next(
        link for link in scene.page("/find?key=1001").links if link.startswith("/transactions/")
    )
    for path in ("/", "/find?key=1001", "/problems", "/unmapped", identifier):
        page = scene.page(path)
        assert page.tags.count("script") == 1  # keys.js
        assert "img" not in page.tags
        assert page.handlers == []
        assert not [
            link for link in page.links if ":" in link.split("?")[0] and "trace" not in link
        ]
        assert "wxyz" not in page.text
        assert " ".join(visible(evil).split()) in page.text


def test_every_link_leads_somewhere_and_changes_nothing(scene: Scene) -> None:
    before = scene.page("/pipelines").text.partition("Until when")[0]
    seen: set[str] = set()
    ahead = ["/"]
    while ahead:
        path = ahead.pop()
        if path in seen:
            continue
        seen.add(path)
        answer = scene.browser.get(path)
        assert answer.status_code == 200, (path, answer.text)
        links = [link for link in Page(answer.text).links if link.startswith("/")]
        ahead += [link for link in links if link not in seen]
    assert len(seen) > 20
    assert any(path.startswith("/act?verb=skip") for path in seen)
    assert scene.page("/pipelines").text.partition("Until when")[0] == before


def test_a_link_of_a_ticket_is_a_page(scene: Scene) -> None:
    answer = scene.browser.get("/find?key=1001", headers={"referer": "https://tickets.example/"})
    assert answer.status_code == 200
    assert answer.url == f"{HERE}/find?key=1001"


def test_without_the_extra_the_command_says_what_to_install(
    knect: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [
        name for name in sys.modules if name.startswith(("knect.console.", "knect.cli.console"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    done = knect("console")
    assert (done.code, done.out) == (2, "")
    assert "install knect[console]" in done.err
