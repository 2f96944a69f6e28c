"""When a feed is read next.

Must not: read; time comes in, seconds go out.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim

from knect.api.pipeline import Trigger

__all__ = ["seconds_to_next_read"]


def seconds_to_next_read(trigger: Trigger, now: datetime) -> float:
    """Return seconds from `now` (the end of the last read) to the next one."""
    if trigger.poll is not None:
        return trigger.poll.every.delta.total_seconds()
    if trigger.webhook is not None:
        return trigger.webhook.reconcile_every.delta.total_seconds()
    assert trigger.schedule is not None
    zone = ZoneInfo(trigger.schedule.time_zone)
    following = next(CronSim(trigger.schedule.cron, now.astimezone(zone)))
    return max(0.0, (following - now).total_seconds())
