"""Metrics show the equation and what is stuck, and never a record."""

import pytest

from knect.telemetry import EQUATION_TERMS, Metrics

BALANCED = dict.fromkeys(EQUATION_TERMS, 0) | {"seen": 3, "delivered": 2, "waiting": 1}


def sample(metrics: Metrics, line: str) -> str | None:
    text = metrics.text().decode()
    return next((x.split()[1] for x in text.splitlines() if x.startswith(f"{line} ")), None)


def test_each_term_of_the_equation_is_shown():
    metrics = Metrics()
    metrics.equation("orders", BALANCED)
    assert sample(metrics, 'knect_equation_transactions{pipeline="orders",term="seen"}') == "3.0"
    assert sample(metrics, 'knect_equation_balanced_bool{pipeline="orders"}') == "1.0"


def test_an_equation_that_does_not_hold_says_so():
    metrics = Metrics()
    metrics.equation("orders", BALANCED | {"seen": 4})
    assert sample(metrics, 'knect_equation_balanced_bool{pipeline="orders"}') == "0.0"


def test_a_missing_term_is_no_zero():
    with pytest.raises(KeyError, match="echo"):
        Metrics().equation("orders", {k: v for k, v in BALANCED.items() if k != "echo"})


def test_what_is_no_longer_stuck_goes_back_to_zero():
    metrics = Metrics()
    line = 'knect_stuck_transactions{entity="orders",pipeline="p",reason_class="missing",stage="resolve"}'
    metrics.stuck("p", {("orders", "resolve", "missing"): 4}, 90)
    assert sample(metrics, line) == "4.0"
    metrics.stuck("p", {}, 0)
    assert sample(metrics, line) == "0.0"
    assert sample(metrics, 'knect_oldest_stuck_seconds{pipeline="p"}') == "0.0"


def test_what_nobody_takes_is_shown_by_pipeline():
    metrics = Metrics()
    metrics.unattended("old-orders", 4)
    assert sample(metrics, 'knect_unattended_transactions{pipeline="old-orders"}') == "4.0"


def test_an_ended_transaction_is_an_exemplar_and_no_label():
    metrics = Metrics()
    metrics.ended(
        pipeline="p", entity="orders", fate="delivered", seconds=[0.3], transaction="ab" * 16
    )
    text = metrics.text().decode()
    assert f'# {{trace_id="{"ab" * 16}"}}' in text
    assert text.count("ab" * 16) == 2  # counter and histogram
    name = 'knect_transactions_ended_total{entity="orders",fate="delivered",pipeline="p",reason_class=""}'
    assert sample(metrics, name) == "1.0"


def test_lost_spans_are_counted_by_reason():
    metrics = Metrics()
    metrics.spans_lost(7, "queue_full")
    assert sample(metrics, 'knect_spans_lost_total{reason="queue_full"}') == "7.0"


def test_many_stages_land_in_the_buckets_they_would_one_by_one():
    metrics = Metrics()
    metrics.stage(
        pipeline="p", entity="orders", stage="map", seconds=[0.5, 0.001, 700.0, 0.02, 0.0201, 0.0]
    )
    metrics.stage(pipeline="p", entity="orders", stage="map", seconds=[0.3])
    of = 'entity="orders"'
    within = {
        bound: sample(
            metrics,
            f'knect_stage_duration_seconds_bucket{{{of},le="{bound}",pipeline="p",stage="map"}}',
        )
        for bound in ("0.001", "0.005", "0.02", "0.1", "0.5", "600.0", "+Inf")
    }
    assert within == {
        "0.001": "2.0",
        "0.005": "2.0",
        "0.02": "3.0",
        "0.1": "4.0",
        "0.5": "6.0",
        "600.0": "6.0",
        "+Inf": "7.0",
    }
    name = f'knect_stage_duration_seconds_sum{{{of},pipeline="p",stage="map"}}'
    assert float(sample(metrics, name) or 0) == pytest.approx(700.8411)
