"""Who is let in: by what an API server says over real HTTP, remembered for seconds."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.support.gateway.apiserver import FakeApiServer
from tests.unit.sdk.simulated_clock import SimulatedClock

from knect.gateway.account import AccountError, KubeconfigAccount, PodAccount
from knect.gateway.apiserver import ApiServer, Person
from knect.gateway.gatekeeper import Gatekeeper
from knect.gateway.refusal import Refusal
from knect.sdk.secret import Secret


@pytest.fixture
def cluster() -> Iterator[FakeApiServer]:
    with FakeApiServer() as fake:
        yield fake


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock()


@pytest.fixture
async def api(
    cluster: FakeApiServer, clock: SimulatedClock, tmp_path: Path
) -> AsyncIterator[ApiServer]:
    found = ApiServer(KubeconfigAccount(cluster.kubeconfig(tmp_path / "config")), clock)
    yield found
    await found.close()


@pytest.fixture
def keeper(api: ApiServer, clock: SimulatedClock) -> Gatekeeper:
    return Gatekeeper(api, clock)


async def test_a_token_for_us_needs_one_review(cluster: FakeApiServer, keeper: Gatekeeper) -> None:
    cluster.person(
        "t", "ana", audiences=["knect-api"], uid="7", groups=["ops"], extra={"scopes": ["a"]}
    )
    assert await keeper.person("Bearer t") == Person(
        name="ana", uid="7", groups=("ops",), extra=(("scopes", ("a",)),)
    )
    (review,) = cluster.asked("/tokenreviews")
    assert review["spec"] == {"token": "t", "audiences": ["knect-api"]}


async def test_a_token_for_the_api_server_is_asked_for_second(
    cluster: FakeApiServer, keeper: Gatekeeper
) -> None:
    cluster.person("t", "ana", audiences=["default"])
    assert (await keeper.person("bearer t")).name == "ana"
    first, second = (one["spec"] for one in cluster.asked("/tokenreviews"))
    assert (first.get("audiences"), second.get("audiences")) == (["knect-api"], None)


async def test_who_does_not_name_our_audience_has_not_looked_at_it(
    cluster: FakeApiServer, api: ApiServer
) -> None:
    """An authenticator that ignores audiences is good for the API server's own tokens only."""
    cluster.person("t", "ana", audiences=None)
    assert (await api.review_token(Secret("t"))) is not None
    assert len(cluster.asked("/tokenreviews")) == 2


@pytest.mark.parametrize(
    "header", [None, "", "t", "Basic t", "Bearer", "Bearer  ", f"Bearer {'x' * 20_000}"]
)
async def test_a_header_without_a_token_is_refused_unasked(
    cluster: FakeApiServer, keeper: Gatekeeper, header: str | None
) -> None:
    with pytest.raises(Refusal, match="say who you are") as refused:
        await keeper.person(header)
    assert refused.value.status == 401
    assert cluster.calls == []


@pytest.mark.parametrize(
    "status",
    [
        {},
        {"authenticated": False},
        {"authenticated": "true", "user": {"username": "ana"}},
        {"authenticated": True},
        {"authenticated": True, "user": {"username": ""}},
        {"authenticated": True, "user": None, "audiences": ["knect-api"]},
        {"authenticated": True, "user": {"username": 7}, "audiences": ["knect-api"]},
    ],
)
async def test_a_review_that_names_nobody_lets_nobody_in(
    cluster: FakeApiServer, keeper: Gatekeeper, status: object
) -> None:
    body = json.dumps({"status": status}).encode()
    cluster.instead["/tokenreviews"] = (201, "application/json", body)
    with pytest.raises(Refusal) as refused:
        await keeper.person("Bearer t")
    assert refused.value.status == 401


async def test_an_answer_counts_for_seconds(
    cluster: FakeApiServer, keeper: Gatekeeper, clock: SimulatedClock
) -> None:
    cluster.person("t", "ana", audiences=["knect-api"])
    cluster.rights.add(("ana", "get", "shops"))
    for _ in range(3):
        ana = await keeper.person("Bearer t")
        await keeper.admit(ana, "get", "shops")
    assert len(cluster.calls) == 2
    cluster.people.clear()
    cluster.rights.clear()
    clock.seconds += 4.9
    await keeper.admit(await keeper.person("Bearer t"), "get", "shops")
    clock.seconds += 0.2
    with pytest.raises(Refusal, match="may not get") as denied:
        await keeper.admit(ana, "get", "shops")
    assert denied.value.status == 403
    clock.seconds += 5
    with pytest.raises(Refusal, match="does not accept this token"):
        await keeper.person("Bearer t")


