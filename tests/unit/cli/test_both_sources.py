"""A command prints the same beside a ledger and through `knect api`, to people and to scripts."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.gateway.apiserver import FakeApiServer
from tests.support.gateway.ledgers import everything, filled
from tests.support.gateway.process import ApiProcess
from tests.support.ledgers import on_postgres
from tests.support.real.postgres import PASSWORD
from tests.unit.cli.terminal import Answer, Terminal

FORMS = ("table", "wide", "json", "yaml", "name")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    folder = tmp_path_factory.mktemp("api")
    with on_postgres(), FakeApiServer() as cluster:
        cluster.person("t0ken", "ana", audiences=["knect-api"])
        cluster.rights |= {("ana", verb, "shops") for verb in ("get", "update")}
        dsn = cluster.dsns["shops"] = filled("shops", everything)
        with ApiProcess(cluster.kubeconfig(folder / "config"), folder) as api:
            yield dsn, api.url


class Asking:
    """The same words, here and there."""

    def __init__(self, knect: Terminal, monkeypatch: pytest.MonkeyPatch, dsn: str, url: str):
        self._knect, self._monkeypatch = knect, monkeypatch
        self._dsn, self._url = dsn, url

    def here(self, *words: str) -> Answer:
        return self._knect(words[0], "--ledger", self._dsn, *words[1:])

    def there(self, *words: str) -> Answer:
        with self._monkeypatch.context() as patch:
            patch.setenv("KNECT_API", self._url)
            patch.setenv("KNECT_TOKEN", "t0ken")
            return self._knect("-n", "shops", *words)

    def same(self, *words: str) -> Answer:
        here, there = self.here(*words), self.there(*words)
        assert there == here
        assert PASSWORD not in there.out + there.err
        return there


@pytest.fixture
def asking(knect: Terminal, monkeypatch: pytest.MonkeyPatch, both: tuple[str, str]) -> Asking:
    return Asking(knect, monkeypatch, *both)


@pytest.mark.parametrize("form", FORMS)
def test_every_question(asking: Asking, form: str) -> None:
    (identifier,) = asking.here("find", "1001", "-o", "name").out.split()
    questions = {
        ("find", "1001"): 0,
        ("find", "ana@example.com"): 0,
        ("find", "kn 9"): 0,
        ("find", "nothing-like-it"): 3,
        ("show", identifier): 0,
        ("show", identifier, "--payload"): 0,
        ("status",): 0,
        ("status", "orders"): 0,
        ("status", "--fail-on-stuck"): 4,
        ("stuck",): 0,
        ("stuck", "orders"): 0,
        ("stuck", "nope"): 3,
        ("stuck", "--fail-on-stuck"): 4,
        ("unmapped",): 0,
        ("list",): 0,
        ("list", "orders", "--stopped", "--because", "UnknownSku"): 0,
        ("list", "--fate", "delivered", "--fate", "waiting", "--all"): 0,
        ("list", "--since", "2000-01-01T00:00:00Z"): 0,
        ("list", "--since", "1s"): 0,
        ("list", "nope"): 3,
        ("connections",): 0,
        ("connections", "--since", "2000-01-01T00:00:00Z"): 0,
        ("connections", "erp", "--since", "2000-01-01T00:00:00Z"): 0,
        ("connections", "nope"): 3,
    }
    for words, code in questions.items():
        answer = asking.same(*words, "-o", form)
        assert answer.code == code, words
        assert answer.out or form == "name" or words[1:] == ("nope",), words


def test_every_complaint(asking: Asking) -> None:
    for words, code in {
        ("show", "0000000000"): 3,
        ("show", "12345"): 2,
        ("status", "nope"): 3,
        ("retry",): 2,
        ("retry", "nope"): 3,
        ("skip", "1002"): 2,
        ("edit", "1002", "--set", "note", "--reason", "x"): 2,
        ("edit", "1002", "--reason", "x"): 2,
        ("edit", "1002", "--set", "lines[x].sku=KN-1", "--reason", "x"): 2,
        ("list", "--since", "yesterday"): 2,
        ("list", "--since", "2026-01-01"): 2,
        ("connections", "--since", "2026-01-01"): 2,
        ("list", "--fate", "lost"): 2,
        ("replay", "1001", "--as-then"): 3,
        ("edit", "nope", "--set", "note=x", "--reason", "x"): 3,
        ("unmapped", "set", "sku", "KN-9"): 2,
        ("unmapped", "set", "sku", "nope=KN-9"): 2,
        ("find", "x" * 500): 3,
    }.items():
        answer = asking.same(*words)
        assert (answer.code, bool(answer.err or answer.out)) == (code, True), words


def test_every_wish_counts_the_same(asking: Asking) -> None:
    for words in (
        ["retry", "1002"], ["retry", "--because", "UnknownSku"], ["replay", "--pipeline", "orders"],
        ["edit", "1002", "--set", "note=a=b", "--clear", "po_number", "--reason", "x"],
        ["skip", "1002", "1003", "--reason", "x"], ["retry", "--all", "--yes"],
    ):  # fmt: skip
        assert asking.same(*words, "--dry-run").code == 0


def test_an_id_and_a_key_are_both_meant(asking: Asking) -> None:
    (identifier,) = asking.here("find", "1002", "-o", "name").out.split()
    assert asking.same("retry", identifier, "1003", "--dry-run").out.startswith("2 transactions")


def test_wishes_are_carried_out_there(asking: Asking) -> None:
    done = asking.there("retry", "1002", "--reason", "because")
    assert (done.code, done.out[:19]) == (0, "1 transaction: due ")
    done = asking.there("unmapped", "set", "sku", "KN 9=KN-1")
    assert done.code == 0, done.err
    assert done.out.startswith("sku KN 9 is KN-1 at erp; ")
    assert asking.same("status").code == 0


@pytest.mark.parametrize("form", FORMS)
def test_what_people_did_is_told_with_person_and_reason(asking: Asking, form: str) -> None:
    done = asking.there("retry", "1003", "--reason", f"look at {form}")
    assert done.code == 0, done.err
    told = asking.same("activity", "-o", form)
    assert told.code == 0
    if form == "json":
        newest = json.loads(told.out)[0]
        assert newest.pop("at").endswith("Z")
        assert newest == {
            "actor": "ana", "verb": "retry", "selector": "1003", "reason": "look at json",
            "count": 1,
        }  # fmt: skip
    elif form != "name":
        assert f"look at {form}" in told.out


def test_what_does_not_fit_together_is_said(
    knect: Terminal, asking: Asking, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    both_ = knect("--context", "x", "status", "--ledger", "a.db")
    assert (both_.code, "give one of them" in both_.err) == (2, True)
    run = knect("--context", "x", "connectors")
    assert (run.code, "is not done in a cluster" in run.err) == (2, True)
    audit = asking.there("status", "--audit")
    assert (audit.code, "only workers reach" in audit.err) == (2, True)
    monkeypatch.setenv("KNECT_TOKEN", "wrong")
    monkeypatch.setenv("KNECT_API", asking._url)
    refused = knect("status")
    assert (refused.code, "does not accept this token" in refused.err) == (6, True)
    monkeypatch.setenv("KNECT_TOKEN", "t0ken")
    other = knect("-n", "other", "status")
    assert (other.code, "may not get transactions" in other.err) == (6, True)
    for address, code, says in (
        ("http://knect.example.com", 2, "anybody between could read the token"),
        ("knect.example.com", 2, "has to be a URL"),
        ("http://127.0.0.1:1", 1, "knect api does not answer"),
        (f"{asking._url}/elsewhere", 1, "is no knect api of this version"),
    ):
        monkeypatch.setenv("KNECT_API", address)
        answer = knect("-n", "shops", "status")
        assert (answer.code, says in answer.err) == (code, True), answer.err
        assert "t0ken" not in answer.err
