"""What people do in GP beside an integration: post, ship, count, price, hold, close, lock, mark.

Must not: be reached by the connector; a control port or a test asks for it.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from knect_connectors.dynamics_gp.simulator.books import money, scaled
from knect_connectors.dynamics_gp.simulator.company import Company

__all__ = ["People"]

_ORDER, _INVOICE, _RETURN, _BACK_ORDER = 2, 3, 4, 5
#: Document ids by type, as people use them.
_IDS = {_ORDER: "STDORD", _INVOICE: "STDINV", _BACK_ORDER: "STDBKO"}
_WHERE = "SOPTYPE = ? AND SOPNUMBE = ?"


class People:
    """The acts, by name; each takes its arguments as JSON has them."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self._books = company.books
        self.acts: Mapping[str, Callable[..., Any]] = {
            "ship": self.ship,
            "back_order": self.back_order,
            "order_again": self.order_again,
            "track": self.track,
            "post_batch": self.post_batch,
            "post_return": self.post_return,
            "void": self.void,
            "count": self.count,
            "price": self.price,
            "hold": self.hold,
            "close_period": self.close_period,
            "lock": self.lock,
            "mark_batch": self.mark_batch,
            "item": self.item,
            "edit_line": self.edit_line,
            "enter": self.enter,
        }

    def ship(
        self,
        order: str,
        tracking: Sequence[str] = (),
        lines: Mapping[str, str] | None = None,
        carrier: str = "",
    ) -> str:
        """Transfer an order to an invoice (all of it, or quantities by item) and post that.

        `order` is the number of an order or back order or, as people in GP look one up, the
        customer's PO number. Returns the invoice's number. What is left stays on the order; nothing
        left: to history.
        """
        invoice = self._transferred(order, _INVOICE, lines, carrier=carrier)
        self.track(invoice, tracking)
        return invoice

    def back_order(self, order: str, lines: Mapping[str, str] | None = None) -> str:
        """Transfer what is left of an order (or quantities by item) to a back order; return it."""
        return self._transferred(order, _BACK_ORDER, lines)

    def order_again(self, back_order: str, lines: Mapping[str, str] | None = None) -> str:
        """Transfer a back order to an order of its own, as goods have come; return its number."""
        return self._transferred(back_order, _ORDER, lines)

    def _transferred(
        self, origin: str, soptype: int, lines: Mapping[str, str] | None, carrier: str = ""
    ) -> str:
        books, sales = self._books, self._company.sales
        head = books.one(
            "SELECT * FROM SOP10100 WHERE SOPTYPE IN (2, 5) AND (SOPNUMBE = ? OR CSTPONBR = ?)"
            " ORDER BY SOPNUMBE <> ?, SOPTYPE",
            *(origin, origin, origin),
        )
        if head is None:
            raise ValueError(f"there is no open order {origin}")
        here = (int(head["SOPTYPE"]), str(head["SOPNUMBE"]))
        posts = soptype == _INVOICE
        heads, rows = ("SOP30200", "SOP30300") if posts else ("SOP10100", "SOP10200")
        number = sales.next_number(soptype, _IDS[soptype])
        today = books.now()[:10] + " 00:00:00.000"
        subtotal, is_left = Decimal(0), False
        for row in books.all(f"SELECT * FROM SOP10200 WHERE {_WHERE}", *here):
            left = money(row["QUANTITY"] - row["QTYCANCE"]) - self._moved(*here, row["LNITMSEQ"])
            wanted = left if lines is None else min(left, Decimal(lines.get(row["ITEMNMBR"], "0")))
            if wanted < left:
                is_left = True
            if wanted <= 0:
                continue
            price = money(row["ORUNTPRC"])
            subtotal += wanted * price
            kept = {k: v for k, v in row.items() if k not in ("DEX_ROW_TS", "INTEGRATIONID")}
            books.put(rows, {
                **kept, "SOPTYPE": soptype, "SOPNUMBE": number, "QUANTITY": wanted,
                "ORGSEQNM": row["LNITMSEQ"], "OXTNDPRC": wanted * price,
                "XTNDPRCE": wanted * money(row["UNITPRCE"]), "ATYALLOC": Decimal(0),
                "QTYFULFI": wanted if posts else Decimal(0),
            })  # fmt: skip
            if posts:
                self._take_out(row, wanted)
                books.change("SOP10200", f"{_WHERE} AND LNITMSEQ = ?", [*here, row["LNITMSEQ"]],
                             QTYFULFI=row["QTYFULFI"] + scaled(wanted))  # fmt: skip
        kept = {k: v for k, v in head.items() if k not in ("DEX_ROW_TS", "INTEGRATIONID")}
        posted = {"ACTLSHIP": today, "PSTGSTUS": 2} if posts else {}
        books.put(heads, {
            **kept, "SOPTYPE": soptype, "SOPNUMBE": number, "DOCID": _IDS[soptype],
            "DOCDATE": today, "ORIGTYPE": here[0], "ORIGNUMB": here[1], "ORSUBTOT": subtotal,
            "SHIPMTHD": carrier or head["SHIPMTHD"], **posted,
        })  # fmt: skip
        if not is_left:
            sales.to_history(*here)
        return number

    def _moved(self, soptype: int, number: str, sequence: int) -> Decimal:
        """Return how much of a line documents were made of."""
        total = Decimal(0)
        for lines, heads in (("SOP10200", "SOP10100"), ("SOP30300", "SOP30200")):
            row = self._books.one(
                f"SELECT SUM(l.QUANTITY) AS n FROM {lines} AS l JOIN {heads} AS h"
                " ON h.SOPTYPE = l.SOPTYPE AND h.SOPNUMBE = l.SOPNUMBE WHERE h.ORIGTYPE = ?"
                " AND h.ORIGNUMB = ? AND l.ORGSEQNM = ? AND h.VOIDSTTS = 0",
                *(soptype, number, sequence),
            )
            total += money((row or {}).get("n") or 0)
        return total

    def _take_out(self, line: Mapping[str, Any], quantity: Decimal) -> None:
        allocated = min(money(line["ATYALLOC"]), quantity)
        for place in (line["LOCNCODE"], ""):
            self._books.run(
                "UPDATE IV00102 SET QTYONHND = QTYONHND - ?, ATYALLOC = ATYALLOC - ?"
                " WHERE ITEMNMBR = ? AND LOCNCODE = ?",
                *(scaled(quantity), scaled(allocated), line["ITEMNMBR"], place),
            )

    def track(self, invoice: str, numbers: Sequence[str]) -> None:
        """Set an invoice's tracking numbers."""
        self._books.run(f"DELETE FROM SOP10107 WHERE {_WHERE}", _INVOICE, invoice)
        for number in numbers:
            self._books.put(
                "SOP10107",
                {"SOPTYPE": _INVOICE, "SOPNUMBE": invoice, "Tracking_Number": number},
            )

    def post_batch(self, batch: str) -> int:
        """Ship and post every order of a batch; the batch is gone then. Returns how many."""
        rows = self._books.all(
            "SELECT SOPNUMBE FROM SOP10100 WHERE SOPTYPE = 2 AND BACHNUMB = ?", batch
        )
        for row in rows:
            self.ship(row["SOPNUMBE"])
        self._books.run("DELETE FROM SY00500 WHERE BACHNUMB = ?", batch)
        return len(rows)

    def post_return(self, number: str) -> None:
        """Post a return: its goods are on hand again."""
        for line in self._books.all(f"SELECT * FROM SOP10200 WHERE {_WHERE}", _RETURN, number):
            for place in (line["LOCNCODE"], ""):
                self._books.run(
                    "UPDATE IV00102 SET QTYONHND = QTYONHND + ?"
                    " WHERE ITEMNMBR = ? AND LOCNCODE = ?",
                    *(line["QTYONHND"], line["ITEMNMBR"], place),
                )
        self._company.sales.to_history(_RETURN, number, PSTGSTUS=2)

    def void(self, order: str) -> None:
        """Void an order."""
        self._company.sales.void({"SOPTYPE": _ORDER, "SOPNUMBE": order})

    def count(self, item: str, on_hand: str, site: str = "WAREHOUSE") -> None:
        """Bring what is on hand at a site to what was counted."""
        where = "ITEMNMBR = ? AND LOCNCODE = ?"
        there = self._books.one(f"SELECT * FROM IV00102 WHERE {where}", item, site)
        if there is None:
            raise ValueError(f"{item} is not stocked at {site}")
        more = scaled(on_hand) - there["QTYONHND"]
        for place in (site, ""):
            self._books.run(
                f"UPDATE IV00102 SET QTYONHND = QTYONHND + ? WHERE {where}", more, item, place
            )

    def price(self, item: str, price: str, level: str = "RETAIL") -> None:
        """Change the price of one piece on a level."""
        found = self._books.change(
            "IV00108", "ITEMNMBR = ? AND PRCLEVEL = ?", [item, level], UOMPRICE=Decimal(price)
        )
        if not found:
            raise ValueError(f"{item} has no price on level {level}")

    def hold(self, customer: str, on: bool = True) -> None:  # noqa: FBT001, FBT002 - from JSON
        """Put a customer on hold, or take him off it."""
        self._books.change("RM00101", "CUSTNMBR = ?", [customer], HOLD=int(on))

    def close_period(self, first: str, last: str) -> None:
        """Close the days from `first` to `last` for sales; an empty `first` opens all."""
        if not first:
            self._books.run("DELETE FROM SY40100")
            return
        days = [datetime.fromisoformat(day) for day in (first, last)]
        self._books.put(
            "SY40100", {"CLOSED": 1, "SERIES": 3, "PERIODDT": days[0], "PERDENDT": days[1]}
        )

    def lock(self, document: str, on: bool = True) -> None:  # noqa: FBT001, FBT002 - from JSON
        """Open a document on somebody's screen, or close it."""
        locked = self._company.sales.locked
        if on:
            locked.add(document)
        else:
            locked.discard(document)

    def mark_batch(self, batch: str, on: bool = True) -> None:  # noqa: FBT001, FBT002 - from JSON
        """Mark a batch for posting, or take the mark away."""
        there = self._books.one("SELECT * FROM SY00500 WHERE BACHNUMB = ?", batch) or {}
        self._books.put("SY00500", {
            "BCHSOURC": "Sales Entry", "BACHNUMB": batch, "MKDTOPST": int(on),
            "NUMOFTRX": there.get("NUMOFTRX", 0),
        })  # fmt: skip

    def enter(
        self, customer_order: str, lines: Mapping[str, str], total: str, batch: str = "TYPED"
    ) -> str:
        """Type an order in, as a clerk or an older integration does; quantities by item.

        Returns its number. What the lines do not come to is freight.
        """
        books, sales = self._books, self._company.sales
        number = sales.next_number(_ORDER, "STDORD")
        today = books.now()[:10] + " 00:00:00.000"
        if not books.one("SELECT 1 AS x FROM RM00101 WHERE CUSTNMBR = 'WEBSHOP'"):
            books.put("RM00101", {"CUSTNMBR": "WEBSHOP", "CUSTNAME": "Web shop"})
        subtotal = Decimal(0)
        for place, (item, quantity) in enumerate(lines.items(), start=1):
            known = books.one("SELECT UOMPRICE FROM IV00108 WHERE ITEMNMBR = ?", item)
            price = money(known["UOMPRICE"]) if known else Decimal(0)
            amount = price * Decimal(quantity)
            subtotal += amount
            books.put("SOP10200", {
                "SOPTYPE": _ORDER, "SOPNUMBE": number, "LNITMSEQ": 16_384 * place, "CMPNTSEQ": 0,
                "ITEMNMBR": item, "ITEMDESC": item, "LOCNCODE": "WAREHOUSE", "UOFM": "EACH",
                "QUANTITY": Decimal(quantity), "UNITPRCE": price, "ORUNTPRC": price,
                "XTNDPRCE": amount, "OXTNDPRC": amount, "ATYALLOC": Decimal(0),
            })  # fmt: skip
        more = Decimal(total) - subtotal
        books.put("SOP10100", {
            "SOPTYPE": _ORDER, "SOPNUMBE": number, "DOCID": "STDORD", "DOCDATE": today,
            "CUSTNMBR": "WEBSHOP", "CUSTNAME": "Web shop", "CSTPONBR": customer_order,
            "BACHNUMB": batch, "BCHSOURC": "Sales Entry", "LOCNCODE": "WAREHOUSE",
            "CURNCYID": "EUR", "CREATDDT": today, "SUBTOTAL": subtotal, "ORSUBTOT": subtotal,
            "FRTAMNT": more, "ORFRTAMT": more, "DOCAMNT": Decimal(total),
            "ORDOCAMT": Decimal(total),
        })  # fmt: skip
        return number

    def edit_line(self, order: str, item: str, quantity: str) -> None:
        """Type another quantity into a line of an open order."""
        self._books.change(
            "SOP10200",
            "SOPTYPE = 2 AND SOPNUMBE = ? AND ITEMNMBR = ?",
            [order, item],
            QUANTITY=Decimal(quantity),
        )

    def item(
        self,
        sku: str,
        title: str = "",
        price: str = "0",
        stock: str = "0",
        site: str = "WAREHOUSE",
        kind: int = 1,
        back_orders: bool = True,  # noqa: FBT001, FBT002 - from JSON
        inactive: bool = False,  # noqa: FBT001, FBT002 - from JSON
        currency: str = "EUR",
        level: str = "RETAIL",
    ) -> None:
        """Add an item with a price and, if it is stocked, a quantity."""
        books = self._books
        books.put("IV00101", {
            "ITEMNMBR": sku, "ITEMDESC": title or sku, "ITEMTYPE": kind, "DECPLCUR": 3,
            "ALWBKORD": int(back_orders), "SELNGUOM": "EACH", "INACTIVE": int(inactive),
        })  # fmt: skip
        if Decimal(price):
            books.put(
                "IV00105", {"ITEMNMBR": sku, "CURNCYID": currency, "LISTPRCE": Decimal(price)}
            )
            books.put("IV00108", {
                "ITEMNMBR": sku, "CURNCYID": currency, "PRCLEVEL": level, "UOFM": "EACH",
                "FROMQTY": Decimal(1), "TOQTY": Decimal("999999999.99"),
                "UOMPRICE": Decimal(price), "QTYBSUOM": Decimal(1),
            })  # fmt: skip
        for place, record in ((site, 2), ("", 1)) if kind in (1, 2) else ():
            books.put("IV00102", {
                "ITEMNMBR": sku, "LOCNCODE": place, "RCRDTYPE": record, "QTYONHND": Decimal(stock),
            })  # fmt: skip
