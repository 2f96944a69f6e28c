"""The procedures of schema `knect` in GP's database: names, parameters, types.

Each wraps one eConnect procedure (`calls`) whose parameters have the same names with `@I_v` before
them; `install.sql` holds the bodies, and a test compares both. Lengths are eConnect's: one less
than the column. What the published parameter lists of eConnect do not have is marked in README.md.
Must not: hold a value, or a procedure that is not called.
"""

from collections.abc import Mapping

from msgspec import Struct, field

from knect.sdk.sql import Kind, Statement

__all__ = [
    "ADDRESS",
    "CLAIM",
    "CUSTOMER",
    "HEADER",
    "INTERNET_ADDRESS",
    "LINE",
    "LINE_DELETE",
    "NEXT_NUMBER",
    "PROCEDURES",
    "REMEMBER_LINE",
    "RENEW",
    "SWEEP",
    "TAX",
    "USER_DEFINED",
    "VOID",
    "Procedure",
    "size_of",
]

#: What every wrapper answers: eConnect's error state, its codes, and the first code's sentence.
ANSWER: Mapping[str, str] = {
    "error": "int",
    "codes": "varchar(255)",
    "sentence": "varchar(255)",
}
#: What those that end a document or a customer answer besides: the mark of change it has now.
_STAMPED: Mapping[str, str] = {**ANSWER, "changed": "datetime"}


class Procedure(Struct, frozen=True, kw_only=True):
    """One procedure. `calls`: the eConnect procedure it wraps, empty for one of our own."""

    name: str
    calls: str
    types: Mapping[str, str]
    outputs: Mapping[str, str] = field(default_factory=lambda: ANSWER)

    def statement(self) -> Statement:
        """Return the catalogue's entry."""
        return Statement(
            name=self.name,
            kind=Kind.CALL,
            text=f"knect.{self.name}",
            types=self.types,
            outputs=self.outputs,
        )


def _types(text: str) -> dict[str, str]:
    return dict(part.rsplit(" ", 1) for part in " ".join(text.split()).split(", "))


_DOCUMENT = "SOPTYPE smallint, SOPNUMBE char(21)"
_MONEY = "numeric(19,5)"


def size_of(kind: str) -> int:
    """Return how many characters a text type has; 0 for what is no text."""
    return int(kind.partition("(")[2].rstrip(")")) if "char" in kind else 0


