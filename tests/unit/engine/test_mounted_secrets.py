"""Mounted Secrets: the newest goes out, what was before is let in for a day, what lacks is named."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.toy.clock import FastClock

from knect.engine.working.secrets import MountedSecrets
from knect.sdk.errors import CredentialsRejected, SecretMissing
from knect.sdk.secret import Secret, accepted


def _turn(folder: Path, **values: str) -> None:
    """Do as the kubelet does: a new folder, then the link `..data` is turned to it."""
    number = len(list(folder.glob("..2*")))
    fresh = folder / f"..2026_{number}"
    fresh.mkdir(parents=True)
    for key, value in values.items():
        (fresh / key).write_text(value)
        if not (folder / key).is_symlink():
            (folder / key).symlink_to(f"..data/{key}")
    link = folder / "..data_tmp"
    link.symlink_to(fresh.name)
    link.rename(folder / "..data")


@pytest.fixture
def clock() -> FastClock:
    return FastClock()


@pytest.fixture
def opened(tmp_path: Path, clock: FastClock) -> Callable[..., MountedSecrets]:
    def make(learned: Callable[[str, str], None] = lambda _k, _v: None) -> MountedSecrets:
        return MountedSecrets(tmp_path, connection="acme", clock=clock, learned=learned)

    return make


def test_a_rotated_value_is_used_at_once_and_remembered_for_a_day(
    tmp_path: Path, clock: FastClock, opened: Callable[..., MountedSecrets]
) -> None:
    hidden: list[str] = []
    _turn(tmp_path, token="first\n", other="same")
    secrets = opened(lambda key, value: hidden.append(f"{key}={value}"))
    assert sorted(secrets) == ["other", "token"]
    assert secrets["token"] == Secret("first")
    assert not secrets.refresh()
    _turn(tmp_path, token="second", other="same")
    assert secrets.refresh()
    assert secrets["token"] == Secret("second")
    assert accepted(secrets, ["token"]) == [Secret("second"), Secret("first")]
    clock.advance(23 * 3600)
    assert accepted(secrets, ["token"]) == [Secret("second"), Secret("first")]
    clock.advance(2 * 3600)
    assert accepted(secrets, ["token"]) == [Secret("second")]
    assert sorted(hidden) == ["other=same", "token=first", "token=second"]


def test_a_value_rotated_back_is_accepted_once(
    tmp_path: Path, opened: Callable[..., MountedSecrets]
) -> None:
    secrets = opened()
    for value in ("a1", "b2", "a1"):
        _turn(tmp_path, token=value)
        secrets.refresh()
    assert accepted(secrets, ["token"]) == [Secret("a1"), Secret("b2")]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({}, "SecretNotFound"),
        ({"other": "x"}, "SecretKeyMissing"),
        ({"token": ""}, "SecretKeyMissing"),
        ({"token": "\n"}, "SecretKeyMissing"),
    ],
)
def test_what_lacks_is_named(
    tmp_path: Path, opened: Callable[..., MountedSecrets], values: dict[str, str], code: str
) -> None:
    for key, value in values.items():
        (tmp_path / key).write_text(value)
    secrets = opened()
    assert "token" not in secrets
    assert secrets.get("token") is None
    with pytest.raises(SecretMissing) as caught:
        secrets["token"]
    assert caught.value.code == code
    assert isinstance(caught.value, CredentialsRejected)
    assert not caught.value.could_have_been_seen
    assert str(caught.value).startswith("the Secret of Connection 'acme'")
    (tmp_path / "token").write_text("there")
    assert secrets.refresh()
    assert secrets["token"] == Secret("there")


def test_no_key_leads_out_of_the_folder(
    tmp_path: Path, opened: Callable[..., MountedSecrets]
) -> None:
    (tmp_path / "token").write_text("x")
    (tmp_path.parent / "outside").write_text("y")
    secrets = opened()
    for key in ("../outside", "..data", ".hidden", "a/b"):
        assert key not in secrets
    (tmp_path / "bad").write_bytes(b"\xff\xfe")
    assert "bad" not in secrets


def test_a_deleted_secret_is_forgotten_for_what_goes_out(
    tmp_path: Path, opened: Callable[..., MountedSecrets]
) -> None:
    (tmp_path / "token").write_text("gone-soon")
    secrets = opened()
    (tmp_path / "token").unlink()
    assert secrets.refresh()
    assert "token" not in secrets
    # what comes in may still be signed with it
    assert accepted(secrets, ["token"]) == [Secret("gone-soon")]
