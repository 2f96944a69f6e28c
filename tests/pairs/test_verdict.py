"""The judge of the pairs finds what is planted: a check that cannot fail proves nothing."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.pairs.documents import BUFFER
from tests.pairs.ends import Held, Offer, Sale, Shown, Sold
from tests.pairs.play import Done
from tests.pairs.verdict import judge

FLOWS = frozenset(
    {"orders", "payments", "refunds", "shipments", "stock", "prices", "cancellations",
     "customers-back"}
)  # fmt: skip
CALM = {
    "balanced": True, "in_flight": 0, "unknown": 0, "waiting": 0, "rejected": 0,
}  # fmt: skip


class _End:
    """A shop or an ERP that tells what it is told to."""

    flows = FLOWS

    def __init__(self, tells: Any) -> None:
        self._tells = tells

    def shown(self) -> Any:
        return self._tells

    def held(self) -> Any:
        return self._tells


class _Stage:
    def __init__(self, folder: Path, total: dict[str, Any], log: str = "") -> None:
        self.folder = folder
        self._total = total
        (folder / "worker.log").write_text(log)

    def status(self) -> dict[str, Any]:
        return self._total


def a_shop() -> Shown:
    return Shown(
        orders=[
            Sold(id="A", number="1", total=Decimal(10), paid=[Decimal(10)], parcels=["T1"]),
            Sold(
                id="B",
                number="2",
                total=Decimal(20),
                paid=[Decimal(20)],
                given_back=[Decimal(5)],
                refunds=[Decimal(5)],
            ),
            Sold(id="C", number="3", total=Decimal(30), paid=[Decimal(30)], cancelled=True),
        ],
        mails=Counter({("fulfillment", "1", "T1"): 1}),
        offers={"KN-100": Offer(price=Decimal("3.90"), pieces=40 - BUFFER)},
        people={"a@example.com": "Ann Miller"},
    )


def an_erp() -> Held:
    return Held(
        sales=[
            Sale(order="A", id="1", document="S1", total=Decimal(10)),
            Sale(order="B", id="2", document="S2", total=Decimal(20)),
            Sale(order="C", id="3", document="S3", total=Decimal(30), cancelled=True),
        ],
        prices={"KN-100": Decimal("3.90")},
        available={"KN-100": 40},
        emails=Counter({"a@example.com": 1}),
        payments=Counter(
            {("received", Decimal(10)): 1, ("received", Decimal(20)): 1, ("received", Decimal(30)): 1,
             ("given back", Decimal(5)): 1}
        ),
        credits=Counter({Decimal(5): 1}),
    )  # fmt: skip


def judged(
    folder: Path, shown: Shown, held: Held, total: dict[str, Any] = CALM, log: str = ""
) -> list[str]:
    done = Done(
        orders=["A", "B", "C"], acts=Counter(), deaths=Counter(), shipped={"A": "T1"},
        cancelled={"C"}, renamed={"a@example.com": "Ann Miller"},
    )  # fmt: skip
    stage: Any = _Stage(folder, total, log)
    shop: Any = _End(shown)
    erp: Any = _End(held)
    return list(judge(stage, shop, erp, done))


def test_two_ends_that_agree_are_right(tmp_path: Path) -> None:
    assert judged(tmp_path, a_shop(), an_erp()) == []


def changed(value: Any, index: int, field: str, **changes: Any) -> Any:
    """Return ends whose record number `index` is another one."""
    records = list(getattr(value, field))
    records[index] = structs.replace(records[index], **changes)
    return structs.replace(value, **{field: records})


PLANTED_IN_THE_ERP: dict[str, tuple[Callable[[Held], Held], str]] = {
    "a lost order": (lambda h: structs.replace(h, sales=h.sales[1:]), "not one"),
    "a doubled order": (
        lambda h: structs.replace(h, sales=[*h.sales, structs.replace(h.sales[0], document="S9")]),
        "not one",
    ),
    "one number for two": (lambda h: changed(h, 1, "sales", document="S1"), "of one number"),
    "a cent too much": (lambda h: changed(h, 0, "sales", total=Decimal("10.01")), "1 totals"),
    "not cancelled": (lambda h: changed(h, 2, "sales", cancelled=False), "cancelled in the ERP"),
    "a payment twice": (
        lambda h: structs.replace(h, payments=h.payments + Counter({("received", Decimal(10)): 1})),
        "payments: too many",
    ),
    "a credit missing": (lambda h: structs.replace(h, credits=Counter()), "credits: too many"),
    "another price": (
        lambda h: structs.replace(h, prices={"KN-100": Decimal(4)}),
        "3.90 in the shop",
    ),
    "a piece less": (lambda h: structs.replace(h, available={"KN-100": 39}), "by the formula"),
    "a customer twice": (
        lambda h: structs.replace(h, emails=Counter({"a@example.com": 2})),
        "customers of one e-mail",
    ),
}


@pytest.mark.parametrize("planted", PLANTED_IN_THE_ERP)
def test_what_is_wrong_in_the_erp_is_found(tmp_path: Path, planted: str) -> None:
    change, sentence = PLANTED_IN_THE_ERP[planted]
    assert any(sentence in one for one in judged(tmp_path, a_shop(), change(an_erp())))


PLANTED_IN_THE_SHOP: dict[str, tuple[Callable[[Shown], Shown], str]] = {
    "a parcel twice": (lambda s: changed(s, 0, "orders", parcels=["T1", "T1"]), "parcels"),
    "a parcel of nobody": (lambda s: changed(s, 1, "orders", parcels=["T2"]), "parcels"),
    "no parcel": (lambda s: changed(s, 0, "orders", parcels=[]), "parcels"),
    "told twice": (
        lambda s: structs.replace(s, mails=Counter({("fulfillment", "1", "T1"): 2})),
        "told 2 times",
    ),
    "not told": (lambda s: structs.replace(s, mails=Counter()), "was not told once"),
    "an order nobody placed": (
        lambda s: structs.replace(
            s, orders=[*s.orders, Sold(id="D", number="4", total=Decimal(0))]
        ),
        "were placed",
    ),
    "a customer by an older name": (
        lambda s: structs.replace(s, people={"a@example.com": "Ann Smith"}),
        "Ann Smith in the shop",
    ),
    "cancelled by nobody": (
        lambda s: changed(s, 0, "orders", cancelled=True),
        "cancelled in the shop",
    ),
}


@pytest.mark.parametrize("planted", PLANTED_IN_THE_SHOP)
def test_what_is_wrong_in_the_shop_is_found(tmp_path: Path, planted: str) -> None:
    change, sentence = PLANTED_IN_THE_SHOP[planted]
    assert any(sentence in one for one in judged(tmp_path, change(a_shop()), an_erp()))


def test_an_open_or_unbalanced_ledger_and_a_traceback_are_found(tmp_path: Path) -> None:
    (wrong,) = judged(tmp_path, a_shop(), an_erp(), {**CALM, "balanced": False})
    assert "equation" in wrong
    for fate in ("in_flight", "unknown", "waiting", "rejected"):
        (wrong,) = judged(tmp_path, a_shop(), an_erp(), {**CALM, fate: 1})
        assert "rest" in wrong
    (wrong,) = judged(tmp_path, a_shop(), an_erp(), log="Traceback (most recent call last)")
    assert "traceback" in wrong
