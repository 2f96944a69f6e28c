"""The views of `install.sql` and the queries of the catalogue, as SQLite reads them.

Why: the simulator answers with the very texts a GP owner installs, so that what they select, join
and order is tried and not imitated. Only what those texts use is translated.
Must not: grow into a translator; what it does not know fails when the simulator starts.
"""

import re
from collections.abc import Iterator
from importlib.resources import files

__all__ = ["to_sqlite", "views"]

_VIEW = re.compile(r"^CREATE VIEW knect\.(\w+) AS\n(.*?);\nGO", re.MULTILINE | re.DOTALL)
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\bknect\.knect_(\w+)"), r"knect_\1"),
    (re.compile(r"\bknect\.(\w+)"), r'"knect.\1"'),
    (re.compile(r"\bdbo\."), ""),
    (re.compile(r"\s+WITH \(READCOMMITTEDLOCK\)"), ""),
    (re.compile(r"\bGETUTCDATE\(\)"), "now_utc()"),
    (re.compile(r"'\s*\+\s*"), "' || "),
    (re.compile(r"\)\s*\+\s*'"), ") || '"),
    (re.compile(r"CAST\((\w+\.\w+) AS varchar\(\d+\)\)"), r"as_text(\1)"),
    (re.compile(r"\s*;\s*$"), ""),
)
_TOP = re.compile(r"^SELECT TOP \((\d+)\)(.*)$", re.DOTALL)


#: What is SQL Server's own: figures as text, rows as one text. `sweeps` has them in SQLite's words.
_NOT_HERE = "fingerprints"


def views() -> Iterator[tuple[str, str]]:
    """Yield name and SQLite text of every view of `install.sql` but one, in its order."""
    text = (files("knect_connectors.dynamics_gp") / "install.sql").read_text(encoding="utf-8")
    for name, body in _VIEW.findall(text):
        if name != _NOT_HERE:
            yield name, to_sqlite(body)


def to_sqlite(text: str) -> str:
    """Return a statement of ours as SQLite has it; `@P1` is a parameter by that name."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    if found := _TOP.match(text):
        text = f"SELECT{found[2]} LIMIT {found[1]}"
    return text
