"""Sales documents as eConnect makes, changes and voids them: checks, numbers, allocations.

Must not: commit; the session does. What people do with a document afterwards is `people`'s.
"""

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from knect_connectors.dynamics_gp.simulator.books import Books, money, scaled
from knect_connectors.dynamics_gp.simulator.refusals import EConnectError
from knect_connectors.dynamics_gp.simulator.tables import TABLES

__all__ = ["Sales"]

_Values = Mapping[str, Any]
_ORDER, _RETURN = 2, 4
_OVERRIDE, _BACK_ALL, _BACK_BALANCE = 2, 3, 4
_WHERE = "SOPTYPE = ? AND SOPNUMBE = ?"
_STOCKED = (1, 2)


class Sales:
    """The sales procedures over one company's books. `locked`: documents open on a screen."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self.locked: set[str] = set()

    def next_number(self, soptype: int, docid: str) -> str:
        """Take the next number of the document id, else of the type; it is used up."""
        books = self._books
        own = books.one(
            "SELECT SOPNUMBE FROM SOP40200 WHERE SOPTYPE = ? AND DOCID = ?", soptype, docid
        )
        if own is None:
            raise EConnectError(9008)
        table, where = "SOP40300", "SOPTYPE = ?"
        keys: list[int | str] = [soptype]
        if own["SOPNUMBE"]:
            table, where, keys = "SOP40200", "SOPTYPE = ? AND DOCID = ?", [soptype, docid]
        row = books.one(f"SELECT SOPNUMBE FROM {table} WHERE {where}", *keys)
        number = str(row["SOPNUMBE"]) if row else ""
        books.change(table, where, keys, SOPNUMBE=_after(number))
        return number

    def line(self, v: _Values) -> None:
        """Do what taSopLineIvcInsert does."""
        books = self._books
        self._editable(v)
        quantity, price = Decimal(v["QUANTITY"]), Decimal(v["UNITPRCE"])
        if quantity <= 0:
            raise EConnectError(9020)
        item = books.one("SELECT * FROM IV00101 WHERE ITEMNMBR = ?", v["ITEMNMBR"].rstrip())
        if item is None and not v["NONINVEN"]:
            raise EConnectError(9001)
        if item is not None and item["INACTIVE"]:
            raise EConnectError(9002)
        self._customer(v)
        rate = self.rate(v["CURNCYID"])
        cent = Decimal("0.01")
        if (quantity * price).quantize(cent, ROUND_HALF_UP) != Decimal(v["XTNDPRCE"]):
            raise EConnectError(9006)
        site = v["LOCNCODE"].rstrip()
        if not books.one("SELECT 1 AS x FROM IV40700 WHERE LOCNCODE = ?", site):
            raise EConnectError(9017)
        sequence = v["LNITMSEQ"] or self._next_sequence(v)
        there = self._line(v, sequence)
        if there is not None:
            self.release(there)
        stocked = item is not None and item["ITEMTYPE"] in _STOCKED
        counted = self._counted(v, item, site, quantity) if stocked and item else {}
        books.put("SOP10200", {
            "SOPTYPE": v["SOPTYPE"], "SOPNUMBE": v["SOPNUMBE"], "LNITMSEQ": sequence, "CMPNTSEQ": 0,
            "ITEMNMBR": v["ITEMNMBR"], "NONINVEN": v["NONINVEN"], "LOCNCODE": site,
            "ITEMDESC": v["ITEMDESC"] or (item["ITEMDESC"] if item else ""),
            "UOFM": v["UOFM"] or (item["SELNGUOM"] if item else ""),
            "UNITPRCE": price * rate, "ORUNTPRC": price, "QUANTITY": quantity,
            "XTNDPRCE": Decimal(v["XTNDPRCE"]) * rate, "OXTNDPRC": Decimal(v["XTNDPRCE"]),
            "TAXAMNT": Decimal(v["TAXAMNT"]) * rate, "ORTAXAMT": Decimal(v["TAXAMNT"]),
            "INTEGRATIONID": v["INTEGRATIONID"], "ORGSEQNM": 0,
            "ATYALLOC": Decimal(0), "QTYTBAOR": Decimal(0), "QTYONHND": Decimal(v["QTYONHND"]),
            "QTYRTRND": Decimal(v["QTYRTRND"]), **counted,
        })  # fmt: skip

    def _counted(
        self, v: _Values, item: Mapping[str, Any], site: str, quantity: Decimal
    ) -> dict[str, Decimal]:
        """Allocate, back order, or take back into stock."""
        books = self._books
        where, keys = "ITEMNMBR = ? AND LOCNCODE = ?", [item["ITEMNMBR"], site]
        stock = books.one(f"SELECT * FROM IV00102 WHERE {where} AND RCRDTYPE = 2", *keys)
        if stock is None:
            raise EConnectError(9023)
        if v["SOPTYPE"] == _RETURN:
            if Decimal(v["QTYONHND"]) + Decimal(v["QTYRTRND"]) != quantity:
                raise EConnectError(9021)
            return {}
        free = max(money(stock["QTYONHND"] - stock["ATYALLOC"]), Decimal(0))
        option = v["QtyShrtOpt"]
        short = quantity - min(free, quantity)
        if short and option != _OVERRIDE and not item["ALWBKORD"]:
            raise EConnectError(4776)
        back = Decimal(0)
        if short and option == _BACK_ALL:
            back = quantity
        elif short and option == _BACK_BALANCE:
            back = short
        self._move_stock(item["ITEMNMBR"], site, quantity - back, back)
        return {"ATYALLOC": quantity - back, "QTYTBAOR": back}

    def _move_stock(self, item: str, site: str, allocated: Decimal, back: Decimal) -> None:
        for place in (site, ""):
            self._books.run(
                "UPDATE IV00102 SET ATYALLOC = ATYALLOC + ?, QTYBKORD = QTYBKORD + ?"
                " WHERE ITEMNMBR = ? AND LOCNCODE = ?",
                *(scaled(allocated), scaled(back), item, place),
            )

    def release(self, line: Mapping[str, Any]) -> None:
        """Give back what a line has allocated and back ordered."""
        self._move_stock(
            line["ITEMNMBR"], line["LOCNCODE"], -money(line["ATYALLOC"]), -money(line["QTYTBAOR"])
        )

    def line_delete(self, v: _Values) -> None:
        """Do what taSopLineDelete does."""
        self._editable(v)
        there = self._line(v, v["LNITMSEQ"])
        if there is None:
            raise EConnectError(9019)
        self.release(there)
        self._books.run(
            f"DELETE FROM SOP10200 WHERE {_WHERE} AND LNITMSEQ = ?",
            *(v["SOPTYPE"], v["SOPNUMBE"].rstrip(), v["LNITMSEQ"]),
        )

    def tax(self, v: _Values) -> None:
        """Do what taSopLineIvcTaxInsert does."""
        known = self._books.one(
            "SELECT 1 AS x FROM TX00201 WHERE TAXDTLID = ?", v["TAXDTLID"].rstrip()
        )
        if known is None:
            raise EConnectError(9016)
        number = v["SOPNUMBE"].rstrip()
        self._books.run(
            f"DELETE FROM SOP10105 WHERE {_WHERE} AND LNITMSEQ = ? AND TAXDTLID = ?",
            *(v["SOPTYPE"], number, v["LNITMSEQ"], v["TAXDTLID"].rstrip()),
        )
        self._books.put("SOP10105", {
            **{name: v[name] for name in ("SOPTYPE", "SOPNUMBE", "LNITMSEQ", "TAXDTLID")},
            **{name: Decimal(v[name]) for name in ("STAXAMNT", "FRTTXAMT", "MSCTXAMT")},
            "TDTTXSLS": Decimal(v["SALESAMT"]),
        })  # fmt: skip

    def user_defined(self, v: _Values) -> None:
        """Do what taSopUserDefined does."""
        self._books.run(
            f"DELETE FROM SOP10106 WHERE {_WHERE}", v["SOPTYPE"], v["SOPNUMBE"].rstrip()
        )
        self._books.put("SOP10106", v)

    def header(self, v: _Values) -> None:
        """Do what taSopHdrIvcInsert does: all checks of the document as a whole."""
        books = self._books
        number = v["SOPNUMBE"].rstrip()
        self._editable(v)
        if not books.one("SELECT 1 AS x FROM SOP40200 WHERE SOPTYPE = ? AND DOCID = ?",
                         v["SOPTYPE"], v["DOCID"].rstrip()):  # fmt: skip
            raise EConnectError(9008)
        there = books.one(f"SELECT 1 AS x FROM SOP10100 WHERE {_WHERE}", v["SOPTYPE"], number)
        gone = books.one(f"SELECT 1 AS x FROM SOP30200 WHERE {_WHERE}", v["SOPTYPE"], number)
        if gone or (there and not v["UpdateExisting"]):
            raise EConnectError(9015)
        self._customer(v)
        self._period(v)
        self._batch(v, is_new=there is None)
        self._totals(v, number)
        rate = self.rate(v["CURNCYID"])
        pairs = {"SUBTOTAL": "ORSUBTOT", "FREIGHT": "ORFRTAMT", "MISCAMNT": "ORMISCAMT",
                 "TRDISAMT": "ORTDISAM", "TAXAMNT": "ORTAXAMT", "DOCAMNT": "ORDOCAMT",
                 "FRTTXAMT": "ORFRTTAX", "MSCTXAMT": "ORMSCTAX"}  # fmt: skip
        amounts = {other: Decimal(v[name]) for name, other in pairs.items()}
        amounts |= {
            "FRTAMNT" if name == "FREIGHT" else name: Decimal(v[name]) * rate for name in pairs
        }
        same = [name for name in v if name in TABLES["SOP10100"] and name not in amounts]
        books.put("SOP10100", {
            **{name: v[name] for name in same}, **amounts,
            "CURNCYID": v["CURNCYID"] or self._functional(), "BCHSOURC": "Sales Entry",
            "CREATDDT": books.now()[:10] + " 00:00:00.000",
        })  # fmt: skip
        if v["CMMTTEXT"]:
            books.run(
                f"UPDATE SOP10106 SET CMMTTEXT = ? WHERE {_WHERE}",
                v["CMMTTEXT"],
                v["SOPTYPE"],
                number,
            )

    def _totals(self, v: _Values, number: str) -> None:
        books = self._books
        sums = books.one(
            f"SELECT SUM(OXTNDPRC) AS lines, COUNT(*) AS count FROM SOP10200 WHERE {_WHERE}",
            *(v["SOPTYPE"], number),
        )
        assert sums is not None
        if not sums["count"]:
            raise EConnectError(9022)
        if sums["lines"] != scaled(v["SUBTOTAL"]):
            raise EConnectError(9009)
        taxes = books.one(
            f"SELECT SUM(STAXAMNT + FRTTXAMT + MSCTXAMT) AS tax FROM SOP10105 WHERE {_WHERE}",
            *(v["SOPTYPE"], number),
        )
        if ((taxes or {}).get("tax") or 0) != scaled(v["TAXAMNT"]):
            raise EConnectError(9011)
        total = sum(Decimal(v[x]) for x in ("SUBTOTAL", "FREIGHT", "MISCAMNT", "TAXAMNT"))
        if total - Decimal(v["TRDISAMT"]) != Decimal(v["DOCAMNT"]):
            raise EConnectError(9010)

    def _period(self, v: _Values) -> None:
        at = v["DOCDATE"].isoformat(sep=" ", timespec="milliseconds")
        if self._books.one(
            "SELECT 1 AS x FROM SY40100 WHERE SERIES = 3 AND CLOSED = 1"
            " AND PERIODDT <= ? AND PERDENDT >= ?",
            at,
            at,
        ):
            raise EConnectError(9012)

    def _batch(self, v: _Values, *, is_new: bool) -> None:
        name = v["BACHNUMB"].rstrip()
        batch = self._books.one("SELECT * FROM SY00500 WHERE BACHNUMB = ?", name)
        if batch and (batch["MKDTOPST"] or batch["BCHSTTUS"]):
            raise EConnectError(9013)
        count = (batch["NUMOFTRX"] if batch else 0) + int(is_new)
        self._books.put("SY00500", {"BCHSOURC": "Sales Entry", "BACHNUMB": name, "NUMOFTRX": count})

    def void(self, v: _Values) -> None:
        """Do what taSopVoidDocument does: to history, and what it had allocated is free."""
        self._editable(v)
        number = v["SOPNUMBE"].rstrip()
        if not self._books.one(f"SELECT 1 AS x FROM SOP10100 WHERE {_WHERE}", v["SOPTYPE"], number):
            raise EConnectError(9018)
        for line in self._books.all(f"SELECT * FROM SOP10200 WHERE {_WHERE}", v["SOPTYPE"], number):
            self.release(line)
        self.to_history(v["SOPTYPE"], number, VOIDSTTS=1)

    def to_history(self, soptype: int, number: str, **values: Any) -> None:
        """Move a document from the work tables to history."""
        books = self._books
        for work, history in (("SOP10100", "SOP30200"), ("SOP10200", "SOP30300")):
            for row in books.all(f"SELECT * FROM {work} WHERE {_WHERE}", soptype, number):
                kept = {name: row[name] for name in TABLES[history] if name in row}
                kept.pop("DEX_ROW_TS")
                books.put(history, {**kept, **(values if history == "SOP30200" else {})})
            books.run(f"DELETE FROM {work} WHERE {_WHERE}", soptype, number)

    def rate(self, currency: str) -> Decimal:
        """Return what one unit is worth in the functional currency."""
        name = currency.rstrip()
        if name in ("", self._functional()):
            return Decimal(1)
        row = self._books.one("SELECT XCHGRATE FROM MC40200 WHERE CURNCYID = ?", name)
        if row is None:
            raise EConnectError(9007)
        return money(row["XCHGRATE"])

    def _functional(self) -> str:
        row = self._books.one("SELECT FUNLCURR FROM MC40000")
        return str(row["FUNLCURR"]) if row else ""

    def _customer(self, v: _Values) -> None:
        row = self._books.one("SELECT * FROM RM00101 WHERE CUSTNMBR = ?", v["CUSTNMBR"].rstrip())
        if row is None:
            raise EConnectError(9003)
        if row["INACTIVE"]:
            raise EConnectError(9004)
        if row["HOLD"] and v.get("CKHOLD", 0):
            raise EConnectError(9005)

    def _editable(self, v: _Values) -> None:
        if v["SOPNUMBE"].rstrip() in self.locked:
            raise EConnectError(9014)

    def _line(self, v: _Values, sequence: int) -> dict[str, Any] | None:
        return self._books.one(
            f"SELECT * FROM SOP10200 WHERE {_WHERE} AND LNITMSEQ = ?",
            *(v["SOPTYPE"], v["SOPNUMBE"].rstrip(), sequence),
        )

    def _next_sequence(self, v: _Values) -> int:
        row = self._books.one(
            f"SELECT MAX(LNITMSEQ) AS last FROM SOP10200 WHERE {_WHERE}",
            *(v["SOPTYPE"], v["SOPNUMBE"].rstrip()),
        )
        return int((row or {}).get("last") or 0) + 16_384


def _after(number: str) -> str:
    """Return the next number: the digits at the end, one more."""
    found = re.match(r"^(.*?)(\d+)$", number)
    if found is None:
        return number + "1"
    return f"{found[1]}{int(found[2]) + 1:0{len(found[2])}d}"
