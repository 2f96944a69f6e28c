"""The console in a real Chromium, over a ledger and through `knect api`."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from tests.support.console import ConsoleProcess
from tests.support.gateway.apiserver import FakeApiServer
from tests.support.gateway.ledgers import everything, filled
from tests.support.gateway.process import ApiProcess, knect
from tests.support.ledgers import on_postgres
from tests.support.real.chromium import chromium
from tests.support.real.require import require
from tests.unit.ledger.book import Book

#: What would open a dialog if any page took it for more than a text.
EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)><svg onload=alert(3)>'
PAGES = (
    "/", "/find?key=1002", "/find?key=9999", "/problems", "/problems?pipeline=orders", "/pipelines",
    "/unmapped", "/explain", "/explain?sku=KN-7", "/act?verb=skip&word=1002",
    "/act?verb=retry&because=UnknownSku", "/nowhere",
)  # fmt: skip


async def _hostile(book: Book) -> None:
    await everything(book)
    await book.see(EVIL, keys=[("number", "1008"), ("sku", "kn 9")])
    await book.work(
        "waiting", reason="UnknownSku", field=f"lines[0].{EVIL}", value=EVIL, message=EVIL,
        acts="operations", waits_for=f"sku:{EVIL}@erp", stage="mapped",
    )  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _browser_there() -> None:
    require("chromium")


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleProcess]:
    folder = tmp_path_factory.mktemp("console")

    async def work() -> None:
        async with Book(folder / "ledger.db") as book:
            await _hostile(book)

    asyncio.run(work())
    with ConsoleProcess(folder, "--ledger", str(folder / "ledger.db")) as process:
        yield process


def _text(browser: Any) -> str:
    return str(browser.find_element(By.TAG_NAME, "main").text)


def _until(browser: Any, words: str) -> None:
    """Wait for words of the page that comes; while it comes, the old one is no more."""
    waiting = WebDriverWait(
        browser, 20, 0.1, [StaleElementReferenceException, NoSuchElementException]
    )
    waiting.until(lambda b: words in _text(b), words)


def _press(browser: Any, *keys: str) -> None:
    browser.switch_to.active_element.send_keys(*keys)


@pytest.mark.parametrize("width", [360, 1200])
def test_every_page_fits_and_no_text_does_anything(console: ConsoleProcess, width: int) -> None:
    with chromium(width=width) as browser:
        browser.get(console.entrance)
        browser.get_log("browser")
        transaction = "/find?key=1008"
        browser.get(console.address + transaction)
        link = browser.find_element(By.CSS_SELECTOR, "[data-open]").get_attribute("href")
        for path in (*PAGES, transaction, link.removeprefix(console.address)):
            browser.get(console.address + path)  # an open dialog would fail the next command
            wide = browser.execute_script("return document.documentElement.scrollWidth")
            assert wide <= width, path
            assert browser.execute_script("return document.images.length") == 0, path
            assert len(browser.find_elements(By.TAG_NAME, "script")) == 1, path
            said = [entry["message"] for entry in browser.get_log("browser")]
            assert not [line for line in said if "Failed to load resource" not in line], path


def test_an_order_is_found_and_retried_with_the_keyboard_alone(console: ConsoleProcess) -> None:
    with chromium() as browser:
        browser.get(console.entrance)
        _press(browser, "/")
        _press(browser, "1003", Keys.ENTER)
        _until(browser, "Order #1003 (shop) is waiting.")
        _press(browser, "j")
        _press(browser, Keys.ENTER)
        _until(browser, "What was read and what was made of it")
        _press(browser, "r")
        _until(browser, "1 transaction is meant.")
        browser.find_element(By.NAME, "reason").send_keys("it is there now", Keys.ENTER)
        _until(browser, "1 transaction: due now")
        browser.refresh()
        _until(browser, "1 transaction: due now")
        browser.get(f"{console.address}/find?key=1003")
        _until(browser, "retry asked for")
        assert _text(browser).count("retry asked for") == 1


def test_without_scripts_all_of_it_works(console: ConsoleProcess) -> None:
    with chromium(scripts=False) as browser:
        browser.get(console.entrance)
        browser.find_element(By.NAME, "key").send_keys("1005")
        browser.find_element(By.CSS_SELECTOR, "header button").click()
        _until(browser, "Order #1005 (shop) was rejected.")
        browser.find_element(By.LINK_TEXT, "Skip …").click()
        _until(browser, "ended for good")
        browser.find_element(By.NAME, "reason").send_keys("sold by telephone")
        browser.find_element(By.CSS_SELECTOR, "button.deed").click()
        _until(browser, "1 transaction: ended for good")
        browser.find_element(By.LINK_TEXT, "Back").click()
        _until(browser, "was left out on purpose")
        assert "sold by telephone" in _text(browser)


def test_who_has_not_the_key_sees_nothing(console: ConsoleProcess) -> None:
    with chromium() as browser:
        browser.get(f"{console.address}/find?key=1002")
        _until(browser, "open the address it printed")
        assert "1002" not in _text(browser)


def test_through_knect_api_with_a_persons_own_rights(tmp_path: Path) -> None:
    with on_postgres(), FakeApiServer() as cluster, chromium() as browser:
        for token, name in (("t0ken-1", "ana"), ("t0ken-2", "mia")):
            cluster.person(token, name, audiences=["knect-api"])
        cluster.rights |= {("ana", "get", "shops"), ("mia", "get", "shops")}
        cluster.rights |= {("mia", "update", "shops")}
        cluster.dsns["shops"] = filled("shops", everything)
        with ApiProcess(cluster.kubeconfig(tmp_path / "config"), tmp_path) as api:
            ana = {"KNECT_API": api.url, "KNECT_TOKEN": "t0ken-1"}
            with ConsoleProcess(tmp_path, "-n", "shops", **ana) as console:
                browser.get(console.entrance)
                _until(browser, "erp knows no product with SKU 'KN 9'")
                browser.get(f"{console.address}/act?verb=retry&because=UnknownSku")
                _until(browser, "ana")
                assert "✗" in _text(browser)
            mia = {**ana, "KNECT_TOKEN": "t0ken-2"}
            with ConsoleProcess(tmp_path, "-n", "shops", **mia) as console:
                browser.get(console.entrance)
                browser.get(f"{console.address}/act?verb=retry&because=UnknownSku")
                _until(browser, "3 transactions are meant.")
                browser.find_element(By.CSS_SELECTOR, "button.deed").click()
                _until(browser, "3 transactions: due now")
                assert "t0ken-2" not in browser.page_source + console.printed()


def test_a_port_that_is_taken_and_a_ledger_that_is_not_there_are_sentences(tmp_path: Path) -> None:
    none = knect("console", "--ledger", str(tmp_path / "none.db"))
    assert none.returncode == 1
    assert "none.db" in none.stderr

    async def work() -> None:
        async with Book(tmp_path / "ledger.db") as book:
            await everything(book)

    asyncio.run(work())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = knect("console", "--port", port, "--ledger", str(tmp_path / "ledger.db"))
    assert done.returncode == 2
    assert "cannot be listened on" in done.stderr
    assert "--port" in done.stderr
