"""`install.sql`, the catalogue and the references of the product say the same."""

import json
import os
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from knect_connectors.dynamics_gp.procedures import PROCEDURES
from knect_connectors.dynamics_gp.queries import MANY, QUERIES
from knect_connectors.dynamics_gp.simulator.sweeps import PRINTS
from knect_connectors.dynamics_gp.simulator.tables import TABLES
from knect_connectors.dynamics_gp.source import READERS

_ROOT = Path(__file__).resolve().parents[4]
_SPECS = Path(os.environ.get("KNECT_SPECS", _ROOT.parent / "shared" / "specs")) / "dynamics-gp"
SQL = (files("knect_connectors.dynamics_gp") / "install.sql").read_text(encoding="utf-8")
_PROCEDURE = re.compile(
    r"^CREATE PROCEDURE knect\.(\w+)\n(.*?)\nAS\n(.*?)\nGO", re.MULTILINE | re.DOTALL
)
BODIES = {name: (head, body) for name, head, body in _PROCEDURE.findall(SQL)}


def reference(name: str) -> Any:
    path = _SPECS / name
    if not path.exists():
        pytest.skip("the references of GP are not here; set KNECT_SPECS to the folder of specs")
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", PROCEDURES)
def test_a_procedure_takes_and_gives_what_the_catalogue_says(name: str) -> None:
    procedure = PROCEDURES[name]
    head, body = BODIES[name]
    declared = dict(re.findall(r"@(\w+) ([\w]+(?:\([\d,]+\))?)", head))
    assert declared == {**procedure.types, **procedure.outputs}
    assert set(re.findall(r"@(\w+) [\w(),]+ OUTPUT", head)) == set(procedure.outputs)
    if procedure.calls:
        assert f"EXEC dbo.{procedure.calls}\n" in body
        passed = dict(re.findall(r"@I_v(\w+) = @(\w+)", body))
        if procedure.calls != "taGetSopNumber":
            assert passed == {column: column for column in procedure.types}


def test_nothing_is_installed_that_is_not_called() -> None:
    assert set(BODIES) == set(PROCEDURES)


def test_every_query_reads_views_of_the_schema_only() -> None:
    views = set(re.findall(r"^CREATE VIEW knect\.(\w+) AS", SQL, re.MULTILINE))
    read = set()
    for query in QUERIES.values():
        assert query.text.startswith("SELECT "), query.name
        assert query.text.count("%s") == len(query.types)
        assert "dbo." not in query.text
        read |= set(re.findall(r"knect\.(\w+)", query.text))
    assert read <= views
    between = {
        "fingerprints",
        "invoices",
        "origins",
        "price_lines",
    }  # views other views and sweeps are made of
    assert views - read == between
    assert MANY * 2 < 2_100  # SQL Server's limit of parameters


def test_what_is_swept_has_fingerprints() -> None:
    (view,) = re.findall(
        r"^CREATE VIEW knect\.fingerprints AS\n(.*?)\nGO", SQL, re.MULTILINE | re.DOTALL
    )
    compared = re.findall(r"SELECT '(\w+)' AS entity", view)
    assert compared == sorted(PRINTS)
    swept = {name for name, reader in READERS.items() if reader.sweep is not None}
    assert swept == set(compared)
    assert SQL.index(view) > SQL.index("CREATE VIEW knect.invoices")


def test_it_can_be_run_again_and_grants_no_table() -> None:
    for kind, name in re.findall(r"^CREATE (VIEW|PROCEDURE) knect\.(\w+)", SQL, re.MULTILINE):
        letter = kind[0]
        drop = f"IF OBJECT_ID('knect.{name}', '{letter}') IS NOT NULL DROP {kind} knect.{name};"
        assert drop in SQL
    for name in re.findall(r"^CREATE TABLE knect\.(\w+)", SQL, re.MULTILINE):
        assert f"IF OBJECT_ID('knect.{name}', 'U') IS NULL\nCREATE TABLE knect.{name}" in SQL
    grants = re.findall(r"GRANT \w+(?: \w+)? ON ([^\s]+)", SQL)
    assert set(grants) == {"knect.'", "knect.taErrorCode", "dbo.taErrorCode"}
    assert "sys.tables" not in SQL
    changed = re.findall(r"\b(?:INSERT INTO|UPDATE|DELETE FROM|ALTER|DROP TABLE)\s+(\S+)", SQL)
    assert all(name.startswith(("knect.", "m", "SECTION")) for name in changed), changed


def test_exec_is_given_a_variable_or_a_text() -> None:
    """T-SQL's EXEC() takes no function call; a script that has one is refused as a whole."""
    given = re.findall(r"\bEXEC\(([^)]*)\)", SQL)
    assert given
    assert all(re.fullmatch(r"@\w+|'[^']*'", one) for one in given), given


def test_the_mark_is_unique_by_the_external_id() -> None:
    assert "external_id varchar(80) NOT NULL CONSTRAINT pk_knect_delivery PRIMARY KEY" in SQL


# ---------------------------------------------------------------- references of the product


def _known(name: str) -> Mapping[str, str]:
    return dict(reference("econnect-parameters.json")["procedures"][name]["params"])


@pytest.mark.parametrize("name", ["sop_header", "sop_line", "customer"])
def test_parameters_are_those_econnect_publishes(name: str) -> None:
    procedure = PROCEDURES[name]
    known = _known(procedure.calls)
    # the published list of this one is of an older version, with shorter texts
    grown = {"CNTCPRSN", "ADDRESS1", "ADDRESS2", "ADDRESS3", "CITY", "COUNTRY", "PHNUMBR1"}
    for column, kind in procedure.types.items():
        assert column in known, f"{procedure.calls} has no {column}"
        if not (name == "customer" and column in grown):
            assert kind == known[column], f"{procedure.calls}.{column}"


def _columns(table: str) -> Mapping[str, str]:
    rows = reference("tables.json")["tables"][table]["columns"]
    return {name.upper().replace("_", ""): kind for name, kind in rows}


#: Tables the reference does not have.
_UNKNOWN = {"SY40100", "MC40000", "MC40200"}


@pytest.mark.parametrize(
    "table", [name for name in TABLES if not name.startswith("knect") and name not in _UNKNOWN]
)
def test_the_simulators_tables_are_gps(table: str) -> None:
    known = _columns(table)
    for column, kind in TABLES[table].items():
        there = known.get(column.upper().replace("_", ""))
        assert there is not None, f"{table} has no {column}"
        if "(" in there:
            assert kind == there, f"{table}.{column}"
        else:  # lengths of this table are not known
            assert kind.partition("(")[0] == there, f"{table}.{column}"


def test_a_parameter_is_one_shorter_than_its_column() -> None:
    """eConnect's rule; where the column has the parameter's length GP's own keys are meant."""
    work = {**_columns("SOP10100"), **_columns("SOP10200")}
    for name in ("sop_header", "sop_line"):
        for column, kind in PROCEDURES[name].types.items():
            there = work.get(column.upper(), "")
            if kind.startswith("char(") and there.startswith("char("):
                length, room = (int(x.partition("(")[2].rstrip(")")) for x in (kind, there))
                assert length in (room, room - 1), column
