"""Missing Debian packages are installed by the project as root, and named in a sentence otherwise."""

import os
import subprocess

import pytest
from tests.support.real import debian
from tests.support.real.require import Unavailable

#: A package and a command that no machine has.
ABSENT = {"knect-no-such-package": "knect-no-such-command"}


@pytest.fixture
def apt(monkeypatch, tmp_path):
    """A PATH with an apt-get that writes down its words and installs the command asked for."""
    tools = tmp_path / "bin"
    tools.mkdir()
    log = tmp_path / "apt.log"
    made = tools / ABSENT["knect-no-such-package"]
    program = tools / "apt-get"
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {log}\n'
        f'[ "$1" = update ] || {{ printf "" > {made}; chmod +x {made}; }}\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("KNECT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setattr(debian, "_PATH", f"{tools}:{debian._PATH}")
    return log


def test_what_is_there_is_not_installed(apt):
    debian.ensure_packages({"coreutils": "ls", "base-files": "/etc/os-release"})
    assert not apt.exists()


def test_what_is_missing_is_installed_by_root(apt, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    debian.ensure_packages({**ABSENT, "coreutils": "ls"})
    update, install = apt.read_text().splitlines()
    assert update.startswith("update")
    assert install.endswith(" knect-no-such-package")
    assert "coreutils" not in install
    assert debian.missing_packages(ABSENT) == []


def test_another_user_is_told_what_to_install(apt, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Unavailable, match=r"only root .* apt-get install knect-no-such-package"):
        debian.ensure_packages(ABSENT)
    assert not apt.exists()


def test_a_failing_apt_is_said_with_its_last_line(apt, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    def fail(command, **_):
        return subprocess.CompletedProcess(command, 100, b"", b"reading\nE: no such package\n")

    monkeypatch.setattr(debian.subprocess, "run", fail)
    with pytest.raises(Unavailable, match=r"apt-get update .* failed: E: no such package"):
        debian.ensure_packages(ABSENT)
