from datetime import UTC, datetime, timedelta

import pytest

from knect.sdk.errors import CredentialsRejected
from knect.sdk.secret import Secret
from knect.sdk.webhook import check_age, check_hmac_sha256, hmac_sha256

BODY = b'{"id":1,  "total":"10.00"}'
NOW = datetime(2026, 1, 2, tzinfo=UTC)
CURRENT, PREVIOUS, FOREIGN = Secret("current"), Secret("previous"), Secret("another shop's")


def test_known_answer() -> None:
    # RFC 4231 has no base64; computed with openssl dgst -sha256 -hmac key | base64
    assert hmac_sha256(b"The quick brown fox jumps over the lazy dog", Secret("key")) == (
        "97yD9DBThCSxMpjmqm+xQ+9NWaFJRhdZl0edvC0aPNg="
    )


@pytest.mark.parametrize("signer", [CURRENT, PREVIOUS])
def test_both_secrets_are_good_during_rotation(signer: Secret) -> None:
    check_hmac_sha256(BODY, hmac_sha256(BODY, signer), [CURRENT, PREVIOUS])


@pytest.mark.parametrize(
    ("body", "signature"),
    [
        (BODY, None),
        (BODY, ""),
        (BODY, "not base64 !"),
        (BODY, hmac_sha256(BODY, FOREIGN)),
        (BODY, hmac_sha256(BODY, Secret(""))),
        (BODY + b" ", hmac_sha256(BODY, CURRENT)),
        (BODY.replace(b"10.00", b"10.01"), hmac_sha256(BODY, CURRENT)),
        (BODY, hmac_sha256(BODY, CURRENT)[:-4]),
    ],
)
def test_anything_else_is_forged(body: bytes, signature: str | None) -> None:
    with pytest.raises(CredentialsRejected) as caught:
        check_hmac_sha256(body, signature, [CURRENT, PREVIOUS, Secret("")])
    assert "current" not in str(caught.value)


def test_no_secret_configured_accepts_nothing() -> None:
    with pytest.raises(CredentialsRejected):
        check_hmac_sha256(BODY, hmac_sha256(BODY, CURRENT), [])


def test_age() -> None:
    limit = timedelta(days=7)
    check_age(None, NOW, limit)
    check_age(NOW - timedelta(hours=20), NOW, limit)
    with pytest.raises(CredentialsRejected, match="older than 7 days"):
        check_age(NOW - timedelta(days=8), NOW, limit)
