"""`knect diagram`: what is drawn of files and of live objects, and that a picture says no more.

The real kubectl before a real API server draws in tests/e2e/test_trial.py.
"""

import json
import stat
import sys
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from tests.support.kube.objects import a_connection, a_pipeline
from tests.unit.cli.terminal import Terminal
from tests.unit.ledger.book import Book

from knect.cli.landscape import Flow, Health, Landscape, Standing, System, to_mermaid, to_svg
from knect.cli.landscape.live import of_objects
from knect.cli.landscape.systems import blocks
from knect.ledger.instants import to_us

EXAMPLES = Path(__file__).parents[3] / "examples"
ERP = System(name="erp", connector="tryton", role="Hub")
SHOP = System(name="shop", connector="shopify")
MAILS = System(name="mails", connector="rest")


def flow(source: str, destination: str, entity: str = "orders", *told: Any) -> Flow:
    return Flow(
        name=f"{entity}-to-{destination}",
        entity=entity,
        source=source,
        destination=destination,
        standing=Standing(*told),
    )


def a_landscape(*flows: Flow, systems: tuple[System, ...] = (SHOP, ERP, MAILS)) -> Landscape:
    return Landscape(systems=systems, flows=flows)


def arranged(*flows: Flow) -> list[tuple[str, list[tuple[str, list[str]]]]]:
    return [
        (
            block.hub.name,
            [(pair.system.name, [one.name for one in pair.flows]) for pair in block.pairs],
        )
        for block in blocks(a_landscape(*flows))
    ]


def test_what_flows_stands_around_the_hub_whichever_way_it_flows() -> None:
    both_ways = (flow("erp", "shop", "inventory"), flow("shop", "erp"), flow("erp", "mails"))
    assert arranged(*both_ways) == [
        ("erp", [("mails", ["orders-to-mails"]), ("shop", ["orders-to-erp", "inventory-to-shop"])])
    ]


def test_without_a_hub_both_ways_stay_one_pair() -> None:
    assert arranged(flow("shop", "mails", "customers"), flow("mails", "shop", "contacts")) == [
        ("shop", [("mails", ["contacts-to-shop", "customers-to-mails"])])
    ]


def test_mermaid_names_both_ends_and_how_it_stands() -> None:
    drawn = to_mermaid(
        a_landscape(
            flow("shop", "erp", "orders", Health.PARTLY, "3 waiting"),
            flow("erp", "gone", "prices", Health.STOPPED, 'a "quoted" <b>#1</b>'),
            systems=(SHOP, ERP),
        )
    )
    assert drawn.splitlines() == [
        "flowchart LR",
        '  s0["shop<br/>shopify"]',
        '  s1[("erp<br/>tryton")]',
        '  s2["gone<br/>?<br/>✗ not declared"]',
        '  s0 -->|"orders: orders-to-erp<br/>▲ 3 waiting"| s1',
        "  linkStyle 0 stroke:#c2410c",
        '  s1 -->|"prices: prices-to-gone<br/>✗ a #quot;quoted#quot; #lt;b#gt;#35;1#lt;/b#gt;"| s2',
        "  linkStyle 1 stroke:#b91c1c",
    ]


def test_a_picture_has_an_arrow_for_each_flow_and_room_for_all() -> None:
    drawn = ET.fromstring(
        to_svg(
            a_landscape(
                flow("shop", "erp", "orders", Health.FLOWS, "60 delivered"),
                flow("erp", "shop", "inventory", Health.STOPPED, "reading <fails> & waits"),
                flow("erp", "shop", "a" * 80, Health.PAUSED, "suspended"),
            )
        )
    )
    svg = "{http://www.w3.org/2000/svg}"
    lines = drawn.findall(f"{svg}line")
    assert [(int(one.attrib["x1"]) < int(one.attrib["x2"])) for one in lines] == [
        True, False, False,
    ]  # fmt: skip
    assert [one.attrib["marker-end"] for one in lines] == [
        "url(#FLOWS)", "url(#PAUSED)", "url(#STOPPED)",
    ]  # fmt: skip
    assert [one.attrib.get("stroke-dasharray") is None for one in lines] == [True, False, False]
    told = [one.text or "" for one in drawn.findall(f"{svg}text")]
    assert {"✔ 60 delivered", "✗ reading <fails> & waits", "orders · orders-to-erp"} <= set(told)
    assert "no pipeline reads or writes it" in told, "mails is declared, and nothing uses it"
    assert max(map(len, told)) <= 52, "what is too long for its place is cut"
    height = int(drawn.attrib["height"])
    assert all(int(one.attrib["y"]) < height for one in drawn.iter() if "y" in one.attrib)


def condition(status: str, reason: str) -> dict[str, Any]:
    return {"conditions": [{"type": "Ready", "status": status, "reason": reason, "message": ""}]}


GOES = condition("True", "Succeeded")


