"""Runs the suites and ends with a table of minutes; one that mostly waits runs beside others.

Why: one command for people and CI, with the time of each part in sight: all suites together have
60 minutes on a new machine and 25 on a warm one. Must not: hide a failure, or skip in silence.

    python -m tests.suites [SUITE ...]
"""

import os
import re
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
BUDGET_COLD, BUDGET_WARM = 60.0, 25.0
BYTECODE = ROOT / ".cache" / "bytecode"

CHECKS: tuple[tuple[str, ...], ...] = (
    ("ruff", "check"),
    ("ruff", "format", "--check"),
    ("mypy",),
    ("lint-imports", "--no-cache"),
    ("codespell", "connectors", "README.md", "decisions", "examples"),
)

#: Two processes for tests that share nothing but what each process makes for itself: by file,
#: one by one where they are long, and where a folder's tests share a server, by folder
#: (tests/integration/conftest.py).
BY_FILE = ("-n", "2", "--dist", "loadfile")
BY_TEST = ("-n", "2", "--dist", "worksteal")
BY_GROUP = ("-n", "2", "--dist", "loadgroup")
#: Four where most of the time something is awaited: what was broken on purpose, or a poll.
MANY_WAIT = ("-n", "4", "--dist", "worksteal")

#: Suite -> what pytest is given. In the order of how soon a failure is of use.
SUITES: dict[str, tuple[str, ...]] = {
    "architecture": ("tests/architecture",),
    "unit": ("tests/unit", *BY_FILE),
    "determ": ("tests/determ", *BY_TEST),
    "connectors": ("connectors", *BY_FILE),
    "contract": ("tests/contract", *BY_GROUP),
    "chart": ("tests/chart",),
    "integration": ("tests/integration", *BY_GROUP),  # the last beside e2e: it outlasts it
    "faults": ("tests/faults", *MANY_WAIT),
    "pairs": ("tests/pairs", *MANY_WAIT),
    "e2e": ("tests/e2e",),
    "demo": ("tests/demo",),
}
#: `e2e` and `pairs` mostly wait, for a cluster and for processes that died, so they run one after
#: the other beside suites that do not measure time. Whichever of both lanes is done first takes
#: over what the other would do last. What is in neither runs alone.
WAITING = ("check", "e2e", "pairs", "contract", "chart", "connectors", "demo")
BESIDE = ("architecture", "unit", "determ", "integration")


@dataclass
class Result:
    """What came of a suite."""

    name: str
    good: bool
    minutes: float
    busy: float  # minutes of processors, of all processes it waited for
    counts: dict[str, int] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    said: str = ""


def run_checks(*, at_once: bool = True) -> Result:
    """Run the static checks; all of them, also after a failure."""
    began, good, busy = time.monotonic(), True, 0.0
    said: list[str] = []
    for words in CHECKS:
        _say(said, f"► {' '.join(words)}\n", at_once=at_once)
        code, spent = _follow([str(BIN / words[0]), *words[1:]], said, at_once=at_once)
        good, busy = code == 0 and good, busy + spent
    return Result("check", good, (time.monotonic() - began) / 60, busy / 60, said="".join(said))


def run_suite(name: str, words: Sequence[str], *, at_once: bool = True) -> Result:
    """Run one pytest suite; an empty one is a failure.

    Prints as it goes; with `at_once` False nothing, so that two suites' lines are not mixed.
    """
    lines: list[str] = []
    if at_once:
        print(f"\n► {name}", flush=True)
    began = time.monotonic()
    code, spent = _follow([sys.executable, "-m", "pytest", "-q", *words], lines, at_once=at_once)
    last = next((line for line in reversed(lines) if " in " in line), "")
    counts = {
        word: int(number)
        for number, word in re.findall(r"(\d+) (passed|failed|skipped|errors?)", last)
    }
    skipped = [line.strip() for line in lines if line.startswith("SKIPPED")]
    took = (time.monotonic() - began) / 60
    return Result(name, code == 0, took, spent / 60, counts, skipped, "".join(lines))


