"""What `knect find` says of ten kinds of trouble between Magento 1 and GP: each one sentence.

A person who reads it must know which field or value it is about and what to do next.
`KNECT_SENTENCES=FILE` writes them down.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.pairs.documents import declared
from tests.pairs.gp import Gp
from tests.pairs.magento import Magento
from tests.pairs.stage import Stage
from tests.support.fault_wire import Wires

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]


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
        self.correct(number, firstname=first, lastname="Lopez", city=city)
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
        """Return what `knect find` says of a key, without what differs each time."""
        said = self.stage.knect("find", key, "--ledger", self.stage.dsn).stdout
        return re.sub(r"Transaction .*", "", said)


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
    shop, erp = trouble.shop, trouble.erp
    keys: dict[str, str] = {}
    keys["a product GP does not have"] = trouble.place(sku="KN-77", price="9.00")
    keys["a name GP's code page cannot write"] = trouble.place(first="يوسف", email="a@example.com")
    keys["a city longer than GP's column"] = trouble.place(city="L" * 60, email="b@example.com")
    keys["a total that does not add up"] = trouble.place(email="c@example.com")
    shop._do("touch", number=keys["a total that does not add up"], base_grand_total="99.0000")
    erp._do("item", sku="KN-66", title="Rare pot", price="5.00", stock="1", back_orders=False)
    keys["an item that may not be back ordered"] = trouble.place(
        sku="KN-66", price="5.00", quantity="3", email="d@example.com"
    )
    keys["an order that is fine"] = trouble.place(email="held@example.com")
    trouble.run()
    customer = next(
        one["number"]
        for one in erp._state()["customers"]
        if (one["email"] or "").strip() == "held@example.com"
    )
    erp._do("hold", customer=customer.strip())
    keys["a customer on hold"] = trouble.place(email="held@example.com")
    trouble.run()

    keys["an edit of what was shipped already"] = keys.pop("an order that is fine")
    fine = keys["an edit of what was shipped already"]
    erp._do("hold", customer=customer.strip(), on=False)
    document = next(doc for order, doc in erp._open(set()) if order == fine)
    erp._do("ship", order=document, tracking=["T-1"], carrier="DHL")
    shop._do("edit", number=fine, sku="KN-400", price="7.95")
    trouble.run()

    batch = next(one["batch"].strip() for one in erp._state()["documents"])
    erp._do("mark_batch", batch=batch)
    keys["a batch that is being posted"] = trouble.place(email="e@example.com")
    trouble.run()
    erp._do("mark_batch", batch=batch, on=False)
    erp._do("close_period", first="2020-01-01", last="2030-12-31")
    keys["a closed period"] = trouble.place(email="f@example.com")
    trouble.run()
    erp._do("close_period", first="", last="")
    erp._do("item", sku="ERP-ONLY", title="Not in the shop", price="3.00", stock="4")
    keys["stock of what the shop does not sell"] = "ERP-ONLY"
    trouble.run()

    said = {kind: trouble.find(key) for kind, key in keys.items()}
    if path := os.environ.get("KNECT_SENTENCES"):
        text = "".join(f"## {kind}\n\n```text\n{one}\n```\n\n" for kind, one in said.items())
        Path(path).write_text(text, encoding="utf-8")
    assert len(said) >= 10
    for kind, words in WORDS.items():
        for word in words:
            assert word in said[kind], f"{kind}: {word!r} is not in\n{said[kind]}"


#: Kind of trouble -> what its sentence must name.
WORDS = {
    "a product GP does not have": ("KN-77", "sku"),
}
