"""What eConnect refuses, as one of our errors with the record's field. Pure.

eConnect answers an error number and, from `DYNAMICS..taErrorCode`, a sentence that names the
parameter. The numbers are thousands and no list of them is published, so the sentence decides:
which parameter it names, and a few words that tell waiting from wrong. 4776 is the exception.
Must not: pass on a value that is no parameter's.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from knect.sdk.errors import ConnectorError, Fatal, MissingReference, Refused
from knect_connectors.dynamics_gp.procedures import Procedure

__all__ = ["refusal"]

_NO_BACK_ORDERS = 4776
_NAMED = re.compile(r"\b([A-Z][A-Za-z_0-9]{3,})\b")
_BUSY = re.compile(r"another user|locked|in use|being edited|being posted|marked", re.IGNORECASE)
_HELD = re.compile(r"on hold|\bhold\b|inactive|credit limit", re.IGNORECASE)
_CLOSED = re.compile(r"period.*closed|closed.*period|period.*not.*open", re.IGNORECASE)
_UNKNOWN = re.compile(r"does not exist|not set up|not found|invalid|not valid", re.IGNORECASE)
_TOTALS = frozenset({"SUBTOTAL", "DOCAMNT", "TAXAMNT", "XTNDPRCE", "TRDISAMT", "MISCAMNT"})
#: Parameter -> kind of reference, where a record waits until it is there.
_KINDS = {"ITEMNMBR": "sku", "TAXDTLID": "tax", "CURNCYID": "currency", "SHIPMTHD": "carrier"}
#: Parameter -> the key of the config it comes from.
_CONFIGURED = {
    "DOCID": "config.documents",
    "LOCNCODE": "config.site",
    "CUSTCLAS": "config.customers.customerClass",
}


def refusal(
    procedure: Procedure,
    answer: Mapping[str, Any],
    values: Mapping[str, Any],
    paths: Mapping[str, str],
) -> ConnectorError:
    """Return the error for an answer with an error state; `paths`: parameter -> record's field."""
    code = int(answer.get("error") or 0)
    said = " ".join(str(answer.get("sentence") or "").split())
    named = next((name for name in _NAMED.findall(said) if name in values), None)
    if code == _NO_BACK_ORDERS:
        named = "ITEMNMBR"
    value = None if named is None else _shown(values[named])
    path = paths.get(named or "", named)
    what = said or f"error {answer.get('codes') or code}, of which GP has no sentence"
    sentence = f"GP refuses ({procedure.calls}, {code}): {what}"
    if value:
        sentence += f": {value!r}"
    return _judged(code, said, named, value, path, sentence)


def _shown(value: Any) -> str:
    return f"{value:%Y-%m-%d}" if isinstance(value, date) else str(value).strip()


def _judged(
    code: int, said: str, named: str | None, value: str | None, path: str | None, sentence: str
) -> ConnectorError:
    if code == _NO_BACK_ORDERS:
        return _wait("stock", value, path, f"{sentence}: there is not enough of it, and it may not"
                     " be back ordered; it goes on by itself once there is")  # fmt: skip
    if named == "BACHNUMB" and _BUSY.search(said):
        return _wait("batch", value, "batch", f"{sentence}; it goes on by itself once the batch is"
                     " posted or unmarked")  # fmt: skip
    if _BUSY.search(said):
        return _wait("document", value, path, f"{sentence}; it goes on by itself once the document"
                     " is closed there")  # fmt: skip
    if _CLOSED.search(said):
        return _wait("period", value, path, f"{sentence}; open the period in GP, or it waits")
    if named == "CUSTNMBR" and _HELD.search(said):
        return _wait("customer", value, "customer", f"{sentence}; take the hold away in GP")
    if named in _KINDS and (_UNKNOWN.search(said) or _HELD.search(said)):
        return _wait(_KINDS[named], value, path, f"{sentence}; add it in GP")
    if named in _CONFIGURED and _UNKNOWN.search(said):
        where = _CONFIGURED[named]
        return Fatal(f"{sentence}; correct {where}", code=str(code), path=where, value=value)
    if named in _TOTALS:
        return Refused(sentence, code="TotalsMismatch", path=path, value=value)
    return Refused(sentence, code=str(code), path=path, value=value)


def _wait(kind: str, value: str | None, path: str | None, sentence: str) -> MissingReference:
    return MissingReference(sentence, kind=kind, value=value or "", path=path)