def _follow(command: Sequence[str], lines: list[str], *, at_once: bool) -> tuple[int, float]:
    """Run a command to its end and keep what it says.

    Returns its exit code, and the processor seconds of it and of all that it waited for.
    """
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        env=_environment(),
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            _say(lines, line, at_once=at_once)
        _, status, spent = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
    return running.returncode, spent.ru_utime + spent.ru_stime


def _say(lines: list[str], line: str, *, at_once: bool) -> None:
    lines.append(line)
    if at_once:
        print(line, end="", flush=True)


def _environment() -> dict[str, str]:
    """Return the environment of a suite, in which Python keeps what it has compiled.

    Some hundred processes begin in the course of a run, and without bytecode each of them spends
    more on compiling than on its work. Who wants none beside the sources gets it elsewhere.
    """
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    if environment.pop("PYTHONDONTWRITEBYTECODE", None):
        environment.setdefault("PYTHONPYCACHEPREFIX", str(BYTECODE))
    return environment


def run(name: str, *, at_once: bool = True) -> Result:
    """Run one suite, or the checks."""
    if name == "check":
        return run_checks(at_once=at_once)
    return run_suite(name, SUITES[name], at_once=at_once)


def main(words: Sequence[str]) -> int:
    """Run the named suites, or all."""
    all_of_them = ("check", *SUITES)
    unknown = [word for word in words if word not in all_of_them]
    if unknown:
        print(f"no suite {' '.join(unknown)}; there are: {' '.join(all_of_them)}")
        return 2
    began = time.monotonic()
    there = [name for name in all_of_them if not words or name in words]
    lanes = [deque(name for name in lane if name in there) for lane in (BESIDE, WAITING)]
    results = run_lanes(*lanes) if all(lanes) else []
    ran = {result.name for result in results}
    results += [run(name) for name in there if name not in ran]
    report(results, (time.monotonic() - began) / 60)
    return 0 if all(result.good for result in results) else 1


def run_lanes(one: deque[str], other: deque[str]) -> list[Result]:
    """Run both at once; print the first as it goes, and what the other came to after it."""
    with ThreadPoolExecutor(1) as beside:
        others = beside.submit(run_lane, other, one, at_once=False)
        results = run_lane(one, other)
        for result in others.result():
            results.append(result)
            print(f"\n► {result.name} (ran beside others)\n{result.said}", end="", flush=True)
    return results


def run_lane(own: deque[str], other: deque[str], *, at_once: bool = True) -> list[Result]:
    """Run a lane's suites in turn; then those that the other has not begun, its last one first."""
    results = []
    while own or other:
        try:
            name = own.popleft() if own else other.pop()
        except IndexError:  # the other lane took it at this moment
            continue
        results.append(run(name, at_once=at_once))
    return results


def report(results: Sequence[Result], minutes: float) -> None:
    """Print the table, what was left out, and the closing line."""
    print("\nSUITE          MINUTES    BUSY  PASSED  FAILED  SKIPPED")
    for one in results:
        passed, failed = one.counts.get("passed", 0), _failed(one)
        print(
            f"{one.name:<14} {one.minutes:>7.1f} {one.busy:>7.1f} {passed:>7} {failed:>7}"
            f" {one.counts.get('skipped', 0):>8}"
        )
    busy = sum(one.busy for one in results)
    print(
        f"{'all':<14} {minutes:>7.1f} {busy:>7.1f}   (budget: {BUDGET_WARM:.0f} warm, {BUDGET_COLD:.0f} on a new machine)"
    )
    for line in (line for one in results for line in one.skipped):
        print(f"left out: {line}")
    passed = sum(one.counts.get("passed", 0) for one in results)
    failed = sum(_failed(one) for one in results)
    skipped = sum(one.counts.get("skipped", 0) for one in results)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")


def _failed(one: Result) -> int:
    failed = one.counts.get("failed", 0) + one.counts.get("error", 0) + one.counts.get("errors", 0)
    return failed or (0 if one.good else 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
