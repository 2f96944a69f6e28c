"""The door of a worker is in a folder of its user's own, or there is none."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from knect.engine.working.control import ControlDoor, ask
from knect.engine.working.requests import Request
from knect.model import Edit

WISH = Request(verb="retry", actor="ana", keys=("1001",))


async def _carry(_wish: Request) -> dict[str, Any]:
    return {"done": 1}


async def test_a_wish_comes_as_it_was_said(tmp_path: Path) -> None:
    came: list[Request] = []

    async def keep(wish: Request) -> dict[str, Any]:
        came.append(wish)
        return {}

    edits = (Edit(path="note", value="a"), Edit(path="lines[0].sku", value=None))
    said = Request(verb="edit", actor="ana", reason="x", keys=("1",), edits=edits, as_read=True)
    door = ControlDoor(tmp_path / "knect-1" / "a.sock", keep)
    await door.open()
    await ask(tmp_path / "knect-1" / "a.sock", said)
    await door.close()
    assert came == [said]


def _is_closed_to_others(door: Path) -> None:
    if door.is_socket():
        assert stat.S_IMODE(door.stat().st_mode) == 0o600
        assert stat.S_IMODE(door.parent.stat().st_mode) == 0o700


async def _asked(folder: Path) -> dict[str, Any] | None:
    path = folder / "a.sock"
    door = ControlDoor(path, _carry)
    await door.open()
    try:
        _is_closed_to_others(path)
        return await ask(path, WISH)
    finally:
        await door.close()


async def test_a_wish_is_carried(tmp_path: Path) -> None:
    assert await _asked(tmp_path / "knect-1") == {"done": 1}


async def test_a_folder_everybody_may_write_is_closed_first(tmp_path: Path) -> None:
    folder = tmp_path / "knect-1"
    folder.mkdir()
    folder.chmod(0o777)
    assert await _asked(folder) == {"done": 1}


async def test_a_link_that_somebody_laid_there_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "a.sock").write_text("kept")
    (tmp_path / "knect-1").symlink_to(tmp_path / "theirs")
    assert await _asked(tmp_path / "knect-1") is None
    assert (tmp_path / "theirs" / "a.sock").read_text() == "kept"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
async def test_a_folder_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    folder = tmp_path / "knect-1"
    folder.mkdir()
    os.chown(folder, 12345, 12345)
    assert await _asked(folder) is None
    assert list(folder.iterdir()) == []
