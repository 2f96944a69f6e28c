"""Who may look and act: whoever has the key, from this machine, on the console's own pages."""

import pytest
from starlette.testclient import TestClient
from tests.unit.console.conftest import HERE, Page, Scene

PAGES = (
    "/",
    "/find?key=1001",
    "/problems",
    "/pipelines",
    "/unmapped",
    "/explain",
    "/act?verb=retry",
)
RETRY = {"verb": "retry", "word": "1002"}


@pytest.mark.parametrize("path", PAGES)
def test_without_the_key_nothing_is_told(scene: Scene, path: str) -> None:
    answer = scene.stranger.get(path)
    assert answer.status_code == 401
    assert "open the address it printed" in Page(answer.text).text
    assert "the ledger" not in answer.text
    assert "1002" not in answer.text


def test_another_consoles_key_does_not_open(scene: Scene) -> None:
    answer = scene.stranger.get("/enter?key=another")
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert scene.stranger.get("/").status_code == 401


def test_the_key_is_taken_out_of_the_address_and_kept_from_scripts(scene: Scene) -> None:
    answer = scene.stranger.get(scene.console.guard.entrance(8300))
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert scene.stranger.get("/").status_code == 200


def test_no_page_holds_the_key(scene: Scene) -> None:
    key = scene.console.guard.entrance(8300).partition("key=")[2]
    assert len(key) > 30
    for path in PAGES[:-1]:
        answer = scene.browser.get(path)
        assert answer.status_code == 200
        assert key not in answer.text


def test_a_name_that_was_bent_to_this_machine_is_turned_away(scene: Scene) -> None:
    bent = TestClient(scene.console.application(), base_url="http://evil.example:8300")
    bent.cookies = scene.browser.cookies
    for path in ("/", scene.console.guard.entrance(8300).removeprefix(HERE)):
        answer = bent.get(path, headers={"host": "evil.example:8300"})
        assert answer.status_code == 403
        assert "1002" not in answer.text


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", "http://127.0.0.1:9999"])
def test_a_form_of_another_page_does_nothing(scene: Scene, origin: str | None) -> None:
    headers = {} if origin is None else {"origin": origin}
    answer = scene.browser.post(
        "/act", data={**RETRY, "verb": "skip", "reason": "x"}, headers=headers
    )
    assert answer.status_code == 403
    assert "nothing was done" in answer.text
    assert "is waiting" in scene.page("/find?key=1002").text


def test_a_form_without_the_key_does_nothing(scene: Scene) -> None:
    answer = scene.stranger.post("/act", data=RETRY, headers={"origin": HERE})
    assert answer.status_code == 401


@pytest.mark.parametrize("path", [*PAGES, "/no-such-page", "/find?key=never"])
def test_every_answer_keeps_to_itself(scene: Scene, path: str) -> None:
    for browser in (scene.browser, scene.stranger):
        headers = browser.get(path).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"


def test_what_a_page_looks_like_is_nobodys_secret(scene: Scene) -> None:
    for name in ("style.css", "keys.js", "icon.svg"):
        assert scene.stranger.get(f"/static/{name}").status_code == 200
    assert scene.stranger.get("/static/../guard.py").status_code == 404
