"""What knect.api offers, and what importing it costs."""

import subprocess
import sys

import knect.api
import knect.api.documents
import knect.engine.mapping


def test_every_promised_name_is_there() -> None:
    for package in (knect.api, knect.api.documents, knect.engine.mapping):
        for name in package.__all__:
            assert getattr(package, name) is not None
    assert set(knect.api._HOMES) == set(knect.api.__all__)


def test_naming_the_package_loads_nothing() -> None:
    program = "import sys, knect.api; print('pydantic' in sys.modules, 'yaml' in sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == ["False", "False"]


def test_the_api_needs_no_engine() -> None:
    program = (
        "import sys, knect.api.documents, knect.api.crd, knect.api.worker;"
        "print([m for m in sys.modules if m.startswith(('knect.engine', 'knect.sdk', 'knect.model',"
        " 'knect.ledger', 'msgspec', 'jsonschema'))])"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"