NEXT_NUMBER = Procedure(
    name="next_number",
    calls="taGetSopNumber",
    types=_types("SOPTYPE tinyint, DOCID char(15)"),
    outputs={"SOPNUMBE": "varchar(21)", "error": "int"},
)
LINE = Procedure(
    name="sop_line",
    calls="taSopLineIvcInsert",
    types=_types(
        f"""{_DOCUMENT}, CUSTNMBR char(15), DOCDATE datetime, LOCNCODE char(10),
        ITEMNMBR char(30), UNITPRCE {_MONEY}, XTNDPRCE {_MONEY}, QUANTITY {_MONEY},
        QTYONHND {_MONEY}, QTYRTRND {_MONEY}, ITEMDESC char(100), TAXAMNT {_MONEY},
        NONINVEN smallint, UNITCOST {_MONEY}, LNITMSEQ int, DOCID char(15), UOFM char(8),
        CURNCYID char(15), QtyShrtOpt smallint, UpdateIfExists smallint, CMMTTEXT varchar(500),
        INTEGRATIONID char(30), ReqShipDate datetime"""
    ),
)
LINE_DELETE = Procedure(
    name="sop_line_delete",
    calls="taSopLineDelete",
    types=_types(f"{_DOCUMENT}, LNITMSEQ int, ITEMNMBR char(30)"),
)
TAX = Procedure(
    name="sop_tax",
    calls="taSopLineIvcTaxInsert",
    types=_types(
        f"""{_DOCUMENT}, CUSTNMBR char(15), LNITMSEQ int, SALESAMT {_MONEY}, FRTTXAMT {_MONEY},
        MSCTXAMT {_MONEY}, TAXDTLID char(15), STAXAMNT {_MONEY}"""
    ),
)
USER_DEFINED = Procedure(
    name="sop_user_defined",
    calls="taSopUserDefined",
    types=_types(f"{_DOCUMENT}, USERDEF1 char(20), USERDEF2 char(20), USRDEF03 char(20)"),
)
HEADER = Procedure(
    name="sop_header",
    calls="taSopHdrIvcInsert",
    types=_types(
        f"""SOPTYPE smallint, DOCID char(15), SOPNUMBE char(21), DOCDATE datetime,
        CUSTNMBR char(15), CUSTNAME char(64), CSTPONBR char(20), BACHNUMB char(15),
        LOCNCODE char(10), SHIPMTHD char(15), PRBTADCD char(15), PRSTADCD char(15),
        ShipToName char(64), ADDRESS1 char(60), ADDRESS2 char(60), ADDRESS3 char(60),
        CNTCPRSN char(60), CITY char(35), STATE char(29), ZIPCODE char(10), COUNTRY char(60),
        PHNUMBR1 char(21), SUBTOTAL {_MONEY}, FREIGHT {_MONEY}, MISCAMNT {_MONEY},
        TRDISAMT {_MONEY}, TAXAMNT {_MONEY}, FRTTXAMT {_MONEY}, MSCTXAMT {_MONEY},
        DOCAMNT {_MONEY}, CURNCYID char(15), USINGHEADERLEVELTAXES int, CREATETAXES smallint,
        CREATEDIST smallint, CREATECOMM smallint, DEFPRICING tinyint, CKHOLD tinyint,
        CKCreditLimit tinyint, UpdateExisting tinyint, INTEGRATIONID char(30),
        CMMTTEXT varchar(500), NOTETEXT varchar(8000), ORIGNUMB char(21), ORIGTYPE smallint,
        ReqShipDate datetime"""
    ),
    outputs=_STAMPED,
)
VOID = Procedure(
    name="sop_void",
    calls="taSopVoidDocument",
    types=_types(_DOCUMENT),
    outputs=_STAMPED,
)
CUSTOMER = Procedure(
    name="customer",
    calls="taUpdateCreateCustomerRcd",
    types=_types(
        """CUSTNMBR char(15), CUSTNAME char(64), CUSTCLAS char(15), ADRSCODE char(15),
        CNTCPRSN char(60), ADDRESS1 char(60), ADDRESS2 char(60), ADDRESS3 char(60),
        CITY char(35), STATE char(29), ZIPCODE char(10), COUNTRY char(60), PHNUMBR1 char(21),
        UseCustomerClass tinyint, CreateAddress tinyint, UpdateIfExists tinyint"""
    ),
    outputs=_STAMPED,
)
ADDRESS = Procedure(
    name="customer_address",
    calls="taCreateCustomerAddress",
    types=_types(
        """CUSTNMBR char(15), ADRSCODE char(15), ShipToName char(64), CNTCPRSN char(60),
        ADDRESS1 char(60), ADDRESS2 char(60), ADDRESS3 char(60), CITY char(35), STATE char(29),
        ZIPCODE char(10), COUNTRY char(60), PHNUMBR1 char(21), UpdateIfExists tinyint"""
    ),
)
INTERNET_ADDRESS = Procedure(
    name="internet_address",
    calls="taCreateInternetAddresses",
    types=_types("Master_Type char(3), Master_ID char(30), ADRSCODE char(15), INET1 char(200)"),
    outputs=_STAMPED,
)

CLAIM = Procedure(
    name="claim",
    calls="",
    types=_types(
        """external_id varchar(80), SOPTYPE smallint, SOPNUMBE char(21), CUSTNMBR char(15),
        content varchar(64), trace varchar(32), gone char(21)"""
    ),
    outputs={},
)
RENEW = Procedure(
    name="renew",
    calls="",
    types=_types("external_id varchar(80), content varchar(64), trace varchar(32)"),
    outputs={},
)
REMEMBER_LINE = Procedure(
    name="remember_line",
    calls="",
    types=_types(f"{_DOCUMENT}, LNITMSEQ int, line_id varchar(80)"),
    outputs={},
)
SWEEP = Procedure(
    name="sweep", calls="", types=_types("entity varchar(10), stamp datetime"), outputs={}
)

#: All of them, by name.
PROCEDURES: Mapping[str, Procedure] = {
    one.name: one
    for one in (
        NEXT_NUMBER,
        LINE,
        LINE_DELETE,
        TAX,
        USER_DEFINED,
        HEADER,
        VOID,
        CUSTOMER,
        ADDRESS,
        INTERNET_ADDRESS,
        CLAIM,
        RENEW,
        REMEMBER_LINE,
        SWEEP,
    )
}
