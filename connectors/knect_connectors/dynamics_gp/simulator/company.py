"""One simulated GP company: the procedures of schema `knect`, what people do, and its state.

Must not: speak TDS; `session` does.
"""

import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from knect.seams import Clock
from knect_connectors.dynamics_gp.procedures import PROCEDURES, size_of
from knect_connectors.dynamics_gp.simulator.books import NO_DATE, Books, sql_time
from knect_connectors.dynamics_gp.simulator.receivables import Receivables
from knect_connectors.dynamics_gp.simulator.refusals import SENTENCES, EConnectError
from knect_connectors.dynamics_gp.simulator.sop import Sales
from knect_connectors.dynamics_gp.simulator.sweeps import sweep

__all__ = ["Company", "DuplicateKeyError"]

_NOT_NULL: Mapping[str, Any] = {"datetime": datetime(1900, 1, 1)}  # noqa: DTZ001 - a SQL date


class DuplicateKeyError(Exception):
    """A primary key is there already."""


class Company:
    """See the module. `committed` counts what was committed per kind of document."""

    def __init__(self, clock: Clock) -> None:
        self.books = Books(clock)
        self.sales = Sales(self.books)
        people = Receivables(self.books)
        self._procedures: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
            "sop_line": self.sales.line,
            "sop_line_delete": self.sales.line_delete,
            "sop_tax": self.sales.tax,
            "sop_user_defined": self.sales.user_defined,
            "sop_header": self.sales.header,
            "sop_void": self.sales.void,
            "customer": people.customer,
            "customer_address": people.address,
            "internet_address": people.internet_address,
            "claim": self._claim,
            "renew": self._renew,
            "remember_line": self._remember_line,
        }
        for one in PROCEDURES.values():
            sizes = {f"@I_v{name}": size_of(kind) for name, kind in one.types.items()}
            if one.calls == "taGetSopNumber":
                sizes = {"@I_tSOPTYPE": 1, "@I_cDOCID": 15, "@I_tInc_Dec": 1}
            for name, size in sizes.items() if one.calls else ():
                row = {"procedure_name": one.calls, "parameter_name": name, "length": size}
                self.books.put("knect_parameter", row)

    def call(self, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Run a procedure; return its output parameters. Raises KeyError for an unknown one."""
        known = PROCEDURES[name]
        values = {column: _value(kind, given.get(column)) for column, kind in known.types.items()}
        if name == "next_number":
            try:
                number = self.sales.next_number(values["SOPTYPE"], values["DOCID"].rstrip())
            except EConnectError as error:
                return {"SOPNUMBE": "", "error": error.code}
            return {"SOPNUMBE": number, "error": 0}
        if name == "sweep":
            sweep(self.books, values["entity"], given.get("stamp"))
            return {}
        try:
            self._procedures[name](values)
        except EConnectError as error:
            sentence = SENTENCES[error.code]
            return {"error": error.code, "codes": f"{error.code} ", "sentence": sentence}
        if not known.outputs:
            return {}
        answer = {"error": 0, "codes": "", "sentence": None}
        if "changed" in known.outputs:
            answer["changed"] = self._changed(values)
        return answer

    def _changed(self, v: Mapping[str, Any]) -> str | None:
        """Return the mark of change of what a procedure has written, from the installed views."""
        view, column, key = (
            ("order_marks", "SOPNUMBE", v["SOPNUMBE"])
            if "SOPNUMBE" in v
            else ("customer_marks", "CUSTNMBR", v.get("CUSTNMBR") or v["Master_ID"])
        )
        text = f'SELECT MAX(changed) AS changed FROM "knect.{view}" WHERE {column} = ?'
        row = self.books.one(text, key)
        return row["changed"] if row else None

    def _claim(self, v: Mapping[str, Any]) -> None:
        row = {name: _stored(value) for name, value in v.items()}
        self._forget(v["external_id"], v["SOPTYPE"], row.pop("gone"))
        try:
            self.books.run(
                "INSERT INTO knect_delivery"
                " (external_id, SOPTYPE, SOPNUMBE, CUSTNMBR, content, trace, written)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                *row.values(),
                self.books.now(),
            )
        except sqlite3.IntegrityError:
            raise DuplicateKeyError from None

    def _forget(self, external_id: str, soptype: int, number: str) -> None:
        """Drop our mark of what is deleted, as `knect.claim` does."""
        document = (
            'SELECT 1 FROM "knect.documents" WHERE (SOPTYPE = ? AND SOPNUMBE = ?)'
            " OR (ORIGTYPE = ? AND ORIGNUMB = ?)"
        )
        customer = 'SELECT 1 FROM "knect.customers" WHERE ? = 0 AND CUSTNMBR = ?'
        same, one = (soptype, number), self.books.one
        if not number or one(document, *same, *same) or one(customer, *same):
            return
        self.books.run("DELETE FROM knect_line WHERE SOPTYPE = ? AND SOPNUMBE = ?", *same)
        mark = (
            "DELETE FROM knect_delivery WHERE external_id = ? AND SOPTYPE = ?"
            " AND ? = CASE SOPTYPE WHEN 0 THEN CUSTNMBR ELSE SOPNUMBE END"
        )
        self.books.run(mark, external_id, *same)

    def _renew(self, v: Mapping[str, Any]) -> None:
        self.books.run(
            "UPDATE knect_delivery SET content = ?, trace = ?, written = ? WHERE external_id = ?",
            *(v["content"], v["trace"], self.books.now(), v["external_id"]),
        )

    def _remember_line(self, v: Mapping[str, Any]) -> None:
        keys = (v["SOPTYPE"], v["SOPNUMBE"].rstrip(), v["LNITMSEQ"])
        self.books.run(
            "DELETE FROM knect_line WHERE SOPTYPE = ? AND SOPNUMBE = ? AND LNITMSEQ = ?", *keys
        )
        if v["line_id"]:
            self.books.put("knect_line", v)


def _value(kind: str, value: Any) -> Any:
    """Return a parameter as its type has it; what is not given has the wrapper's default."""
    if kind.startswith("numeric"):
        return Decimal(value or 0)
    if kind == "datetime":
        return value or _NOT_NULL["datetime"]
    if "char" in kind:
        limit = int(kind.partition("(")[2].rstrip(")"))
        return str(value or "").rstrip(" ")[:limit]
    return int(value or 0)


def _stored(value: Any) -> Any:
    return sql_time(value) if isinstance(value, datetime) else value


assert sql_time(_NOT_NULL["datetime"]) == NO_DATE
