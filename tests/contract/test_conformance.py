"""Every connector of the catalog keeps the same rules. A new connector needs no line here."""

from importlib import import_module
from importlib.util import find_spec

import pytest

from knect.api.catalog import Catalog
from knect.sdk.testing import NotOnThisBenchError, OpenBench
from knect.sdk.testing.conformance import RULES, applies, run_rule, standing

CATALOG = Catalog.installed()
BENCHES = "tests.contract.benches"


def bench_of(connector: str, rule: str) -> OpenBench | None:
    """Find the bench: the connector's own, or, where it needs a real server, one beside here.

    A bench whose module has `RULES` can try only those; the others stay with the connector's tests.
    """
    for module in (f"{CATALOG.connector(connector).package}.conformance", f"{BENCHES}.{connector}"):
        if find_spec(module) is not None:
            bench = import_module(module)
            if rule not in getattr(bench, "RULES", RULES):
                raise NotOnThisBenchError(f"its bench tries only {', '.join(bench.RULES)}")
            opened: OpenBench = bench.open_bench
            return opened
    return None


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("connector", sorted(CATALOG))
async def test_rule(connector: str, rule: str, matrix: dict[tuple[str, str], str]) -> None:
    manifest = CATALOG[connector]
    said = standing(manifest, rule)
    if not applies(manifest, rule):
        matrix[connector, rule] = "n/a"
        pytest.skip(f"{connector} has nothing this rule is about")
    if said.startswith("exempt"):
        matrix[connector, rule] = "exempt"
        pytest.skip(f"{connector}: {said}")
    entities = [name for name, one in manifest.entities.items() if RULES[rule].needs(one)]
    entities = entities[:1] if RULES[rule].once else entities
    matrix[connector, rule] = "BROKEN"
    try:
        open_bench = bench_of(connector, rule)
        assert open_bench is not None, f"{connector} has no module `conformance`"
        for entity in entities if RULES[rule].check else [None]:
            async with open_bench() as bench:
                await run_rule(rule, bench, manifest, entity)
    except NotOnThisBenchError as error:
        matrix[connector, rule] = "own tests"
        pytest.skip(f"{connector}: {error}")
    matrix[connector, rule] = "ok"


def test_no_manifest_is_broken() -> None:
    assert CATALOG.problems == []
    assert len(CATALOG) >= 2


@pytest.mark.parametrize("connector", sorted(CATALOG))
def test_exempt_rules_say_why(connector: str) -> None:
    for rule in CATALOG[connector].quality:
        said = standing(CATALOG[connector], rule)
        assert said in ("done", "todo") or len(said) > len("exempt: ") + 10, f"{rule}: {said}"
