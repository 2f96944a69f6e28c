"""A share of the successes, all of the rest."""

import pytest

from knect.seams import new_id
from knect.telemetry import Sampler


@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.9])
def test_the_share_kept_of_ids_made_one_after_the_other_is_the_one_asked_for(ratio):
    # Ids of one millisecond differ in their last bits only: what a sampler of fixed bits misses.
    kept = sum(Sampler(ratio).keeps(new_id()) for _ in range(20_000)) / 20_000
    assert abs(kept - ratio) < 0.02


def test_nothing_is_left_out_unless_asked_for():
    assert all(Sampler().keeps(new_id()) for _ in range(100))


def test_none_means_none_of_the_successes():
    assert not any(Sampler(0).keeps_end(new_id(), "delivered", 1) for _ in range(100))


@pytest.mark.parametrize("fate", ["rejected", "skipped", "superseded", "echo", "waiting", None])
def test_whatever_did_not_simply_succeed_is_kept(fate):
    assert all(Sampler(0).keeps_end(new_id(), fate, 1) for _ in range(100))


def test_a_success_that_needed_a_second_attempt_is_kept():
    assert Sampler(0).keeps_end(new_id(), "delivered", 2)


def test_the_answer_for_an_id_never_changes():
    some = [new_id() for _ in range(100)]
    assert [Sampler(0.5).keeps(x) for x in some] == [Sampler(0.5).keeps(x) for x in some]


def test_a_share_above_one_is_refused():
    with pytest.raises(ValueError, match="between 0 and 1, not 7"):
        Sampler(7)
