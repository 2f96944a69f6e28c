"""What people mistype, and machines that refuse: a sentence, the right exit code, nothing done."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.cli.terminal import Terminal
from tests.unit.ledger.book import Book

SKU = {
    "reason": "UnknownSku", "value": "KN 9", "message": "m", "waits_for": "sku:KN 9@erp",
    "stage": "mapped", "acts": "operations",
}  # fmt: skip
#: What a terminal of Latin-1 passes on for ÿ.
NO_TEXT = "\udcff"


async def _one_stopped(book: Book) -> None:
    await book.see("1001", keys=[("number", "1001")])
    await book.work("waiting", **SKU)


def _process(*words: str, **given: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from knect.cli.main import main; main()", *words],
        text=True, check=False, timeout=60, **given,
    )  # type: ignore[call-overload, no-any-return]  # fmt: skip


@pytest.mark.parametrize(
    "words",
    [
        ("find", NO_TEXT), ("stuck", NO_TEXT), ("explain", "sku", NO_TEXT), ("retry", NO_TEXT),
        ("retry", "--because", NO_TEXT), ("skip", "1001", "--reason", NO_TEXT),
        ("unmapped", "set", NO_TEXT, "a=b"), ("unmapped", "set", "sku", f"KN 9={NO_TEXT}"),
    ],
)  # fmt: skip
def test_a_word_that_is_no_text_is_bad_input(knect: Terminal, words: tuple[str, ...]) -> None:
    knect.write(_one_stopped)
    code, out, err = knect.on_ledger(*words)
    assert (code, out) == (2, "")
    assert "\\xff' is not UTF-8" in err
    assert knect.on_ledger("stuck", "-o", "name").out == "UnknownSku\n"


@pytest.mark.parametrize("key", ["", " ", "#"])
def test_nothing_is_no_key(knect: Terminal, key: str) -> None:
    knect.write(_one_stopped)
    code, out, err = knect.on_ledger("find", key)
    assert (code, out) == (2, "")
    assert err.startswith("say what to find")


def test_a_reason_of_blanks_is_none(knect: Terminal) -> None:
    knect.write(_one_stopped)
    code, _, err = knect.on_ledger("skip", "1001", "--reason", "  ")
    assert code == 2
    assert "say why" in err
    assert "waiting" in knect.on_ledger("find", "1001").out


def test_where_nothing_can_be_done_it_is_said_where_to_look(knect: Terminal) -> None:
    knect.write(_one_stopped)
    for words, look in (
        (("1009",), "knect find 1009"), (("--because", "UnknownSuk"), "knect stuck"),
    ):  # fmt: skip
        code, _, err = knect.on_ledger("retry", *words)
        assert code == 3
        assert err == f"nothing to retry there; see how it stands:  {look}\n"


def test_a_complaint_turns_no_line_around(knect: Terminal) -> None:
    knect.write(_one_stopped)
    code, _, err = knect.on_ledger("unmapped", "set", "a\u202eb\x1b[2J", "c=d")
    assert code == 2
    assert "a\\u202eb\\u001b[2J" in err


def test_counting_needs_no_right_to_write(knect: Terminal) -> None:
    """Another process writes the ledger, and does not answer; an old ledger stays as it is."""
    knect.write(_one_stopped)
    with Path(f"{knect.ledger}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code, out, err = knect.on_ledger("retry", "1001", "--dry-run")
        assert (code, out, err) == (0, "1 transaction would be affected\n", "")
        assert knect.on_ledger("retry", "1001").code == 1


def test_a_name_no_file_can_have_is_no_ledger(knect: Terminal) -> None:
    code, _, err = knect("find", "1001", "--ledger", "x" * 5000)
    assert code == 1
    assert err.startswith("there is no ledger at xxx")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_a_full_disk_is_a_sentence(knect: Terminal) -> None:
    knect.write(_one_stopped)
    with Path("/dev/full").open("w") as full:
        words = ("find", "1001", "--ledger", str(knect.ledger))
        done = _process(*words, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr == (
        "this machine refused: No space left on device. Nothing that was committed is lost.\n"
    )


def test_who_closed_the_output_gets_the_exit_code(knect: Terminal) -> None:
    knect.write(_one_stopped)
    code = "import os, sys; os.close(1); os.execv(sys.executable, sys.argv[1:])"
    command = (sys.executable, "-c", "from knect.cli.main import main; main()")
    done = subprocess.run(
        [sys.executable, "-c", code, *command, "find", "1001", "--ledger", str(knect.ledger)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_a_terminal_with_fewer_letters_gets_what_it_can_show(tmp_path: Path) -> None:
    (tmp_path / "none.yaml").write_text("")
    done = _process(
        "validate", "-f", str(tmp_path), capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stdout.startswith("\\u25ce no Connection")


def test_a_folder_without_documents_is_not_called_good(knect: Terminal) -> None:
    (knect.folder / "empty").mkdir()
    code, out, _ = knect("validate", "-f", str(knect.folder / "empty"))
    assert code == 0
    assert "no Connection and no SyncPipeline is in" in out


async def _stock(book: Book) -> None:
    await book.see("KN-7", keys=[("figure", "kn-7")])

    def as_stock(c: object) -> None:
        c.exec_driver_sql("update transactions set entity = 'inventory'")  # type: ignore[attr-defined]

    await book.ledger.write(as_stock)


def test_a_sku_is_explained_in_small_letters_too(knect: Terminal) -> None:
    knect.write(_stock)
    code, out, _ = knect.on_ledger("explain", "sku", "kn-7")
    assert code == 0
    assert out.startswith("Stock of KN-7 at erp")


def test_a_sku_in_an_order_is_not_called_never_seen(knect: Terminal) -> None:
    """What was never read is its stock; `knect find` knows of the orders."""
    knect.write(_one_stopped)
    code, out, _ = knect.on_ledger("explain", "sku", "KN 9")
    assert code == 3
    assert out.startswith("A stock or price of KN 9 was never seen.")


def test_a_value_is_mapped_wherever_the_ledger_is_named(knect: Terminal) -> None:
    """Every other command takes --ledger, -n and --context behind its words, too."""
    knect.write(_one_stopped)
    ledger = ("--ledger", str(knect.ledger))
    for words in (
        ("unmapped", *ledger, "set", "sku", "KN 9=KN-9"),
        ("unmapped", "set", "sku", "KN 9=KN-9", *ledger),
    ):
        code, out, err = knect(*words)
        assert (code, err) == (0, "")
        assert out.startswith("sku KN 9 is KN-9 at erp")


async def _several(book: Book) -> None:
    for key in ("1001", "1002", "W-77", "1042", "1001 shipment 1"):
        await book.see(key, keys=[("number", key)])


@pytest.mark.parametrize(
    ("typed", "like"),
    [("100", "1002, 1001, 1001 shipment 1"), ("1O02", "1002"), ("77", "W-77"), ("w77", "W-77")],
)
def test_a_part_of_a_number_or_a_slip_leads_to_those_like_it(
    knect: Terminal, typed: str, like: str
) -> None:
    knect.write(_several)
    code, out, _ = knect.on_ledger("find", typed)
    assert code == 3
    assert out.startswith(f"{typed} was never seen.\n  Like it there is {like}")
    assert f"knect find {like.partition(',')[0]}" in out


def test_what_is_like_nothing_is_said_to_be_like_nothing(knect: Terminal) -> None:
    knect.write(_several)
    assert "Like it" not in knect.on_ledger("find", "rhubarb").out


CONNECTION = """\
apiVersion: knect.dev/v1alpha1
kind: Connection
metadata: {name: house}
spec:
  connector: rest
  role: Spoke
  config:
    baseUrl: http://127.0.0.1:9
    check: {path: /ping}
    entities:
      orders:
        read: {path: /sales, id: id, cursor: changed, query: {since: "{from}"}}
