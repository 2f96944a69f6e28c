"""What stands in front of a destination answers in its place for a while: nobody has to act after."""

from pathlib import Path
from typing import Any

import pytest
from tests.determ.test_into_rest import an_api, sale

from knect.sdk.testing import Answer, RunningSimulator

PAGE = b"<!DOCTYPE html><html><head><title>Maintenance</title></head></html>"
#: As long as it takes to use up all attempts that are counted.
LONG = 600.0


def _says(status: int, **headers: str) -> Answer:
    return Answer(status=status, body=PAGE, headers={"Content-Type": "text/html", **headers})


IN_PLACE = {
    "maintenance": _says(503),
    "a portal": _says(200),
    "a log-in": _says(302, Location="https://portal.example/?token=s3cret"),
}


class _InFront:
    """Answers in the place of the API while it is there; it may go after so many requests."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, answer: Answer, *, times: int | None = None
    ) -> None:
        self.is_there = False
        self.asked = 0
        answered = RunningSimulator._answered

        async def instead(server: Any, request: Any, fault: Any) -> Answer:
            if not self.is_there:
                return await answered(server, request, fault)
            self.asked += 1
            self.is_there = self.asked != times
            return answer

        monkeypatch.setattr(RunningSimulator, "_answered", instead)


@pytest.mark.parametrize(
    ("what", "kind"),
    [("maintenance", "found"), ("a portal", "keyed"), ("a log-in", "unique")],
)
async def test_it_goes_on_by_itself_when_the_system_is_there_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, kind: str
) -> None:
    front = _InFront(monkeypatch, IN_PLACE[what])
    async with an_api(tmp_path, kind=kind) as scene:
        told, clock = scene.told, scene.told.world.clock
        front.is_there = True
        told.tell(sale("1001"), sale("1002", "20.00"))
        gone = clock.monotonic() + LONG
        while clock.monotonic() < gone:
            await told.lives()  # each run gives up after a while
            await told.passes(300)
        during, asked = await told.fates(), front.asked
        reasons = await told.reasons()
        front.is_there = False
        assert await told.settles() == ["delivered", "delivered"], reasons
        rows = scene.system.shelf.of("sales").values()
        assert sorted(row["number"] for row in rows) == ["1001", "1002"]
    assert set(during) <= {"in_flight", "unknown"}, reasons
    assert asked > 2
    assert all("s3cret" not in f"{one}" for one in reasons)
    assert asked < LONG / 4, "it is left in peace"


async def test_a_page_of_a_firewall_refuses_no_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It passes, so the order goes on; a refusal would have been the last word."""
    front = _InFront(monkeypatch, _says(400), times=2)
    async with an_api(tmp_path, errors=[]) as scene:
        front.is_there = True
        scene.told.tell(sale())
        await scene.told.lives()
        assert front.asked == 2
        assert await scene.told.settles() == ["delivered"], await scene.told.reasons()
