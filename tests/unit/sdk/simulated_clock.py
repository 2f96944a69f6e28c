"""A clock that moves only when somebody sleeps."""

from datetime import UTC, datetime, timedelta


class SimulatedClock:
    def __init__(self) -> None:
        self.seconds = 1_000.0
        self.start = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.seconds - 1_000.0)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += max(0.0, seconds)
