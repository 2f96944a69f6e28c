"""What cannot be had is skipped on a laptop and fails where it is required."""

import pytest
from tests.support.real import require as module
from tests.support.real.require import require, unavailable


def test_a_gap_is_skipped_with_its_reason(monkeypatch):
    monkeypatch.delenv("KNECT_REQUIRE", raising=False)
    with pytest.raises(pytest.skip.Exception, match="jaeger cannot be had here: no Go toolchain"):
        unavailable("jaeger", "no Go toolchain")


def test_a_gap_fails_where_the_part_is_required(monkeypatch):
    monkeypatch.setenv("KNECT_REQUIRE", "tryton,jaeger")
    with pytest.raises(pytest.fail.Exception, match="required by KNECT_REQUIRE"):
        unavailable("jaeger", "no Go toolchain")


def test_another_required_part_does_not_fail_this_one(monkeypatch):
    monkeypatch.setenv("KNECT_REQUIRE", "tryton")
    with pytest.raises(pytest.skip.Exception):
        unavailable("jaeger", "no Go toolchain")


def test_a_typo_in_the_list_is_no_silent_skip(monkeypatch):
    monkeypatch.setenv("KNECT_REQUIRE", "tryton,jeager")
    with pytest.raises(ValueError, match="jeager"):
        unavailable("jaeger", "no Go toolchain")


def test_a_part_nobody_knows_is_a_mistake():
    with pytest.raises(ValueError, match="'oracle'"):
        require("oracle")
    assert "jaeger" in module.PARTS
