"""A question for a token that is answered well, and without one, is no word of the credentials."""

import pytest

from knect.sdk.errors import ConnectorError, CredentialsRejected, UnexpectedAnswer
from knect.sdk.secret import Secret
from knect.sdk.testing import Answer, Request
from knect_connectors.shopify.tests.conftest import open_shop
from knect_connectors.shopify.tests.test_errors import _Hurried

SECRETS = {"clientId": Secret("simulated-client"), "clientSecret": Secret("simulated-secret")}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(), UnexpectedAnswer),
        (Answer.of_json({"token": "live-token-canary"}), UnexpectedAnswer),
        (Answer.of_json({"error": "invalid_client"}), CredentialsRejected),
        (Answer.of_json({"error": "invalid_client"}, status=400), CredentialsRejected),
    ],
    ids=["nothing", "by another name", "refused with 200", "refused"],
)
async def test_it_is_judged_by_what_it_says(answer: Answer, kind: type[ConnectorError]) -> None:
    async with open_shop(secrets=SECRETS) as shop:
        route = shop.simulator._route

        def given(request: Request) -> Answer:
            is_token = request.path.endswith("/access_token")
            return answer if is_token else route(request)

        shop.simulator._route = given  # type: ignore[method-assign]
        shop.source._client._clock = _Hurried()
        with pytest.raises(kind) as told:
            await shop.connector.check()
    assert type(told.value) is kind
    assert "live-token-canary" not in told.value.message
    assert not told.value.could_have_been_seen
