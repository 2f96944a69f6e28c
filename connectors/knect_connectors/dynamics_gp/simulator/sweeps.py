"""The sweep of `install.sql`, with the same fingerprints and the same stamps.

Must not: know who reads the marks.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from knect_connectors.dynamics_gp.simulator.books import Books, sql_time

__all__ = ["PRINTS", "sweep"]

_PAST = timedelta(seconds=120)
#: Entity -> what it is known by and what is compared.
PRINTS: Mapping[str, str] = {
    "inventory": (
        "SELECT ITEMNMBR || '@' || LOCNCODE AS mark, QTYONHND || '|' || ATYALLOC || '|' ||"
        " QTYBKORD || '|' || QTYONORD AS print FROM IV00102 WHERE RCRDTYPE = 2"
    ),
    "prices": (
        "SELECT mark, UOMPRICE || '|' || IFNULL(LISTPRCE, '') || '|' || INACTIVE AS print"
        ' FROM "knect.price_lines"'
    ),
    "shipments": (
        "SELECT d.SOPNUMBE AS mark, d.VOIDSTTS || d.ACTLSHIP || '|' || IFNULL((SELECT"
        " group_concat(Tracking_Number) FROM (SELECT Tracking_Number FROM SOP10107 WHERE"
        " SOPTYPE = 3 AND SOPNUMBE = d.SOPNUMBE ORDER BY 1)), '') AS print"
        ' FROM "knect.invoices" AS d'
    ),
}


def sweep(books: Books, entity: str, stamp: datetime | None) -> None:
    """Stamp what differs from the last sweep; with now where no stamp is given."""
    clock = books.time().replace(tzinfo=None)
    stamp = stamp or clock
    stamp = stamp.astimezone(UTC).replace(tzinfo=None) if stamp.tzinfo else stamp
    if stamp < clock - _PAST:
        return  # a window of the past: nothing new is in it
    wanted, now = sql_time(min(stamp, clock)), books.now()
    known = {
        row["mark"]: row for row in books.all("SELECT * FROM knect_mark WHERE entity = ?", entity)
    }
    for row in books.all(PRINTS[entity]):
        there = known.get(row["mark"])
        if there is not None and there["fingerprint"] == row["print"]:
            continue
        changed = wanted
        if there is not None and there["changed"] >= wanted:
            moved = datetime.fromisoformat(there["changed"]) + timedelta(milliseconds=4)
            changed = sql_time(moved)
        books.put("knect_mark", {
            "entity": entity, "mark": row["mark"], "fingerprint": row["print"],
            "changed": changed, "swept": now,
        })  # fmt: skip
