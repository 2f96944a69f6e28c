"""A log line names its transaction and never holds a secret."""

import asyncio
import io
import json
import logging

import pytest

from knect.telemetry import Redactor, bound_to, configure_logging

SECRET = 'shpat_"canary"_0123'


@pytest.fixture
def lines():
    """Configure logging for one test and give back the lines written."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    redactor = Redactor()
    redactor.register([SECRET])
    configure_logging(redactor, stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:], level = before[0], before[1]
    root.setLevel(level)


log = logging.getLogger("knect.test")


def test_a_line_is_json_with_event_and_values(lines):
    log.info("order.delivered", extra={"destination_id": "SO-17", "lines": 3})
    (line,) = lines()
    assert line["event"] == "order.delivered"
    assert (line["level"], line["logger"]) == ("info", "knect.test")
    assert (line["destination_id"], line["lines"]) == ("SO-17", 3)
    assert line["time"].endswith("+00:00")


def test_the_transaction_is_bound_once_and_is_the_trace_id(lines):
    with bound_to(pipeline="orders"), bound_to(transaction="ab" * 16):
        log.info("inside")
    log.info("outside")
    inside, outside = lines()
    assert inside["knect.transaction"] == inside["trace_id"] == "ab" * 16
    assert inside["knect.pipeline"] == "orders"
    assert "trace_id" not in outside


async def test_bindings_of_tasks_do_not_mix(lines):
    async def work(name):
        with bound_to(transaction=name * 32):
            await asyncio.sleep(0)
            log.info("step", extra={"mine": name * 32})

    await asyncio.gather(work("a"), work("b"))
    assert all(line["mine"] == line["trace_id"] for line in lines())


def test_a_secret_shows_nowhere(lines):
    def fail():
        local = f"bad token {SECRET}"  # a local variable must not be printed either
        raise RuntimeError(local)

    try:
        fail()
    except RuntimeError:
        log.exception("call.failed with %s", SECRET, extra={"header": SECRET})
    (line,) = lines()
    assert "canary" not in json.dumps(line)
    assert line["error"]["message"] == "bad token ***"
    assert line["header"] == "***"


def test_a_secret_in_the_cause_shows_neither(lines):
    try:
        try:
            {}[SECRET]
        except KeyError as cause:
            raise RuntimeError("wrapped") from cause
    except RuntimeError:
        log.exception("failed")
    assert "canary" not in json.dumps(lines())


def test_tracebacks_name_places_and_no_values(lines):
    def deep(value):
        return 1 / value

    try:
        deep(0)
    except ZeroDivisionError:
        log.exception("failed")
    frames = lines()[0]["error"]["frames"]
    assert frames[-1].endswith("deep")


def test_libraries_are_heard_from_warning_on(lines):
    logging.getLogger("aiohttp.access").info("GET /?token=x")
    logging.getLogger("aiohttp.access").warning("loud")
    assert [line["event"] for line in lines()] == ["loud"]


PEM = f"-----BEGIN PRIVATE KEY-----\n{'canary+key/' * 6}\n{'canary/end+' * 4}\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        ('pä"canary\\1', 'no: pä"canary\\1'),
        ('pä"canary\\1', repr('pä"canary\\1')),
        ("canary/+é", "at /x?key=canary%2F%2B%C3%A9"),
        ("canary-1", "as Y2FuYXJ5LTE="),
        (PEM, "canary/end+" * 4),
        (PEM, PEM.replace("\n", "\\n")),
    ],
)
def test_a_secret_is_hidden_in_every_spelling(lines, secret, said):
    logging.getLogger().handlers[0].formatter._redactor.register([secret])
    log.warning("a remote said", extra={"reason": said})
    (line,) = lines()
    assert "***" in line["reason"]
    assert "canary" not in json.dumps(line)
    assert "Y2FuYXJ5" not in json.dumps(line)