@pytest.mark.parametrize(
    ("spec", "status", "told"),
    [
        ({}, {}, "◎ not looked at yet"),
        ({}, condition("Unknown", "Progressing"), "◎ Progressing"),
        ({}, condition("False", "Progressing"), "◎ Progressing"),
        ({}, condition("False", "WorkerCrashing"), "✗ WorkerCrashing"),
        ({}, GOES, "✔ flows"),
        (
            {},
            {**GOES, "lastSuccess": "2026-11-28T05:05:00Z", "stuck": 0},
            "✔ last delivery 2026-11-28 05:05 UTC",
        ),
        ({}, {**GOES, "stuck": 12}, "▲ 12 stuck"),
        ({"mode": "Observe"}, {**GOES, "stuck": 12}, "‖ observed only"),
        ({"suspend": True}, condition("False", "Suspended"), "‖ suspended"),
        ({"ofTomorrow": {"a": 1}}, {**GOES, "news": []}, "✔ flows"),
    ],
)
def test_live_objects_stand_as_the_operator_says(
    spec: dict[str, Any], status: dict[str, Any], told: str
) -> None:
    pipeline = {**a_pipeline(**spec), "status": status}
    (one,) = of_objects([pipeline]).flows
    assert str(one.standing) == told
    assert (one.source, one.destination, one.entity) == ("acme-shop", "acme-erp", "orders")


def test_files_that_have_not_run_are_drawn_without_a_judgement(knect: Terminal) -> None:
    done = knect("diagram", "-f", str(EXAMPLES / "06-several-stores-one-erp"))
    assert done.code == 0, done.err
    assert done.out.count("◎ has not run here") == 2
    assert "✔" not in done.out


STOPPED = {"reason": "UnknownSku", "message": "no such SKU", "stage": "mapped"}


async def _some(book: Book) -> None:
    await book.see("1001", "1002", "1003")
    await book.work("waiting", "orders-to-erp", **STOPPED)
    await book.see("1004")
    await book.work("delivered", "orders-to-erp")


async def _left(book: Book) -> None:
    await book.see("1001")
    await book.work("delivered", "orders-to-erp")
    await book.see("1002")


async def _moving(book: Book) -> None:
    book.now = to_us(datetime.now(UTC))
    await _left(book)


@pytest.mark.parametrize(
    ("fill", "told"),
    [
        (_some, "▲ 3 waiting"),
        (_moving, "✔ 1 delivered, 1 in flight"),
        (_left, "✗ nobody takes up 1: knect stuck"),
    ],
)
def test_files_stand_as_their_ledger_counts(
    knect: Terminal, fill: Callable[[Book], Coroutine[Any, Any, None]], told: str
) -> None:
    knect.write(fill, "orders-to-erp")
    files = ("-f", str(EXAMPLES / "01-shop-to-erp"))
    done = knect.on_ledger("diagram", *files)
    assert done.code == 0, done.err
    assert f"orders: orders-to-erp<br/>{told}" in done.out
    assert "inventory: stock-to-shop<br/>◎ has not run here" in done.out
    assert told in knect.on_ledger("diagram", *files, "-o", "svg").out


def test_nothing_to_draw_is_said(knect: Terminal) -> None:
    done = knect("diagram")
    assert done.code == 2
    assert "name files with -f, or a cluster with --context" in done.err
    assert not Path(".knect").exists()
    gone = knect.on_ledger("diagram", "-f", str(EXAMPLES / "01-shop-to-erp"))
    assert gone.code == 1, "a ledger that was named and is not there is no empty one"
    assert "ledger" in gone.err


KUBECTL = """
import json, os, sys
from pathlib import Path

here = Path(os.environ["STUB"])
if "view" in sys.argv:
    print(json.dumps({"contexts": [{"context": {"namespace": "shops"}}]}))
else:
    (here / "words").write_text(json.dumps(sys.argv[1:]))
    answer = json.loads((here / "answer.json").read_text())
    print(answer["out"])
    sys.exit(answer["err"])
"""


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a kubectl that says what it is told to say on the PATH."""
    program = tmp_path / "bin" / "kubectl"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\n{KUBECTL}")
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setenv("STUB", str(program.parent))
    monkeypatch.delenv("KNECT_API", raising=False)
    return program.parent


def answers(cluster: Path, items: list[Any], err: str | None = None) -> None:
    answer = {"out": json.dumps({"items": items}), "err": err}
    (cluster / "answer.json").write_text(json.dumps(answer))


def test_a_cluster_is_asked_with_the_users_own_rights(knect: Terminal, cluster: Path) -> None:
    shop = a_connection("acme-shop", "shopify", role="Spoke")
    erp = a_connection("acme-erp", "tryton", role="Hub")
    erp["status"] = condition("False", "Unreachable")
    answers(cluster, [shop, erp, {**a_pipeline(), "status": GOES}])
    done = knect("--context", "prod", "diagram")
    assert done.code == 0, done.err
    assert '[("acme-erp<br/>tryton<br/>✗ Unreachable")]' in done.out
    assert "orders: orders<br/>✔ flows" in done.out
    assert json.loads((cluster / "words").read_text()) == [
        "--context=prod", "get", "connections.knect.dev,syncpipelines.knect.dev",
        "--namespace=shops", "-o", "json",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("err", "code", "says"),
    [
        (None, 3, "namespace shops has no Connection and no SyncPipeline"),
        ('error: the server doesn\'t have a resource type "connections"', 3, "install the chart"),
        ('Error from server (Forbidden): connections is forbidden: User "x"', 6, "allow"),
    ],
)
def test_a_cluster_that_shows_nothing_is_a_sentence(
    knect: Terminal, cluster: Path, err: str | None, code: int, says: str
) -> None:
    answers(cluster, [], err)
    done = knect("diagram", "-n", "shops")
    assert (done.code, says in done.err) == (code, True), done.err
