"""A console over a ledger with one order of each fate people ask about."""

import asyncio
from collections.abc import Callable, Coroutine
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.support.gateway.ledgers import everything
from tests.support.ledgers import laid
from tests.unit.ledger.book import Book

from knect.cli.source import Chosen, Where
from knect.console.app import Console
from knect.seams import SystemClock

HERE = "http://127.0.0.1:8300"


class Page(HTMLParser):
    """What a page says, where its links lead, and what its forms would send."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.handlers: list[str] = []
        self.fields: dict[str, str] = {}
        self._texts: list[str] = []
        self._drawn = 0
        self.feed(html)
        self.text = " ".join(" ".join(self._texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self._drawn += tag == "svg"
        self.tags.append(tag)
        self.handlers += [name for name in found if name.startswith(("on", "style"))]
        if tag == "a" and found.get("href"):
            self.links.append(str(found["href"]))
        if tag == "input" and found.get("type") == "hidden":
            self.fields[str(found["name"])] = str(found["value"])

    def handle_endtag(self, tag: str) -> None:
        self._drawn -= tag == "svg"

    def handle_data(self, data: str) -> None:
        if not self._drawn:
            self._texts.append(data)


class Scene:
    """A browser that has come in, and the ledger behind."""

    def __init__(self, ledger: str) -> None:
        self.ledger = ledger
        opening = Chosen(ledger=ledger, where=Where(), in_cluster=False).open
        self.console = Console(opening, SystemClock(), whom="the ledger")
        self.stranger = self._browser()
        self.browser = self._browser()
        self.browser.get(self.console.guard.entrance(8300))

    def _browser(self) -> TestClient:
        return TestClient(self.console.application(), base_url=HERE, follow_redirects=False)

    def page(self, path: str, status: int = 200) -> Page:
        answer = self.browser.get(path)
        assert answer.status_code == status, answer.text
        return Page(answer.text)

    def send(self, path: str, fields: dict[str, str]) -> Any:
        return self.browser.post(path, data=fields, headers={"origin": HERE})


Fill = Callable[[Book], Coroutine[Any, Any, None]]


@pytest.fixture
def over(tmp_path: Path) -> Callable[..., Scene]:
    """Return a console over a ledger that somebody filled."""

    def scene(fill: Fill, *pipelines: str) -> Scene:
        async def work() -> None:
            async with Book(tmp_path / "ledger.db", *pipelines) as book:
                await fill(book)

        asyncio.run(work())
        return Scene(laid(tmp_path / "ledger.db"))

    return scene


@pytest.fixture
def scene(over: Callable[..., Scene]) -> Scene:
    return over(everything)
