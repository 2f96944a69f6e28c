"""What `knect find` says of ten kinds of trouble between Magento 1 and GP: each one sentence.

A person who reads it must know which field or value it is about and what to do next.
`KNECT_SENTENCES=FILE` writes them down.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.pairs.documents import declared
from tests.pairs.gp import Gp
from tests.pairs.magento import Magento
from tests.pairs.stage import Stage
from tests.support.fault_wire import Wires

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]


class Trouble:
    """Both ends, and a worker that runs when told to."""

    def __init__(self, folder: Path, wires: Wires) -> None:
        self.stage = Stage(folder, wires)
        self.shop = Magento(self.stage, seed=7, faults={})
        self.erp = Gp(self.stage, seed=7, faults={})
        documents = folder / "documents"
        documents.mkdir()
        text = declared(self.shop, self.erp).replace("characters: Replace", "characters: Reject")
        (documents / "all.yaml").write_text(text)

    def place(
        self,
        sku: str = "KN-300",
        price: str = "12.00",
        first: str = "Ana",
        city: str = "Madrid",
        **more: object,
    ) -> str:
        """Place an order of one piece, paid; return its number."""
        number: str = self.shop._do("place", sku=sku, price=price, **more)
        self.correct(number, firstname=first, lastname="Lopez", city=city, street="Main 1")
        return number

    def correct(self, number: str, **fields: str) -> None:
        """Type another name and other fields into an order and both its addresses."""
        state = self.stage.control(self.shop._control, "state")
        order = next(one for one in state["orders"] if one["increment_id"] == number)
        sides = ("billing_address", "shipping_address")
        changes: dict[str, object] = {one: {**order[one], **fields} for one in sides}
        changes |= {f"customer_{one}": fields[one] for one in ("firstname", "lastname")}
        self.shop._do("touch", number=number, **changes)

    def run(self) -> None:
        """Let a worker do what there is to do."""
        worker = self.stage.worker(follow=False, lease=3, request=5)
        worker.wait(120)

    def find(self, key: str) -> str:
        """Return what `knect find` says first of a key, without its timeline."""
        said = self.stage.knect("find", key, "--ledger", self.stage.dsn).stdout
        lines = said.splitlines()
        stop = next((i for i, line in enumerate(lines) if line.startswith(" " * 10)), len(lines))
        return "\n".join(lines[:stop])


@pytest.fixture
def trouble(tmp_path: Path) -> Iterator[Trouble]:
    with Wires(7) as wires:
        for name in ("acme-shop", "acme-erp"):
            wires.lay(name, {})
        there = Trouble(tmp_path, wires)
        try:
            yield there
        finally:
            there.stage.stop()


def test_ten_kinds_of_trouble_are_told_in_sentences(trouble: Trouble) -> None:
    erp, said = trouble.erp, dict[str, str]()

    def told(**keys: str) -> None:
        trouble.run()
        said.update({kind: trouble.find(key) for kind, key in keys.items()})

    erp._do("item", sku="KN-66", title="Rare pot", price="5.00", stock="1", back_orders=False)
    fine = trouble.place(email="held@example.com")
    wrong = trouble.place(email="c@example.com")
    trouble.shop._do("touch", number=wrong, base_grand_total="99.0000")
    told(
        unknown_item=trouble.place(sku="KN-77", price="9.00"),
        code_page=trouble.place(first="يوسف", email="a@example.com"),
        too_long=trouble.place(city="L" * 60, email="b@example.com"),
        total=wrong,
        back_order=trouble.place(sku="KN-66", price="5.00", quantity="3", email="d@example.com"),
    )
    held = [one for one in erp._state()["customers"] if one["email"] == "held@example.com"]
    erp._do("hold", customer=held[0]["number"])
    told(hold=trouble.place(email="held@example.com"))
    erp._do("hold", customer=held[0]["number"], on=False)

    document = next(doc for order, doc in erp._open(set()) if order == fine)
    erp._do("ship", order=document, tracking=["T-1"], carrier="DHL")
    trouble.shop._do("edit", number=fine, sku="KN-400", price="7.95")
    told(shipped=fine)

    batch = erp._state()["documents"][0]["batch"]
    erp._do("mark_batch", batch=batch)
    told(batch=trouble.place(email="e@example.com"))
    erp._do("mark_batch", batch=batch, on=False)
    erp._do("close_period", first="2020-01-01", last="2039-12-31")
    told(period=trouble.place(email="f@example.com"))
    erp._do("close_period", first="", last="")
    erp._do("item", sku="ERP-ONLY", title="Not in the shop", price="3.00", stock="4")
    told(not_in_shop="ERP-ONLY")

    if path := os.environ.get("KNECT_SENTENCES"):
        text = "".join(f"## {kind}\n\n```text\n{one}\n```\n\n" for kind, one in said.items())
        Path(path).write_text(text, encoding="utf-8")
    assert said.keys() == WORDS.keys()
    for kind, words in WORDS.items():
        missing = [word for word in words if word not in said[kind]]
        assert ("or map it" in said[kind]) == (kind in ("unknown_item", "not_in_shop")), said[kind]
        assert not missing, f"{kind}: {missing} not in\n{said[kind]}"


#: Kind of trouble -> what the sentences must name: state, field, value, what to do.
WORDS = {
    "unknown_item": ("waiting", "lines[0].sku = KN-77", "You can: add sku KN-77 in acme-erp"),
    "code_page": ("rejected", "'ي'", "customer.name", "config.characters"),
    "too_long": ("rejected", "60 characters", "takes 35", "billing_address.city"),
    "total": ("rejected", "14.28", "99.00", "totals.total", "correct it at acme-shop"),
    "back_order": ("waiting", "4776", "lines[0].sku = KN-66", "goes on by itself"),
    "hold": ("waiting", "on hold", "take the hold away in GP"),
    "shipped": ("waiting", "9.46", "14.28", "INV000001", "by hand"),
    "batch": ("waiting", "marked for posting", "WEB20", "goes on by itself"),
    "period": ("waiting", "period", "DOCDATE", "open the period in GP"),
    "not_in_shop": ("waiting", "acme-shop knows no product", "ERP-ONLY", "You can"),
}