async def test_a_refusal_counts_for_seconds_too(
    cluster: FakeApiServer, keeper: Gatekeeper, clock: SimulatedClock
) -> None:
    for _ in range(3):
        with pytest.raises(Refusal):
            await keeper.person("Bearer t")
    assert len(cluster.asked("/tokenreviews")) == 2  # one per audience
    cluster.person("t", "ana", audiences=["knect-api"])
    clock.seconds += 5.1
    ana = await keeper.person("Bearer t")
    for _ in range(3):
        with pytest.raises(Refusal):
            await keeper.admit(ana, "update", "shops")
    assert len(cluster.asked("/subjectaccessreviews")) == 1
    cluster.rights.add(("ana", "update", "shops"))
    clock.seconds += 2.1
    await keeper.admit(ana, "update", "shops")


async def test_a_right_is_of_one_person_verb_and_namespace(
    cluster: FakeApiServer, keeper: Gatekeeper
) -> None:
    ana, ben = Person(name="ana"), Person(name="ben")
    cluster.rights.add(("ana", "get", "shops"))
    await keeper.admit(ana, "get", "shops")
    for who, verb, where in (
        (ana, "update", "shops"), (ana, "get", "other"), (ben, "get", "shops"),
        (Person(name="ben", groups=("ana",)), "get", "shops"),
    ):  # fmt: skip
        with pytest.raises(Refusal):
            await keeper.admit(who, verb, where)  # type: ignore[arg-type]


class _Nobody:
    async def review_token(self, token: Secret) -> Person | None:
        return None

    async def may(self, person: Person, verb: str, namespace: str) -> bool:
        return False


async def test_memory_ends(clock: SimulatedClock) -> None:
    keeper = Gatekeeper(_Nobody(), clock)
    for number in range(2100):
        with pytest.raises(Refusal):
            await keeper.person(f"Bearer t{number}")
    assert len(keeper._people._known) == 2048


@pytest.mark.parametrize(
    ("status", "kind", "body", "says"),
    [
        (401, "application/json", b"{}", "does not know the account of knect api"),
        (403, "application/json", b'{"message": "no"}', "its ClusterRole is missing"),
        (500, "application/json", b"{}", "API server does not answer"),
        (503, "text/plain", b"later", "API server does not answer"),
        (201, "text/html", b"<html>log in</html>", "API server does not answer"),
        (201, "application/json", b"{", "API server does not answer"),
        (302, "text/plain", b"", "API server does not answer"),
    ],
)
async def test_a_cluster_that_cannot_be_asked_lets_nobody_in(
    cluster: FakeApiServer,
    keeper: Gatekeeper,
    status: int,
    kind: str,
    body: bytes,
    says: str,
) -> None:
    for ending in ("/tokenreviews", "/subjectaccessreviews"):
        cluster.instead[ending] = (status, kind, body)
    for ask in (keeper.person("Bearer t0ken-c4nary"), keeper.admit(Person(name="a"), "get", "n")):
        with pytest.raises(Refusal, match=says) as refused:
            await ask
        assert refused.value.status == 503
        assert "c4nary" not in str(refused.value)


async def test_a_denial_wins_over_a_permission(cluster: FakeApiServer, keeper: Gatekeeper) -> None:
    both = b'{"status": {"allowed": true, "denied": true}}'
    for body in (both, b'{"status": {"allowed": "true"}}', b'{"status": null}', b"[]"):
        cluster.instead["/subjectaccessreviews"] = (201, "application/json", body)
        with pytest.raises(Refusal) as refused:
            await keeper.admit(Person(name=f"ana {len(body)}"), "get", "shops")
        assert refused.value.status == 403


async def test_a_pod_s_files_are_read_again(
    cluster: FakeApiServer,
    clock: SimulatedClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(AccountError, match="this is no pod"):
        PodAccount(tmp_path)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    (tmp_path / "token").write_text("first\n")
    (tmp_path / "ca.crt").write_text("one")
    account = PodAccount(tmp_path)
    assert account.server() == "https://[fd00::1]:6443"
    assert (account.token().reveal(), account.authority()) == ("first", "one")
    (tmp_path / "token").write_text("second")
    (tmp_path / "ca.crt").write_text("two")
    assert (account.token().reveal(), account.authority()) == ("second", "two")
    (tmp_path / "token").unlink()
    api = ApiServer(account, clock)
    with pytest.raises(Refusal) as refused:
        await api.alive()
    assert refused.value.status == 503
    await api.close()


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", "current-context: x", "{current-context: x, contexts: [{name: x}]}", "\x00"],
)
def test_a_kubeconfig_that_is_none_is_a_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(AccountError, match="names no cluster and user with a token"):
        KubeconfigAccount(path)
    with pytest.raises(AccountError):
        KubeconfigAccount(tmp_path / "missing")
