"""Documents into Dynamics GP, through the engine: each statement lost, each step died at."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct, structs
from tests.determ.in_turn import LOST, Play, each_in_turn
from tests.support.orders import a_line, a_shipping, an_address, an_order
from tests.support.told import Told, told

from knect.model import Customer, Order, Record, Refund, RefundLine, Totals
from knect.sdk.secret import Secret
from knect.sdk.testing import Fault, FaultPlan
from knect.seams import Clock
from knect_connectors import dynamics_gp
from knect_connectors.dynamics_gp.procedures import PROCEDURES
from knect_connectors.dynamics_gp.queries import QUERIES
from knect_connectors.dynamics_gp.simulator import Company, GpControl, People, Server, running
from knect_connectors.dynamics_gp.simulator.start import seed

#: What changes nothing; lost, it is asked again.
ASKED = tuple(f"/{name}" for name in (*QUERIES, "settings", "trace"))
ALL_BUT_COMMITS = (*ASKED, *(f"/{name}" for name in (*PROCEDURES, "begin", "rollback")))


class Served(Struct):
    """A company that is listening."""

    server: Server
    port: int

    @property
    def faults(self) -> FaultPlan:
        return self.server.faults


@asynccontextmanager
async def serve(clock: Clock, *, spare: tuple[str, ...]) -> AsyncIterator[Served]:
    company = Company(clock)
    seed(company)
    people = People(company)
    for sku in ("KN-100", "KN-200", "KN-300"):
        people.item(sku, sku, "10", "100")
    people.item("REFUND", "Refund", kind=5)
    server = Server(company, clock=clock, faults=FaultPlan(spare=spare), lock_seconds=0.02)
    async with running(server) as port:
        yield Served(server, port)


class Scene:
    """A GP, and what is told to it."""

    def __init__(self, told: Told, server: Server) -> None:
        self.told = told
        self.server = server
        self.people = People(server.company)
        self.books = GpControl(server.company, server)

    def documents(self, kind: int) -> list[dict[str, Any]]:
        return [one for one in self.books.snapshot()["documents"] if one["type"] == kind]

    async def has(self, *records: Record) -> None:
        for one in records:
            self.told.tell(one)
            assert (await self.told.settles())[-1] == "delivered", await self.told.reasons()


@asynccontextmanager
async def a_company(
    folder: Path, *, entities: Sequence[str], spare: tuple[str, ...] = ASKED, **destination: Any
) -> AsyncIterator[Scene]:
    async with told(
        folder, entities, partial(serve, spare=spare), dynamics_gp,
        config=lambda served: {"host": "127.0.0.1", "port": served.port, "database": "TWO",
                               "site": "WAREHOUSE", "encryption": "Plain"},
        secrets={"username": Secret("knect"), "password": Secret("simulated")},
        retry={"attempts": 8, "initial": "2s", "max": "15m"},
        **destination,
    ) as world:  # fmt: skip
        yield Scene(world, world.server.server)  # type: ignore[attr-defined]


a_sale = partial(a_company, entities=["orders"])
a_sale_and_back = partial(a_company, entities=["orders", "refunds"])
a_person = partial(a_company, entities=["customers"])
an_old_sale = partial(a_company, entities=["orders"], match=["number"])


def _orders(scene: Scene) -> Any:
    return [
        (one["customer_order"], one["total"], "voided" if one["voided"] else one["stage"],
         sorted((line["item"], line["quantity"], line["line_id"]) for line in one["lines"]))
        for one in scene.documents(2)
    ]  # fmt: skip


def _open_orders(scene: Scene) -> Any:
    return [one["total"] for one in scene.documents(2) if not one["voided"]]


def _customers(scene: Scene) -> Any:
    books = scene.server.company.books
    return [
        (one["name"], one["email"], [row["CITY"] for row in books.all(
            "SELECT CITY FROM RM00102 WHERE CUSTNMBR = ?", one["number"])])
        for one in scene.books.snapshot()["customers"]
    ]  # fmt: skip


def _returns(scene: Scene) -> Any:
    return [
        (one["total"], [(line["item"], line["quantity"]) for line in one["lines"]])
        for one in scene.documents(4)
    ]


TAXED = (("0.19", "1.90"),)
ORDER = an_order(
    "41.65",
    a_line("KN-100", quantity="2", id="L1", taxes=(("0.19", "3.80"),)),
    a_line("KN-200", id="L2", taxes=TAXED),
    shipping_lines=(a_shipping("5.00", taxes=(("0.19", "0.95"),)),),
)
EDITED = an_order(
    "23.80",
    a_line("KN-300", id="L3", taxes=TAXED),
    a_line("KN-200", id="L2", taxes=TAXED),
)
MOVED = structs.replace(ORDER, shipping_address=an_address(city="Rome"), note="ring twice")
CANCELLED = structs.replace(
    ORDER, lines=(), shipping_lines=(), totals=Totals(total=Decimal(0)),
    cancelled_at=datetime(2026, 11, 21, tzinfo=UTC),
)  # fmt: skip
EMPTIED = structs.replace(CANCELLED, cancelled_at=None)
AS_SOLD = [("1001", "41.65", "work", [("KN-100", "2", "L1"), ("KN-200", "1", "L2")])]
AS_EDITED = [("1001", "23.8", "work", [("KN-200", "1", "L2"), ("KN-300", "1", "L3")])]
ANN = Customer(
    source_id="c1", first_name="Ann", last_name="Lind", email="ann@c.example",
    default_address=an_address(),
)  # fmt: skip
REFUND = Refund(
    source_id="R1", order_id=ORDER.source_id, order_number="1001", currency="EUR",
    total=Decimal("11.90"), created_at=datetime(2026, 11, 25, 12, tzinfo=UTC),
    lines=(
        RefundLine(line_id="L1", quantity=Decimal(1), amount=Decimal("10.00"), tax=Decimal("1.90"),
                   restock="return", sku="KN-100"),
    ),
)  # fmt: skip


async def _ordered(scene: Scene) -> None:
    await scene.has(ORDER)


async def _typed(scene: Scene) -> None:
    scene.people.enter("1001", {"KN-100": "2", "KN-200": "1"}, "41.65")


async def _known(scene: Scene) -> None:
    await scene.has(ANN)


#: An order, a customer, a refund: what is told, which is there before, and what is there after.
WRITES: dict[str, Play[Scene]] = {
    "order": Play(opens=a_sale, record=lambda _: ORDER, look=_orders, wanted=AS_SOLD),
    "edit": Play(
        opens=a_sale, before=_ordered, record=lambda _: EDITED, look=_orders, wanted=AS_EDITED
    ),
    "edit-that-overtakes": Play(
        opens=a_sale, record=lambda _: ORDER, then=lambda _: EDITED, look=_orders, wanted=AS_EDITED
    ),
    "edit-taken-back": Play(
        opens=a_sale, before=_ordered, record=lambda _: EDITED, then=lambda _: ORDER,
        look=_orders, wanted=AS_SOLD,
    ),
    "cancellation": Play(
        opens=a_sale, before=_ordered, record=lambda _: CANCELLED, look=_open_orders, wanted=[]
    ),
    "all-taken-out": Play(
        opens=a_sale, before=_ordered, record=lambda _: EMPTIED, look=_open_orders, wanted=[]
    ),
    "cancellation-that-overtakes": Play(
        opens=a_sale, record=lambda _: ORDER, then=lambda _: CANCELLED,
        look=_open_orders, wanted=[],
    ),
    "cancellation-of-an-edit": Play(
        opens=a_sale, before=_ordered, record=lambda _: EDITED, then=lambda _: CANCELLED,
        look=_open_orders, wanted=[],
    ),
    "customer": Play(
        opens=a_person, record=lambda _: ANN, look=_customers,
        wanted=[("Ann Lind", "ann@c.example", ["Hamburg"])],
    ),
    "customer-that-moves": Play(
        opens=a_person, before=_known,
        record=lambda _: structs.replace(ANN, default_address=an_address(city="Rome")),
        look=_customers, wanted=[("Ann Lind", "ann@c.example", ["Rome"])],
    ),
    "customer-with-another-email": Play(
        opens=a_person, before=_known,
        record=lambda _: structs.replace(ANN, email="lind@c.example"),
        look=_customers, wanted=[("Ann Lind", "lind@c.example", ["Hamburg"])],
    ),
    "refund": Play(
        opens=a_sale_and_back, before=_ordered, record=lambda _: REFUND, look=_returns,
        wanted=[("11.9", [("KN-100", "1")])],
    ),
    "adoption": Play(
        opens=an_old_sale, before=_typed, record=lambda _: ORDER,
        look=lambda s: [one[:3] for one in _orders(s)], wanted=[("1001", "41.65", "work")],
    ),
    "adoption-and-edit": Play(
        opens=an_old_sale, before=_typed, record=lambda _: ORDER, then=lambda _: EDITED,
        look=lambda s: [one[:3] for one in _orders(s)], wanted=[("1001", "23.8", "work")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("write", ["order", "edit", "customer", "refund"])
async def test_it_is_there_once_and_wholly_wherever_the_worker_dies(
    tmp_path: Path, write: str
) -> None:
    fault = Fault.COMMIT_THEN_DROP
    assert await each_in_turn(WRITES[write], tmp_path, fault=fault, dies=True) > 1


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("write", WRITES)
async def test_it_is_there_once_and_wholly_whatever_becomes_of_a_commit(
    tmp_path: Path, write: str, fault: Fault
) -> None:
    play = structs.replace(WRITES[write], opens=partial(WRITES[write].opens, spare=ALL_BUT_COMMITS))
    dies = play.then is not None and fault is Fault.LATE_COMMIT
    assert await each_in_turn(play, tmp_path, fault=fault, dies=dies) > 0


@pytest.mark.parametrize("fault", [Fault.SERVER_ERROR, Fault.THROTTLED])
async def test_a_commit_that_is_refused_is_made_again(tmp_path: Path, fault: Fault) -> None:
    play = structs.replace(WRITES["order"], opens=partial(a_sale, spare=ALL_BUT_COMMITS))
    assert await each_in_turn(play, tmp_path, fault=fault, dies=False) == 2


async def test_nothing_that_is_asked_or_written_has_to_be_answered(tmp_path: Path) -> None:
    play = structs.replace(WRITES["order"], opens=partial(a_sale, spare=()))
    fault = Fault.COMMIT_THEN_DROP
    assert await each_in_turn(play, tmp_path, fault=fault, dies=False) > 20


@pytest.mark.parametrize(
    ("over", "end"),
    [(CANCELLED, "skipped"), (EMPTIED, "unchanged")],
    ids=["cancelled", "emptied"],
)
async def test_an_order_of_the_integration_before_that_is_over_is_a_persons(
    tmp_path: Path, over: Order, end: str
) -> None:
    async with an_old_sale(tmp_path) as scene:
        await _typed(scene)
        scene.told.tell(over)
        assert await scene.told.settles() == ["waiting"]
        (order,) = scene.documents(2)
        assert f"erp has {order['number']} with number '1001'" in str(await scene.told.reasons())
        scene.people.void(order["number"])
        scene.told.tell(structs.replace(over, note="voided by hand"))
        assert (await scene.told.settles())[-1] == end


async def test_a_refund_that_comes_before_its_order_is_one_return(tmp_path: Path) -> None:
    play: Play[Scene] = Play(
        opens=partial(a_sale_and_back, spare=ALL_BUT_COMMITS), record=lambda _: (REFUND, ORDER),
        look=_returns, wanted=[("11.9", [("KN-100", "1")])],
    )  # fmt: skip
    assert await each_in_turn(play, tmp_path, fault=Fault.LATE_COMMIT, dies=False) > 0