"""


def _declared(knect: Terminal, text: str = CONNECTION) -> str:
    (knect.folder / "house.yaml").write_text(text)
    return str(knect.folder / "house.yaml")


def test_a_placeholder_nobody_knows_is_named_with_its_line(knect: Terminal) -> None:
    code, _, err = knect("validate", "-f", _declared(knect))
    assert code == 2
    assert "house.yaml:12:70: spec.config.entities.orders.read.query.since: uses {from}" in err
    assert knect("validate", "-f", _declared(knect, CONNECTION.replace("from", "since"))).code == 0


def test_all_that_has_to_be_set_is_named_at_once(knect: Terminal) -> None:
    secret = """\
---
apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData: {token: "env:NOT_THERE", webhookSecret: "env:NOR_THIS"}
"""
    named = CONNECTION.replace("{from}", "{since}").replace(
        "  config:", "  credentials: {secretRef: {name: keys}}\n  config:"
    )
    code, _, err = knect("check", "-f", _declared(knect, named + secret))
    assert code == 2
    assert "export NOT_THERE=…" in err
    assert "export NOR_THIS=…" in err


def test_a_connection_alone_is_checked(knect: Terminal) -> None:
    """Whoever connects a system begins with it, and has no pipeline yet."""
    file = _declared(knect, CONNECTION.replace("{from}", "{since}"))
    code, out, _ = knect("check", "-f", file, "--allow", "127.0.0.1")
    assert code == 1
    assert "✗ house: 127.0.0.1: GET /ping" in out


def test_a_connection_that_is_not_there_is_not_called_good(knect: Terminal) -> None:
    file = _declared(knect, CONNECTION.replace("{from}", "{since}"))
    code, _, err = knect("check", "-f", file, "hose")
    assert (code, err) == (3, "there is no Connection 'hose'; there is: house\n")
    code, _, err = knect("check", "house")
    assert code == 2
    assert "knect check -f DIR house" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--listen", "127.0.0.1:0"), "--listen is for a run that stays; add --follow"),
        (("--follow", "--webhook-path", "shop"), "--webhook-path shop has no secret"),
        (("--follow", "--webhook-path", "shop="), "--webhook-path shop has no secret"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(
    knect: Terminal, words: tuple[str, ...], said: str
) -> None:
    code, _, err = knect("run", "-f", _declared(knect), *words)
    assert code == 2
    assert err.startswith(said)


def test_a_port_no_machine_has_is_bad_input(knect: Terminal) -> None:
    code, _, err = knect("simulate", "rest", "--port", "99999")
    assert code == 2
    assert "99999 is not in the range 0<=x<=65535" in err
