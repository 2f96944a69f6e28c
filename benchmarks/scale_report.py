"""The scale figures as a table for people, each beside what was promised.

Must not: call a figure good; it stands beside its goal.
"""

from typing import Any

__all__ = ["outlook", "table"]

Object = dict[str, Any]


def table(figures: Object) -> str:
    """Return the figures, one a line: what, how much, the goal."""
    apply, rest, restart = figures["apply"], figures["rest"], figures["restart"]
    memory = rest["rss_mib"]
    flat = f"{memory['first']} to {memory['last']} MiB"
    rows = [
        ("applied by the user's client", f"{apply['declared_s']} s", ""),
        ("all children there", f"{apply['children_s']} s", ""),
        ("all Ready", f"{apply['ready_s']} s", ""),
        ("the same by a bare script", f"{figures['floor']['ready_s']} s", ""),
        ("times the bare script", f"{figures['times_floor']}", "at most 2"),
        ("CPU, times the bare script's", f"{figures['cpu_times_floor']}", ""),
        ("status writes per pipeline", f"{apply['status_writes_per_pipeline']}", ""),
        (f"writes in {rest['seconds']} s at rest", f"{rest['writes']}", "0"),
        ("Lease renewals meanwhile", f"{rest['lease_renewals']}", ""),
        ("operator's CPU at rest", f"{rest['operator_cpu_percent']} % of a core", ""),
        ("operator's memory, settled", f"{apply['rss_mib']} MiB", "under 250"),
        ("operator's memory at rest", flat, "flat"),
        ("restart to quiet", f"{restart['quiet_s']} s", "under 60"),
        ("writes after the restart", f"{restart['writes']}", "0"),
        ("memory after the restart", f"{restart['rss_mib']} MiB", "under 250"),
        ("load while applying, resting", f"{apply['load']:.1f}, {rest['load']:.1f}", ""),
    ]
    lines = [f"{'WHAT':<32} {'FIGURE':>22}  GOAL"]
    lines += [f"{what:<32} {figure:>22}  {goal}" for what, figure, goal in rows]
    lines += ["", "CPU seconds while applying, and of the bare script:"]
    bare = figures["floor"]["cpu_s"]
    for name, spent in apply["cpu_s"].items():
        lines.append(f"  {name:<30} {spent:>10} {bare.get(name, ''):>11}")
    return "\n".join(lines)


def outlook(figures: Object, count: int) -> str:
    """Return what so many pipelines would need, if all grows as it did up to here."""
    apply, rest = figures["apply"], figures["rest"]
    times = count / figures["pipelines"]
    memory = apply["rss_before_mib"] + (apply["rss_mib"] - apply["rss_before_mib"]) * times
    load = rest["operator_cpu_percent"] * times
    floor = figures["floor"]["ready_s"] * times / 60
    restart = figures["restart"]["quiet_s"] * times / 60
    return (
        f"\n{count} pipelines, grown in proportion: {memory:.0f} MiB and {load:.0f} % of a core at "
        f"rest for one operator, {apply['ready_s'] * times / 60:.0f} minutes from apply to Ready here "
        f"(the bare script: {floor:.0f}), and {restart:.1f} minutes from "
        "restart to quiet."
    )
