"""The queries of the catalogue: fixed texts over the views of schema `knect`.

Every parameter has the type of the column it is compared with: a driver's own guess (nvarchar)
would make SQL Server convert a whole column, and the newer datetime types round otherwise than
the old one. Lists have a fixed length; what is missing repeats the last.
Must not: be composed at run time.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from knect.sdk.sql import Kind, Statement

__all__ = ["MANY", "QUERIES", "full", "query"]

_T = TypeVar("_T")

#: How many keys a query is asked for at once, and rows a page has at most.
MANY = 100

_KEYS = ", ".join(["%s"] * MANY)


def query(name: str) -> Statement:
    """Return a query of the catalogue."""
    return QUERIES[name]


def full(keys: Sequence[_T]) -> list[_T]:
    """Return the keys, the last one repeated until there are `MANY`."""
    return [*keys, *[keys[-1]] * (MANY - len(keys))]


def _keyed(name: str, text: str, key: str, *before: str) -> Statement:
    types = {f"p{number}": kind for number, kind in enumerate(before)}
    types |= {f"k{number}": key for number in range(MANY)}
    return Statement(name=name, kind=Kind.QUERY, text=text % {"keys": _KEYS}, types=types)


#: A page of what changed in a window, by (time, id), after the last one seen.
_PAGE = (
    "SELECT TOP (%(many)s) %(id)s, MAX(changed) AS changed FROM %(view)s"
    " WHERE changed >= %%s GROUP BY %(id)s"
    " HAVING MAX(changed) < %%s AND (MAX(changed) > %%s OR (MAX(changed) = %%s"
    " AND %(id)s > %%s)) ORDER BY MAX(changed), %(id)s"
)


def _listed(name: str, view: str, id_column: str, id_type: str) -> Statement:
    types = {"since": "datetime", "until": "datetime", "at": "datetime", "same": "datetime"}
    text = _PAGE % {"many": MANY, "id": id_column, "view": view}
    return Statement(name=name, kind=Kind.QUERY, text=text, types={**types, "id": id_type})


_DOCUMENT = (
    "SELECT SOPTYPE, SOPNUMBE, stage, DOCID, DOCDATE, CUSTNMBR, CUSTNAME, CSTPONBR, BACHNUMB,"
    " LOCNCODE, SHIPMTHD, CURNCYID, SUBTOTAL, FRTAMNT, MISCAMNT, TRDISAMT, TAXAMNT, DOCAMNT,"
    " VOIDSTTS, ORIGTYPE, ORIGNUMB, ShipToName, ADDRESS1, ADDRESS2, ADDRESS3, CITY, STATE,"
    " ZIPCODE, COUNTRY, PHNUMBR1, CREATDDT, changed FROM knect.documents"
)
_LINES = (
    "SELECT SOPTYPE, SOPNUMBE, LNITMSEQ, ITEMNMBR, ITEMDESC, QUANTITY, UNITPRCE, XTNDPRCE,"
    " QTYCANCE, QTYTBAOR, QTYFULFI, ATYALLOC, UOFM, ORGSEQNM, line_id FROM knect.document_lines"
)

_ALL: Sequence[Statement] = (
    Statement(name="clock", kind=Kind.QUERY, text="SELECT now_utc FROM knect.clock"),
    Statement(name="facts", kind=Kind.QUERY, text="SELECT name, value FROM knect.facts"),
    Statement(
        name="parameters",
        kind=Kind.QUERY,
        text="SELECT procedure_name, parameter_name, length FROM knect.parameters",
    ),
    Statement(
        name="setup",
        kind=Kind.QUERY,
        text=(
            "SELECT kind, name FROM knect.setup WHERE (kind = 'document' AND name = %s)"
            " OR (kind = 'site' AND name = %s) OR (kind = 'level' AND name = %s)"
        ),
        types={"document": "varchar(15)", "site": "varchar(15)", "level": "varchar(15)"},
    ),
    Statement(
        name="closed_periods",
        kind=Kind.QUERY,
        text=(
            "SELECT PERIODDT, PERDENDT FROM knect.closed_periods"
            " WHERE PERIODDT <= %s AND PERDENDT >= %s"
        ),
        types={"day": "datetime", "same": "datetime"},
    ),
    _listed("orders_changed", "knect.order_marks", "SOPNUMBE", "char(21)"),
    _keyed(
        "order_stamps",
        "SELECT SOPNUMBE, MAX(changed) AS changed FROM knect.order_marks"
        " WHERE SOPNUMBE IN (%(keys)s) GROUP BY SOPNUMBE",
        "char(21)",
    ),
    _keyed(
        "customer_stamps",
        "SELECT CUSTNMBR, MAX(changed) AS changed FROM knect.customer_marks"
        " WHERE CUSTNMBR IN (%(keys)s) GROUP BY CUSTNMBR",
        "char(15)",
    ),
    _keyed(
        "documents",
        _DOCUMENT + " WHERE SOPTYPE = %%s AND SOPNUMBE IN (%(keys)s)",
        "char(21)",
        "smallint",
    ),
    _keyed(
        "document_lines",
        _LINES + " WHERE SOPTYPE = %%s AND SOPNUMBE IN (%(keys)s) ORDER BY LNITMSEQ",
        "char(21)",
        "smallint",
    ),
    _keyed(
        "chain",
        "SELECT SOPTYPE, SOPNUMBE, stage, VOIDSTTS, ORIGTYPE, ORIGNUMB FROM knect.documents"
        " WHERE ORIGTYPE = %%s AND ORIGNUMB IN (%(keys)s)",
        "char(21)",
        "smallint",
    ),
    _keyed(
        "deliveries",
        "SELECT external_id, SOPTYPE, SOPNUMBE, CUSTNMBR, content FROM knect.deliveries"
        " WHERE external_id IN (%(keys)s)",
        "varchar(80)",
    ),
    _keyed(
        "delivered",
        "SELECT external_id, SOPTYPE, SOPNUMBE, CUSTNMBR, content FROM knect.deliveries"
        " WHERE SOPTYPE = %%s AND SOPNUMBE IN (%(keys)s)",
        "char(21)",
        "smallint",
    ),
    _keyed(
        "customer_claims",
        "SELECT external_id, CUSTNMBR FROM knect.deliveries"
        " WHERE SOPNUMBE = '' AND CUSTNMBR IN (%(keys)s)",
        "char(15)",
    ),
    _keyed(
        "returns",
        "SELECT external_id, content, SOPNUMBE, DOCAMNT, VOIDSTTS FROM knect.returns"
        " WHERE content IN (%(keys)s)",
        "varchar(64)",
    ),
    _keyed(
        "document_taxes",
        "SELECT SOPTYPE, SOPNUMBE, TAXDTLID, STAXAMNT, FRTTXAMT, MSCTXAMT"
        " FROM knect.document_taxes WHERE SOPTYPE = %%s AND SOPNUMBE IN (%(keys)s)",
        "char(21)",
        "smallint",
    ),
    _keyed(
        "by_customer_order",
        "SELECT SOPTYPE, SOPNUMBE, CUSTNMBR, CSTPONBR, VOIDSTTS, DOCAMNT, external_id"
        " FROM knect.adoptable WHERE SOPTYPE = %%s AND CSTPONBR IN (%(keys)s)",
        "char(21)",
        "smallint",
    ),
    _keyed(
        "items",
        "SELECT ITEMNMBR, ITEMDESC, ITEMTYPE, INACTIVE, ALWBKORD, SELNGUOM, DECPLCUR"
        " FROM knect.items WHERE ITEMNMBR IN (%(keys)s)",
        "char(31)",
    ),
    Statement(
        name="tax_details",
        kind=Kind.QUERY,
        text="SELECT TAXDTLID, TXDTLPCT FROM knect.tax_details",
    ),
    _keyed(
        "customers_by_email",
        "SELECT CUSTNMBR, INET1, CUSTNAME, HOLD, INACTIVE FROM knect.customer_emails"
        " WHERE INET1 IN (%(keys)s)",
        "char(201)",
    ),
    _listed("customers_changed", "knect.customer_marks", "CUSTNMBR", "char(15)"),
    _keyed(
        "customers",
        "SELECT CUSTNMBR, CUSTNAME, CUSTCLAS, CNTCPRSN, ADRSCODE, PHONE1, TXRGNNUM, HOLD,"
        " INACTIVE, CREATDDT, changed FROM knect.customers WHERE CUSTNMBR IN (%(keys)s)",
        "char(15)",
    ),
    _keyed(
        "addresses",
        "SELECT CUSTNMBR, ADRSCODE, SHIPTONAME, CNTCPRSN, ADDRESS1, ADDRESS2, ADDRESS3, CITY,"
        " STATE, ZIP, COUNTRY, PHONE1, INET1 FROM knect.customer_addresses"
        " WHERE CUSTNMBR IN (%(keys)s) ORDER BY CUSTNMBR, ADRSCODE",
        "char(15)",
    ),
    _listed("products_changed", "knect.items", "ITEMNMBR", "char(31)"),
    _keyed(
        "products",
        "SELECT ITEMNMBR, ITEMDESC, ITEMTYPE, INACTIVE, ITMSHNAM, ITMCLSCD, ITEMSHWT, SELNGUOM,"
        " changed FROM knect.items WHERE ITEMNMBR IN (%(keys)s)",
        "char(31)",
    ),
    _listed("levels_changed", "knect.levels", "mark", "varchar(80)"),
    _keyed(
        "levels",
        "SELECT mark, ITEMNMBR, LOCNCODE, ITEMTYPE, QTYONHND, ATYALLOC, QTYBKORD, QTYONORD,"
        " SELNGUOM, swept, changed FROM knect.levels WHERE mark IN (%(keys)s)",
        "varchar(80)",
    ),
    _listed("prices_changed", "knect.prices", "mark", "varchar(80)"),
    _keyed(
        "prices",
        "SELECT mark, ITEMNMBR, CURNCYID, PRCLEVEL, UOFM, FROMQTY, UOMPRICE, LISTPRCE, INACTIVE,"
        " changed FROM knect.prices WHERE mark IN (%(keys)s)",
        "varchar(80)",
    ),
    _listed("shipments_changed", "knect.shipments", "SOPNUMBE", "char(21)"),
    _keyed(
        "shipments",
        "SELECT SOPNUMBE, ORDNUMBE, ORIGTYPE, ORIGNUMB, CSTPONBR, LOCNCODE, SHIPMTHD, VOIDSTTS,"
        " ACTLSHIP, DOCDATE, changed FROM knect.shipments WHERE SOPNUMBE IN (%(keys)s)",
        "char(21)",
    ),
    _keyed(
        "tracking",
        "SELECT SOPNUMBE, Tracking_Number FROM knect.tracking WHERE SOPTYPE = %%s"
        " AND SOPNUMBE IN (%(keys)s) ORDER BY SOPNUMBE, Tracking_Number",
        "char(21)",
        "smallint",
    ),
    Statement(
        name="batch",
        kind=Kind.QUERY,
        text="SELECT BACHNUMB, MKDTOPST, BCHSTTUS FROM knect.batches WHERE BACHNUMB = %s",
        types={"BACHNUMB": "char(15)"},
    ),
)

#: All of them, by name.
QUERIES: Mapping[str, Statement] = {one.name: one for one in _ALL}
