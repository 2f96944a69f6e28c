"""Pinned Go commands are built once per pin, and a failed build is a sentence."""

import pytest
from tests.support.real import go
from tests.support.real.require import Unavailable


@pytest.fixture
def module(monkeypatch, tmp_path):
    """A tools module, and a toolchain that writes what it is asked for."""
    source = tmp_path / "tools" / "thing"
    source.mkdir(parents=True)
    (source / "go.mod").write_text("module thing\n")
    log = tmp_path / "go.log"
    toolchain = tmp_path / "go"
    toolchain.write_text(
        f'#!/bin/sh\necho "$@" >> {log}\n[ ! -e fails ] || {{ echo "no such module" >&2; exit 1; }}\n'
        'while [ "$1" != -o ]; do shift; done\ntouch "$2/thing"\n'
    )
    toolchain.chmod(0o755)
    monkeypatch.setenv("KNECT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(go, "_TOOLS", tmp_path / "tools")
    monkeypatch.setattr(go, "_toolchain", lambda: str(toolchain))
    return source, log


def test_a_command_is_built_once_until_its_pin_changes(module):
    source, log = module
    first = go.build_commands("thing", ["example.org/thing"])
    assert (first / "thing").exists()
    assert go.build_commands("thing", ["example.org/thing"]) == first
    assert len(log.read_text().splitlines()) == 1
    (source / "go.mod").write_text("module thing // newer\n")
    assert go.build_commands("thing", ["example.org/thing"]) != first
    assert len(log.read_text().splitlines()) == 2
    assert sorted(path.name for path in source.iterdir()) == ["go.mod"]


def test_a_failed_build_leaves_nothing_and_says_why(module):
    source, _ = module
    (source / "fails").touch()
    with pytest.raises(Unavailable, match="of thing failed: no such module"):
        go.build_commands("thing", ["example.org/thing"])
    left = [path.name for path in (source.parents[1] / "cache").iterdir()]
    assert left == ["thing.lock"]
