"""GP's tables as far as Knect's views and eConnect's behaviour need them: names, types, lengths.

Columns have the names and lengths of a GP 2010+ company database; a test compares them with the
reference where that is at hand. Must not: be created anywhere but in the simulator's own memory.
"""

from collections.abc import Mapping

__all__ = ["COLUMNS", "KINDS", "TABLES"]

_M = "numeric(19,5)"
_HEADER = f"""SOPTYPE smallint, SOPNUMBE char(21), ORIGTYPE smallint, ORIGNUMB char(21),
DOCID char(15), DOCDATE datetime, ReqShipDate datetime, ACTLSHIP datetime, LOCNCODE char(11),
BCHSOURC char(15), BACHNUMB char(15), CUSTNMBR char(15), CUSTNAME char(65), CSTPONBR char(21),
PRBTADCD char(15), PRSTADCD char(15), CNTCPRSN char(61), ShipToName char(65), ADDRESS1 char(61),
ADDRESS2 char(61), ADDRESS3 char(61), CITY char(35), STATE char(29), ZIPCODE char(11),
COUNTRY char(61), PHNUMBR1 char(21), SHIPMTHD char(15), TRDISAMT {_M}, ORTDISAM {_M},
SUBTOTAL {_M}, ORSUBTOT {_M}, FRTAMNT {_M}, ORFRTAMT {_M}, MISCAMNT {_M}, ORMISCAMT {_M},
FRTTXAMT {_M}, ORFRTTAX {_M}, MSCTXAMT {_M}, ORMSCTAX {_M}, TAXAMNT {_M}, ORTAXAMT {_M},
DOCAMNT {_M}, ORDOCAMT {_M}, PSTGSTUS smallint, VOIDSTTS smallint, CURNCYID char(15),
CREATDDT datetime, DEX_ROW_TS datetime"""
_LINE = f"""SOPTYPE smallint, SOPNUMBE char(21), LNITMSEQ int, CMPNTSEQ int, ITEMNMBR char(31),
ITEMDESC char(101), NONINVEN smallint, UOFM char(9), LOCNCODE char(11), UNITPRCE {_M},
ORUNTPRC {_M}, XTNDPRCE {_M}, OXTNDPRC {_M}, QUANTITY {_M}, ATYALLOC {_M}, QTYONHND {_M},
QTYRTRND {_M}, QTYCANCE {_M}, QTYTBAOR {_M}, QTYFULFI {_M}, TAXAMNT {_M}, ORTAXAMT {_M},
ORGSEQNM int, DEX_ROW_TS datetime"""

