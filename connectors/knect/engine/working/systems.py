"""Are the systems and records a document declares those the ledger knows by these names? Asked
before any work.

Why: who tries everything with a test ERP and then corrects the address would have a real one that
is told nothing of what "was delivered", and changes that hit whatever has the same ids there. Under
another name a shop's orders would be made once more, and in a pipeline that changes its source, one
shop's would go on as the other's (decision 51).
Must not: ask the system; a copy of a test database says the same of itself as the original.
"""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from knect.api.catalog import Catalog
from knect.api.manifest import value_at
from knect.api.worker import WorkerConnection, WorkerDocument, WorkerPipeline
from knect.ledger import Connection, Ledger
from knect.ledger.feeds import began_us
from knect.ledger.instants import from_us, to_us
from knect.ledger.systems import Elsewhere, about_before, known_under, settle_system
from knect.sdk.errors import Fatal

__all__ = ["address_of", "require_same_systems"]

_DEFAULT_PORTS = {"http": 80, "https": 443}
#: What all addresses of this machine are called: they say nothing of what listens there.
_LOOPBACK = "localhost"


async def require_same_systems(
    document: WorkerDocument, *, catalog: Catalog, ledger: Ledger, now_us: int
) -> None:
    """Note where the Connections in use lead to. Raises Fatal if one leads elsewhere now, if it is
    another name for a source whose records the destination has, or if a pipeline is about another
    source's records than before, or about older ones.
    """
    pipelines = [one for one in document.pipelines if not document.is_suspended(one)]
    used = {end.name: end for pipeline in pipelines for end in document.ends(pipeline)}
    leads = {name: _leads_to(end, catalog) for name, end in used.items()}

    def contradicted(connection: Connection) -> Fatal | None:
        found = (_contradiction(connection, document, one, leads) for one in pipelines)
        return next((one for one in found if one is not None), None)

    if error := await ledger.read(contradicted):
        raise error

    def unit(connection: Connection) -> dict[str, Elsewhere | None]:
        return {
            name: settle_system(
                connection, name, where, moved_from=used[name].spec.moved_from, now_us=now_us
            )
            for name, where in leads.items()
            if where
        }

    for name, elsewhere in (await ledger.write(unit)).items():
        if elsewhere is not None:
            raise Fatal(_refusal(name, leads[name], elsewhere), path="spec.movedFrom")


def _contradiction(
    connection: Connection,
    document: WorkerDocument,
    pipeline: WorkerPipeline,
    leads: Mapping[str, str],
) -> Fatal | None:
    """Return why a pipeline's records would not be those that the ledger knows by their names."""
    source, destination = document.ends(pipeline)
    entity, where = pipeline.spec.entity, leads[source.name]
    if where and not _is_this_machine(where):
        names = known_under(
            connection, source.name, where, entity=entity, destination=destination.name
        )
        if other := next((one for one in names if one not in source.spec.besides), None):
            said = _renamed(source.name, where, other, entity, destination.name)
            return Fatal(said, path="spec.besides")
    was = about_before(connection, pipeline.name, source=source.name, entity=entity)
    if was is not None:
        said = _about_others(pipeline.name, was, (source.name, entity))
        return Fatal(said, path="spec.source.connectionRef")
    began, start = began_us(connection, pipeline.name), pipeline.spec.source.start
    if began is None or began <= to_us(start.begins_at(from_us(began))):
        return None
    return Fatal(_begins_earlier(pipeline.name, began, start), path="spec.source.start")


def _leads_to(connection: WorkerConnection, catalog: Catalog) -> str:
    manifest = catalog.get(connection.spec.connector)
    return address_of(manifest.leads_to if manifest is not None else (), connection.spec.config)


def address_of(keys: tuple[str, ...], config: Mapping[str, Any]) -> str:
    """Return what tells a system from others: the values of these keys, addresses in short.

    A loopback's port is left out: what listens there gets another one at each start.
    """
    values = (value_at(config, key) for key in keys)
    return " ".join(_short(str(value)) for value in values if value is not None)


def _is_this_machine(leads_to: str) -> bool:
    return any(word.split("/")[0] == _LOOPBACK for word in leads_to.split())


def _short(value: str) -> str:
    try:
        parts = urlsplit(value)
        port, usual = parts.port, _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:  # no address; who connects to it says so
        return value
    if usual is None or parts.hostname is None:
        return _LOOPBACK if _is_loopback(value) else value
    path = parts.path.rstrip("/")
    if _is_loopback(parts.hostname):
        return f"{_LOOPBACK}{path}"
    return f"{parts.hostname}{'' if port in (None, usual) else f':{port}'}{path}"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == _LOOPBACK


def _refusal(name: str, leads_to: str, elsewhere: Elsewhere) -> str:
    return (
        f"Connection {name} leads to {leads_to} now, and to {elsewhere.was} since"
        f" {from_us(elsewhere.since_us):%Y-%m-%d %H:%M} UTC; the ledger would take what is there"
        " for what is here. Give another system a Connection of another name. If it is the same"
        f" system at a new address, say so in the Connection: spec.movedFrom: ['{elsewhere.was}']"
    )


def _renamed(name: str, leads_to: str, other: str, entity: str, destination: str) -> str:
    return (
        f"Connection {name} leads to {leads_to}, whose {entity} {destination} has by the name"
        f" {other}; whatever is read under another name would be made there once more. Keep the"
        f" name {other}. If {name} is for other records than {other}, say so in the Connection:"
        f" spec.besides: [{other}]"
    )


def _about_others(pipeline: str, was: tuple[str, str], now: tuple[str, str]) -> str:
    (old, had), (new, has) = was, now
    return (
        f"Pipeline {pipeline} is about {had} of {old}, and would be about {has} of {new} now; the"
        f" ledger would take the ones for the others. Give the pipeline for {has} of {new} a name"
        " of its own"
    )


def _begins_earlier(pipeline: str, began_us: int, start: str) -> str:
    began = f"{from_us(began_us):%Y-%m-%dT%H:%M:%SZ}"
    since = "1970-01-01T00:00:00Z" if start == "Beginning" else start
    return (
        f"Pipeline {pipeline} began at {began}, and says start: {start} now; what is older is not"
        f" read for that. Put start back (Now will do), and have it read: knect backfill"
        f" --pipeline {pipeline} --since {since} (on a cluster: annotation knect.dev/backfill)"
    )
