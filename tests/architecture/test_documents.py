"""What documents and sentences name is there: commands, options, chart values, decisions.

A snippet that no test runs is at least one that the command line would take.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from knect.cli.main import cli

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for folder in (".", "benchmarks", "charts", "connectors", "decisions", "examples", "tests")
    for path in (ROOT.glob("*.md") if folder == "." else (ROOT / folder).rglob("*.md"))
)
#: A command in a code block, or in a span of code.
_IN_BLOCK = re.compile(
    r"^(?:\$ |    (?:\$ )?)(?:\.venv/bin/|kubectl )?(knect .*?)(?:\s+#.*)?$", re.MULTILINE
)
_IN_SPAN = re.compile(r"`(?:kubectl )?(knect [^`]+)`")


def commands_of(page: Path) -> Iterator[str]:
    text = page.read_text(encoding="utf-8")
    for found in (*_IN_BLOCK.finditer(text), *_IN_SPAN.finditer(text)):
        for part in found[1].split(" && "):
            if part.startswith("knect "):
                yield part


def problem_of(command: str) -> str | None:
    """Return what of a command the command line does not know."""
    words = [word for word in shlex.split(command)[1:] if word not in ("…", "...")]
    context = click.Context(cli, info_name="knect", obj={"where": {}})
    at: click.Command = cli
    for number, word in enumerate(words):
        name = word.partition("=")[0]
        known = {one for param in at.params for one in (*param.opts, *param.secondary_opts)}
        if name.startswith("-") and name not in {*known, "-h", "--help"}:
            return f"{at.name or 'knect'} has no option {name}"
        if isinstance(at, click.Group) and not word.startswith("-"):
            if number and words[number - 1] in known:  # the value of an option
                continue
            found = at.get_command(context, word)
            if found is None:
                return None if at is not cli else f"there is no command {word}"
            at = found
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_on_a_page_is_one(page: Path) -> None:
    wrong = {one: why for one in commands_of(page) if (why := problem_of(one))}
    assert wrong == {}


@pytest.mark.parametrize(
    "page", sorted(ROOT.glob("examples/*/README.md")), ids=lambda p: p.parent.name
)
def test_what_is_applied_to_a_cluster_is_asked_there(page: Path) -> None:
    """Without a namespace, or as kubectl's, a command looks for a ledger on this machine."""
    text = page.read_text(encoding="utf-8")
    if "kubectl apply" not in text:
        return
    asks = re.findall(r"^    (knect (?!-n |--context ).*)$", text, re.MULTILINE)
    assert [one for one in asks if "-f " not in one] == []


def test_a_command_that_is_none_is_seen() -> None:
    assert problem_of("knect stuck --by reason") == "stuck has no option --by"
    assert problem_of("knect stats") == "there is no command stats"
    assert problem_of("knect --context prod -n shops find 1001") is None
    assert problem_of("knect unmapped set sku KN-99=OTHER") is None
    assert sum(len(list(commands_of(page))) for page in PAGES) > 60


def _paths(values: object, path: str = "") -> Iterator[str]:
    yield path
    if isinstance(values, dict):
        for key, below in values.items():
            yield from _paths(below, f"{path}.{key}".lstrip("."))


def test_a_chart_value_that_people_are_sent_to_is_one() -> None:
    known = set(_paths(yaml.safe_load((ROOT / "charts/knect/values.yaml").read_text())))
    sources = [*PAGES, *(ROOT / "connectors").rglob("*.py"), *(ROOT / "operator").rglob("*.py")]
    named = {
        (name, str(path.relative_to(ROOT)))
        for path in sources
        for found in re.finditer(
            r"`([a-z]\w*(?:\.\w+)+)` \(chart\)|chart(?:'s)? value `([\w.]+)`|chart's `([\w.]+)`",
            path.read_text(encoding="utf-8"),
        )
        for name in filter(None, found.groups())
    }
    assert len(named) > 3
    assert [one for one in named if one[0] not in known] == []


def test_every_decision_is_listed_with_its_title() -> None:
    listed = (ROOT / "decisions" / "README.md").read_text(encoding="utf-8")
    for path in sorted((ROOT / "decisions").glob("0*.md")):
        title = path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
        number, _, words = title.partition(". ")
        assert path.name.startswith(f"{int(number):04d}-")
        assert f"| {number} | [{words}]({path.name}) |\n" in listed


_LINK = re.compile(r"\]\(([^)#\s]+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    links = _LINK.findall(page.read_text(encoding="utf-8"))
    local = [one for one in links if "://" not in one]
    assert [one for one in local if not (page.parent / one).exists()] == []