_TEXTS: Mapping[str, str] = {
    "SOP10100": _HEADER + ", INTEGRATIONID char(31)",
    "SOP30200": _HEADER,
    "SOP10200": _LINE + ", INTEGRATIONID char(31)",
    "SOP30300": _LINE,
    "SOP10104": "SOPTYPE smallint, SOPNUMBE char(21), PRCHLDID char(15), DELETE1 tinyint",
    "SOP10105": f"""SOPTYPE smallint, SOPNUMBE char(21), LNITMSEQ int, TAXDTLID char(15),
        STAXAMNT {_M}, FRTTXAMT {_M}, MSCTXAMT {_M}, TDTTXSLS {_M}""",
    "SOP10106": """SOPTYPE smallint, SOPNUMBE char(21), USERDEF1 char(21), USERDEF2 char(21),
        USRDEF03 char(21), CMMTTEXT char(500)""",
    "SOP10107": "SOPNUMBE char(21), SOPTYPE smallint, Tracking_Number char(41)",
    "SOP40200": "DOCID char(15), SOPTYPE smallint, SOPNUMBE char(21)",
    "SOP40300": "SOPTYPE smallint, DOCTYABR char(3), SOPNUMBE char(21)",
    "SY00500": """BCHSOURC char(15), BACHNUMB char(15), MKDTOPST tinyint, BCHSTTUS smallint,
        NUMOFTRX int""",
    "SY01200": """Master_Type char(3), Master_ID char(31), ADRSCODE char(15), INET1 char(201),
        DEX_ROW_TS datetime""",
    "SY40100": "CLOSED tinyint, SERIES smallint, PERIODDT datetime, PERDENDT datetime",
    "MC40000": "FUNLCURR char(15)",
    "MC40200": "CURNCYID char(15), ISOCODE char(3), XCHGRATE numeric(19,7)",
    "RM00101": """CUSTNMBR char(15), CUSTNAME char(65), CUSTCLAS char(15), CNTCPRSN char(61),
        ADRSCODE char(15), ADDRESS1 char(61), ADDRESS2 char(61), ADDRESS3 char(61),
        COUNTRY char(61), CITY char(35), STATE char(29), ZIP char(11), PHONE1 char(21),
        TXRGNNUM char(25), HOLD tinyint, INACTIVE tinyint, CREATDDT datetime,
        DEX_ROW_TS datetime""",
    "RM00102": """CUSTNMBR char(15), ADRSCODE char(15), SHIPTONAME char(65), CNTCPRSN char(61),
        ADDRESS1 char(61), ADDRESS2 char(61), ADDRESS3 char(61), COUNTRY char(61), CITY char(35),
        STATE char(29), ZIP char(11), PHONE1 char(21), DEX_ROW_TS datetime""",
    "IV00101": """ITEMNMBR char(31), ITEMDESC char(101), ITMSHNAM char(15), ITEMTYPE smallint,
        ITEMSHWT int, DECPLCUR smallint, ITMCLSCD char(11), ALWBKORD tinyint, SELNGUOM char(9),
        INACTIVE tinyint, DEX_ROW_TS datetime""",
    "IV00102": f"""ITEMNMBR char(31), LOCNCODE char(11), RCRDTYPE smallint, QTYONORD {_M},
        QTYBKORD {_M}, QTYONHND {_M}, ATYALLOC {_M}""",
    "IV00105": f"ITEMNMBR char(31), CURNCYID char(15), LISTPRCE {_M}",
    "IV00108": f"""ITEMNMBR char(31), CURNCYID char(15), PRCLEVEL char(11), UOFM char(9),
        TOQTY {_M}, FROMQTY {_M}, UOMPRICE {_M}, QTYBSUOM {_M}, DEX_ROW_TS datetime""",
    "IV40700": "LOCNCODE char(11), LOCNDSCR char(31)",
    "IV40800": "PRCLEVEL char(11)",
    "TX00201": f"TAXDTLID char(15), TXDTLTYP smallint, TXDTLPCT {_M}",
    "knect_delivery": """external_id varchar(80), SOPTYPE smallint, SOPNUMBE char(21),
        CUSTNMBR char(15), content varchar(64), trace varchar(32), written datetime""",
    "knect_line": "SOPTYPE smallint, SOPNUMBE char(21), LNITMSEQ int, line_id varchar(80)",
    "knect_mark": """entity varchar(10), mark varchar(80), fingerprint varchar(1000),
        changed datetime, swept datetime""",
    "knect_parameter": "procedure_name varchar(128), parameter_name varchar(128), length smallint",
}


def _columns(text: str) -> dict[str, str]:
    return dict(part.rsplit(" ", 1) for part in " ".join(text.split()).split(", "))


#: Table -> column -> type.
TABLES: Mapping[str, Mapping[str, str]] = {name: _columns(text) for name, text in _TEXTS.items()}
#: Primary keys, where the simulator needs one.
KEYS: Mapping[str, str] = {
    "SOP10100": "SOPNUMBE, SOPTYPE",
    "SOP30200": "SOPNUMBE, SOPTYPE",
    "SOP10200": "SOPNUMBE, SOPTYPE, CMPNTSEQ, LNITMSEQ",
    "SOP30300": "SOPNUMBE, SOPTYPE, CMPNTSEQ, LNITMSEQ",
    "RM00101": "CUSTNMBR",
    "RM00102": "CUSTNMBR, ADRSCODE",
    "IV00101": "ITEMNMBR",
    "IV00102": "ITEMNMBR, LOCNCODE",
    "IV00105": "ITEMNMBR, CURNCYID",
    "IV00108": "ITEMNMBR, CURNCYID, PRCLEVEL, UOFM, TOQTY",
    "SY00500": "BACHNUMB, BCHSOURC",
    "SY01200": "Master_Type, Master_ID, ADRSCODE",
    "knect_delivery": "external_id",
    "knect_line": "SOPTYPE, SOPNUMBE, LNITMSEQ",
    "knect_mark": "entity, mark",
}
#: Column -> type: a name means the same in every table.
COLUMNS: Mapping[str, str] = {
    name.upper(): kind for table in TABLES.values() for name, kind in table.items()
}
#: What views make up.
KINDS: Mapping[str, str] = {
    "CHANGED": "datetime",
    "NOW_UTC": "datetime",
    "STAGE": "varchar(7)",
    "NAME": "varchar(128)",
    "VALUE": "varchar(255)",
    "KIND": "varchar(10)",
    "ORDNUMBE": "char(21)",
    "ZIP": "char(11)",
}
