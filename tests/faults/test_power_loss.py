"""Row 19: the power goes. What was answered or sent is on disk by then, and every image opens.

One real worker is traced while it takes webhooks and delivers; all that follows is judged from its
system calls. `KNECT_FAULT_SEED` as in test_kills.py.
"""

from collections.abc import Sequence

import pytest
from tests.faults.power_loss import HOOKS, ORDERS, promised_too_early, spoilt_images, traced
from tests.faults.test_kills import SEED
from tests.support.real.require import Unavailable
from tests.support.system_calls import Event

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

IMAGES = 100


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Event]:
    try:
        return traced(tmp_path_factory.mktemp("traced"), SEED)
    except Unavailable as error:
        pytest.skip(str(error))


def test_nothing_is_answered_or_sent_before_it_is_on_disk(events: Sequence[Event]) -> None:
    promises, broken = promised_too_early(events)
    syncs = sum(event.call in ("fdatasync", "fsync") for event in events)
    print(f"\n{len(promises.hooks)} hooks, {len(promises.documents)} documents, {syncs} syncs")
    assert not broken, broken[:5]
    assert len(promises.hooks) == HOOKS
    assert len(set(promises.documents)) == ORDERS


def test_the_proof_can_fail(events: Sequence[Event]) -> None:
    """Without the syncs of the log everything is promised too early, and is named."""
    lazy = [e for e in events if e.call != "fdatasync" or not e.place.endswith("-wal")]
    _, broken = promised_too_early(lazy)
    assert len(broken) >= HOOKS // 2


async def test_images_without_syncs_are_spoilt(events: Sequence[Event]) -> None:
    """The other half of the proof that can fail: a disk that forgot the log's syncs is found out."""
    first = next(i for i, e in enumerate(events) if e.call == "fdatasync" and "-wal" in e.place)
    lazy = [
        e for i, e in enumerate(events)
        if i <= first or e.call != "fdatasync" or not e.place.endswith("-wal")
    ]  # fmt: skip
    assert (await spoilt_images(lazy, SEED, IMAGES)).violations


async def test_every_image_opens_and_has_what_was_promised(events: Sequence[Event]) -> None:
    came = await spoilt_images(events, SEED, IMAGES)
    print(f"\nseed {SEED}: {came.images} images, {came.torn} of them with unsynced writes")
    assert not came.violations, came.violations
    assert came.images == IMAGES
    assert came.torn >= IMAGES // 10
