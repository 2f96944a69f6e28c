"""Lines on disk: each one is found again, they take little room, and a full disk is told."""

import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knect.sdk.errors import Fatal
from knect.sdk.spool import Spool


@given(st.lists(st.binary(max_size=200_000).filter(lambda line: b"\n" not in line), max_size=30))
def test_every_line_is_found_by_its_place_and_so_is_what_came_after_it(lines: list[bytes]) -> None:
    with Spool() as spool:
        places = [spool.add(line) for line in lines]
        spool.done()
        for number, place in enumerate(places):
            assert list(spool.lines(place)) == lines[number:]


def test_many_lines_are_read_in_any_order_and_take_a_tenth_of_the_room() -> None:
    chance = random.Random(5)
    with Spool() as spool:
        lines = [
            f'{{"id":"gid://shopify/Order/{i}","name":"#{i}","total":"{i % 97}.90",'
            f'"email":"customer{i * 7}@example.com"}}'.encode()
            for i in range(40_000)
        ]
        places = [spool.add(line) for line in lines]
        spool.done()
        for number in chance.sample(range(40_000), 400):
            assert next(spool.lines(places[number])) == lines[number]
        assert spool.size < sum(map(len, lines)) / 8


def test_a_full_disk_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    full = Path("/dev/full").open("r+b", buffering=0)  # noqa: SIM115 - the spool closes it
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda: full)
    with Spool() as spool:
        spool.add(b"{}")
        with pytest.raises(
            Fatal, match=r"no room on this machine's disk .* more ephemeral storage"
        ):
            spool.done()
    assert full.closed
