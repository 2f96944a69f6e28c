"""Whatever happens in whatever order: events alone lead where a fresh look at everything does."""

import pytest
from tests.support.kube.play import Play
from tests.unit.operator.world import WHOLE


@pytest.mark.parametrize("seed", range(40))
async def test_events_alone_lead_where_a_new_operator_does(seed):
    play = Play(seed, *WHOLE)
    await play.begin()
    for _ in range(14):
        await play.act()
        await play.live()
    await play.calm()
    led = play.shape()

    play.bench.restart()
    for _ in range(3):
        await play.bench.settle(rounds=3)
        play.bench.pass_time(61)

    assert led == play.shape(), play.log
