"""The schedules are tried on broken engines: each missing step has to be found.

How many schedules each took is printed. One that is not found within `WITHIN` fails the build.
"""

import pytest
from tests.determ.mutants import KEPT, MUTANTS, SELDOM
from tests.determ.schedule import Found, hunt, play, shrink
from tests.determ.test_found import FOUND

WITHIN = 1500

pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize("name", MUTANTS)
def test_an_engine_without_this_step_is_found_out(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    MUTANTS[name](monkeypatch)
    found = _kept(name) if name in KEPT else _hunted(name)
    assert found is not None, f"{MUTANTS[name].__doc__} Not found in {WITHIN} schedules."
    print(f"{name}: found by schedule {found.seed}: {found.violations[0]}")
    monkeypatch.undo()
    assert play(found.seed, found.ops) == [], "the whole engine passes the same schedule"


def _hunted(name: str) -> Found | None:
    first = SELDOM.get(name, 1)
    return next(hunt(range(first, first + WITHIN)), None)


def _kept(name: str) -> Found | None:
    seed, ops = FOUND[KEPT[name]]
    broken = play(seed, ops)
    return Found(seed=seed, ops=ops, violations=broken) if broken else None


def test_there_are_enough_of_them() -> None:
    assert len(MUTANTS) >= 8


def test_what_was_found_is_made_small_enough_to_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    MUTANTS["no_look_up"](monkeypatch)
    found = next(one for one in hunt(range(1, 400)) if len(one.ops) > 4)
    small = shrink(found)
    assert len(small.ops) <= 4, str(small)
    assert isinstance(small, Found)
    assert play(small.seed, small.ops) == list(small.violations), "it is replayed from its text"
    assert f"play({small.seed}, [Op(" in str(small)
