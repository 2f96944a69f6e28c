"""What `knect check` finds out on a GP: is our schema there, does eConnect fit, is it set up.

Why: this connector was built from documentation. Whoever owns a real GP can let this tell what is
otherwise there, in sentences, before anything is written.
Must not: write.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from knect.sdk.contract import CheckReport, EntityCheck
from knect.sdk.errors import ConnectorError, Fatal, Refused, ScopeMissing
from knect_connectors.dynamics_gp.client import GpClient
from knect_connectors.dynamics_gp.fields import text
from knect_connectors.dynamics_gp.procedures import PROCEDURES, size_of
from knect_connectors.dynamics_gp.queries import full

__all__ = ["VERSION", "check"]

#: Of `install.sql`; it says it of itself in `knect.facts`.
VERSION = "1"
#: Entity -> the queries it is read by, tried with keys nobody has.
_READ: Mapping[str, Sequence[str]] = {
    "customers": ("customers_changed", "customers", "addresses", "customer_stamps"),
    "inventory": ("levels_changed", "levels"),
    "orders": ("orders_changed", "documents", "document_lines", "order_stamps"),
    "prices": ("prices_changed", "prices"),
    "products": ("products_changed", "products"),
    "shipments": ("shipments_changed", "shipments", "tracking"),
}
#: Entity -> the eConnect procedures it is written by.
_WRITTEN: Mapping[str, Sequence[str]] = {
    "customers": ("customer", "internet_address"),
    "refunds": ("next_number", "sop_line", "sop_tax", "sop_user_defined", "sop_header"),
    "orders": (
        *("next_number", "sop_line", "sop_line_delete", "sop_tax", "sop_user_defined"),
        *("sop_header", "sop_void"),
    ),
}
#: eConnect's own naming of the one procedure that is named otherwise.
_OTHERWISE = {"taGetSopNumber": {"@I_tSOPTYPE": 0, "@I_cDOCID": 15}}


async def check(client: GpClient) -> CheckReport:
    """Look at everything this connector needs. Raises ConnectorError when it cannot log in."""
    facts = {text(row["name"]): text(row["value"]) for row in await client.rows("facts")}
    if facts.get("install") != VERSION:
        raise Fatal(
            f"schema knect in {client.config.database} is of version {facts.get('install')}, this"
            f" connector needs {VERSION}; run its install.sql",
            path="config.database",
        )
    problems = await _setup(client, facts)
    lacking = await _parameters(client)
    entities = []
    for entity in sorted({*_READ, *_WRITTEN}):
        unreadable = await _unreadable(client, entity)
        sentences = [unreadable] if unreadable else []
        if entity in _WRITTEN:
            sentences += [lacking[name] for name in _WRITTEN[entity] if name in lacking]
            sentences += problems if entity == "orders" else []
        entities.append(
            EntityCheck(
                entity=entity,
                read=entity in _READ and unreadable is None,
                write=entity in _WRITTEN and len(sentences) == (unreadable is not None),
                problem="; ".join(sentences) or None,
            )
        )
    product = f"Microsoft Dynamics GP ({client.config.database})"
    return CheckReport(product=product, version=f"install {VERSION}", entities=entities)


async def _unreadable(client: GpClient, entity: str) -> str | None:
    """Return why an entity cannot be read: no grant, no table, no DEX_ROW_TS."""
    never = datetime(1900, 1, 2)  # noqa: DTZ001 - a date of SQL Server has no zone
    try:
        for name in _READ.get(entity, ()):
            if name.endswith("_changed"):
                await client.rows(name, [never, never, never, never, ""])
            else:
                before = [2] if name in ("documents", "document_lines", "tracking") else []
                await client.rows(name, [*before, *full([""])])
    except (Refused, ScopeMissing, Fatal) as error:
        return error.message
    return None


async def _parameters(client: GpClient) -> dict[str, str]:
    """Return what eConnect's procedures lack, by our procedure."""
    there: dict[str, dict[str, int]] = {}
    for row in await client.rows("parameters"):
        known = there.setdefault(text(row["procedure_name"]).lower(), {})
        known[text(row["parameter_name"]).lower()] = row["length"]
    lacking = {}
    for name, one in PROCEDURES.items():
        if not one.calls:
            continue
        sizes = there.get(one.calls.lower())
        if sizes is None:
            lacking[name] = f"this GP has no procedure {one.calls}; install eConnect"
            continue
        wanted = {f"@I_v{column}": size_of(kind) for column, kind in one.types.items()}
        wanted = _OTHERWISE.get(one.calls, wanted)
        missing = [column for column in wanted if column.lower() not in sizes]
        short = [
            f"{column} ({sizes[column.lower()]} instead of {size})"
            for column, size in wanted.items()
            if sizes.get(column.lower(), size) < size
        ]
        if missing:
            lacking[name] = (
                f"{one.calls} of this GP does not take {', '.join(missing)}; take the parameter"
                f" out of knect.{name} in install.sql and tell us"
            )
        elif short:
            lacking[name] = (
                f"{one.calls} of this GP takes shorter texts and would cut them without a word:"
                f" {', '.join(short)}; GP 2010 or later is needed"
            )
    return lacking


async def _setup(client: GpClient, facts: Mapping[str, str]) -> list[str]:
    config = client.config
    level = config.priceLevels[0] if config.priceLevels else ""
    rows = await client.rows("setup", [config.documents.order, config.site, level])
    there = {(text(row["kind"]), text(row["name"]).upper()) for row in rows}
    problems = []
    if ("document", config.documents.order.upper()) not in there:
        problems.append(
            f"there is no document id {config.documents.order!r} for orders in Sales Document"
            " Setup; add it or correct config.documents.order"
        )
    if ("site", config.site.upper()) not in there:
        problems.append(f"there is no site {config.site!r}; correct config.site")
    if level and ("level", level.upper()) not in there:
        problems.append(f"there is no price level {level!r}; correct config.priceLevels")
    functional = facts.get("currency", "")
    named = set(config.currencies.values())  # an empty one is the functional currency
    if named and functional not in named and "" not in named:
        problems.append(
            f"GP's functional currency is {functional!r}, which none of config.currencies names"
        )
    try:
        now = (await client.now()).replace(hour=0, minute=0, second=0, microsecond=0)
        closed = await client.rows("closed_periods", [now.replace(tzinfo=None)] * 2)
    except ConnectorError as error:
        problems.append(f"whether the period is open cannot be told: {error.message}")
    else:
        if closed:
            problems.append("today's period is closed for sales in GP; open it")
    return problems
