"""Every connector of the catalog keeps the same rules. A new connector needs no line here."""

from importlib import import_module
from importlib.util import find_spec

import pytest

from knect.api.catalog import Catalog
from knect.sdk.testing import OpenBench
from knect.sdk.testing.conformance import RULES, applies, run_rule, standing

CATALOG = Catalog.installed()


def bench_of(connector: str) -> OpenBench | None:
    module = f"{CATALOG.connector(connector).package}.conformance"
    if find_spec(module) is None:
        return None
    opened: OpenBench = import_module(module).open_bench
    return opened


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("connector", sorted(CATALOG))
async def test_rule(connector: str, rule: str, matrix: dict[tuple[str, str], str]) -> None:
    manifest = CATALOG[connector]
    said = standing(manifest, rule)
    matrix[connector, rule] = said.partition(":")[0]
    if not applies(manifest, rule):
        matrix[connector, rule] = "n/a"
        pytest.skip(f"{connector} has nothing this rule is about")
    if said.startswith("exempt"):
        pytest.skip(f"{connector}: {said}")
    open_bench = bench_of(connector)
    if open_bench is None:
        matrix[connector, rule] = "no bench"
        pytest.skip(f"{connector} has no module `conformance`; its own tests stand for it")
    assert said == "done", (
        f"{connector}'s manifest does not say that {rule} is done, but has a bench"
    )
    entities = [
        name for name, entity in manifest.entities.items() if RULES[rule].needs(entity)
    ] if RULES[rule].check else [None]  # fmt: skip
    matrix[connector, rule] = "BROKEN"
    for entity in entities:
        async with open_bench() as bench:
            await run_rule(rule, bench, manifest, entity)
    matrix[connector, rule] = "ok"


def test_no_manifest_is_broken() -> None:
    assert CATALOG.problems == []
    assert len(CATALOG) >= 2


@pytest.mark.parametrize("connector", sorted(CATALOG))
def test_exempt_rules_say_why(connector: str) -> None:
    for rule in CATALOG[connector].quality:
        said = standing(CATALOG[connector], rule)
        assert said in ("done", "todo") or len(said) > len("exempt: ") + 10, f"{rule}: {said}"
