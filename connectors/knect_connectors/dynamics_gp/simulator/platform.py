"""The simulated GP as the test kit knows simulators: a server, acts, a state, a control port.

Must not: hold behaviour; `company`, `people` and `server` do.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any

from knect.sdk.testing import Answer, Fault, Request
from knect_connectors.dynamics_gp.simulator.books import money
from knect_connectors.dynamics_gp.simulator.company import Company
from knect_connectors.dynamics_gp.simulator.people import People
from knect_connectors.dynamics_gp.simulator.server import Server

__all__ = ["GpControl"]


class GpControl:
    """What the control port serves; the data port speaks TDS."""

    def __init__(self, company: Company, server: Server) -> None:
        self.company = company
        self.people = People(company)
        self.server = server

    def bind(self, url: str) -> None:
        """Nothing links back."""

    async def handle(self, request: Request) -> Answer:
        """Answer what is no control route."""
        return Answer(status=404, body=b"the control port has /_knect/ only", key=request.path)

    def refuse(self, fault: Fault, status: int) -> Answer:
        """Faults are the data port's."""
        return Answer(status=status, body=fault.encode())

    def expire_tokens(self) -> None:
        """There are none."""

    async def do(self, action: str, arguments: Mapping[str, Any]) -> Any:
        """Let people do something, or plan a fault for the next requests of one statement.

        `fault`: `{"statement": "commit", "kind": "after", "skip": 0, "times": 1}`; kinds are
        `reset` (before it is done), `after` (done, then reset), `hang`, `slow` (a second late),
        `deadlock`, `lock`, `deny`, `missing`, `duplicate`. `skip` requests pass first.
        """
        if action == "fault":
            planned = self.server.planned.setdefault(str(arguments["statement"]), deque())
            planned.extend([""] * int(arguments.get("skip", 0)))
            planned.extend([str(arguments["kind"])] * int(arguments.get("times", 1)))
            return {"planned": len(planned)}
        async with self.server.undisturbed():
            return {"done": self.people.acts[action](**arguments)}

    def snapshot(self) -> Any:
        """Return documents, customers, quantities, deliveries and requests per statement."""
        books = self.company.books
        documents = []
        for row in books.all('SELECT * FROM "knect.documents" ORDER BY SOPTYPE, SOPNUMBE'):
            keys = (row["SOPTYPE"], row["SOPNUMBE"])
            lines = books.all(
                'SELECT * FROM "knect.document_lines" WHERE SOPTYPE = ? AND SOPNUMBE = ?'
                " ORDER BY LNITMSEQ",
                *keys,
            )
            tracking = books.all(
                "SELECT Tracking_Number FROM SOP10107 WHERE SOPTYPE = ? AND SOPNUMBE = ?", *keys
            )
            documents.append({
                "type": row["SOPTYPE"], "number": row["SOPNUMBE"], "stage": row["stage"],
                "customer": row["CUSTNMBR"], "customer_order": row["CSTPONBR"],
                "batch": row["BACHNUMB"], "currency": row["CURNCYID"], "date": row["DOCDATE"][:10],
                "voided": bool(row["VOIDSTTS"]), "of": row["ORIGNUMB"],
                **{
                    name: _plain(row[column])
                    for name, column in (
                        ("subtotal", "SUBTOTAL"), ("freight", "FRTAMNT"), ("misc", "MISCAMNT"),
                        ("discount", "TRDISAMT"), ("tax", "TAXAMNT"), ("total", "DOCAMNT"),
                    )
                },
                "lines": [
                    {
                        "item": line["ITEMNMBR"], "quantity": _plain(line["QUANTITY"]),
                        "price": _plain(line["UNITPRCE"]), "amount": _plain(line["XTNDPRCE"]),
                        "allocated": _plain(line["ATYALLOC"]),
                        "back_ordered": _plain(line["QTYTBAOR"]), "line_id": line["line_id"],
                        "sequence": line["LNITMSEQ"],
                    }
                    for line in lines
                ],
                "tracking": [one["Tracking_Number"] for one in tracking],
            })  # fmt: skip
        return {
            "documents": documents,
            "customers": [
                {"number": row["CUSTNMBR"], "name": row["CUSTNAME"], "email": row["email"]}
                for row in books.all(
                    "SELECT c.CUSTNMBR, c.CUSTNAME, (SELECT INET1 FROM SY01200 WHERE Master_Type ="
                    " 'CUS' AND Master_ID = c.CUSTNMBR LIMIT 1) AS email FROM RM00101 AS c"
                    " ORDER BY c.CUSTNMBR"
                )
            ],
            "quantities": [
                {
                    "item": row["ITEMNMBR"], "site": row["LOCNCODE"],
                    "on_hand": _plain(row["QTYONHND"]), "allocated": _plain(row["ATYALLOC"]),
                    "back_ordered": _plain(row["QTYBKORD"]),
                }
                for row in books.all("SELECT * FROM IV00102 WHERE RCRDTYPE = 2")
            ],
            "deliveries": books.all(
                "SELECT external_id, SOPTYPE, SOPNUMBE, CUSTNMBR, trace FROM knect_delivery"
                " ORDER BY external_id"
            ),
            "requests": dict(self.server.counts),
            # what it wrote so far is shown, and may still be undone
            "open_transaction": self.server.writer is not None,
        }  # fmt: skip


def _plain(value: int) -> str:
    return f"{money(value).normalize():f}"
