"""Customers as eConnect makes them: master, addresses, e-mail.

Must not: commit; the session does.
"""

from collections.abc import Mapping
from typing import Any

from knect_connectors.dynamics_gp.simulator.books import Books

__all__ = ["Receivables"]

_Values = Mapping[str, Any]


class Receivables:
    """The customer procedures over one company's books."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def customer(self, v: _Values) -> None:
        """Do what taUpdateCreateCustomerRcd does."""
        number = v["CUSTNMBR"].rstrip()
        there = self._books.one("SELECT 1 AS x FROM RM00101 WHERE CUSTNMBR = ?", number)
        if there and not v["UpdateIfExists"]:
            return
        values = {
            "CUSTNMBR": number,
            **{
                name: v[name]
                for name in ("CUSTNAME", "CUSTCLAS", "CNTCPRSN", "ADRSCODE", "ADDRESS1",
                             "ADDRESS2", "ADDRESS3", "CITY", "STATE", "COUNTRY")
            },
            "ZIP": v["ZIPCODE"],
            "PHONE1": v["PHNUMBR1"],
        }  # fmt: skip
        if not there:
            values["CREATDDT"] = self._books.now()[:10] + " 00:00:00.000"
        self._books.put("RM00101", values)
        if v["CreateAddress"]:
            self.address({**v, "ShipToName": v["CUSTNAME"]})

    def address(self, v: _Values) -> None:
        """Do what taCreateCustomerAddress does."""
        self._books.put("RM00102", {
            **{
                name: v[name]
                for name in ("CUSTNMBR", "ADRSCODE", "CNTCPRSN", "ADDRESS1", "ADDRESS2",
                             "ADDRESS3", "CITY", "STATE", "COUNTRY")
            },
            "SHIPTONAME": v["ShipToName"],
            "ZIP": v["ZIPCODE"],
            "PHONE1": v["PHNUMBR1"],
        })  # fmt: skip

    def internet_address(self, v: _Values) -> None:
        """Do what taCreateInternetAddresses does."""
        self._books.put("SY01200", v)
