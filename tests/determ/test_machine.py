"""The same world under hypothesis: a state machine whose rules are what can happen.

Why: hypothesis searches by what it learned and shrinks by its own means; what it finds is printed
as rules to be called, and as a blob for `@reproduce_failure`.
"""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.determ.mutants import MUTANTS
from tests.determ.schedule import OPS
from tests.determ.simulation import Op, Simulation

NUMBERS = st.integers(0, 999)


class Machine(RuleBasedStateMachine):
    """One world per example; judged when it is torn down."""

    def __init__(self) -> None:
        super().__init__()
        self.sim: Simulation | None = None

    @initialize(seed=st.integers(0, 2**32), orders=st.integers(1, 3), a=NUMBERS, b=NUMBERS)
    def begin(self, seed: int, orders: int, a: int, b: int) -> None:
        self.sim = Simulation(seed)
        self.sim.__enter__()
        self.sim.play([Op("arrive", a, b)] * orders)

    @precondition(lambda self: self.sim is not None)
    @rule(name=st.sampled_from(OPS), a=NUMBERS, b=NUMBERS)
    def happen(self, name: str, a: int, b: int) -> None:
        assert self.sim is not None
        self.sim.play([Op(name, a, b)])

    def teardown(self) -> None:
        if self.sim is None:
            return
        try:
            broken = self.sim.finish()
        finally:
            self.sim.__exit__()
        assert broken == []


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=max(1, int(os.environ.get("KNECT_SCHEDULES", "1000")) // 20),
    stateful_step_count=10,
    deadline=None,
    print_blob=True,
    database=None,
    derandomize="KNECT_SCHEDULE_SEED" not in os.environ,
    suppress_health_check=list(HealthCheck),
)


def test_it_finds_a_broken_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    MUTANTS["no_look_up"](monkeypatch)
    search = settings(TestMachine.settings, max_examples=500, phases=[Phase.generate])
    with pytest.raises(AssertionError, match="I3"):
        run_state_machine_as_test(Machine, settings=search)
