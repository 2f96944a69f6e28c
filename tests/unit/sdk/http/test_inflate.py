"""Inflating never holds more than one small piece, whatever the body claims to be."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knect.sdk.http.inflate import BodyTooLargeError, EncodingError, Inflater

PIECE = 65_536


def inflated(encoding: str, body: bytes, chunk: int = 1_000, limit: int = 10**7) -> bytes:
    inflater = Inflater(encoding, limit)
    pieces = [
        piece
        for start in range(0, len(body), chunk)
        for piece in inflater.feed(body[start : start + chunk])
    ]
    pieces += inflater.finish()
    assert all(len(piece) <= max(PIECE, chunk) for piece in pieces)
    return b"".join(pieces)


def test_a_bomb_stops_at_the_cap_and_never_comes_in_one_piece() -> None:
    bomb = gzip.compress(b"0" * 30_000_000)
    pieces: list[bytes] = []
    with pytest.raises(BodyTooLargeError):
        pieces.extend(Inflater("gzip", 1_000_000).feed(bomb))
    assert all(len(piece) <= PIECE for piece in pieces)
    assert 1_000_000 - PIECE <= sum(map(len, pieces)) <= 1_000_000


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, gzip"])
def test_encodings_nobody_asked_for(encoding: str) -> None:
    with pytest.raises(EncodingError, match="not asked for"):
        Inflater(encoding, 1_000)


@given(st.binary(max_size=5_000), st.integers(1, 700))
def test_any_body_comes_through_in_any_chunks(body: bytes, chunk: int) -> None:
    bare = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    assert inflated("", body, chunk) == body
    assert inflated("gzip", gzip.compress(body), chunk) == body
    assert inflated("gzip", gzip.compress(body) + gzip.compress(body), chunk) == body * 2
    assert inflated("deflate", zlib.compress(body), chunk) == body
    assert inflated("deflate", bare.compress(body) + bare.flush(), chunk) == body


@given(st.binary(min_size=1, max_size=5_000), st.integers(1, 20))
def test_a_cut_body_is_told(body: bytes, cut: int) -> None:
    packed = gzip.compress(body)
    with pytest.raises(EncodingError):
        inflated("gzip", packed[: -min(cut, len(packed) - 1)])
