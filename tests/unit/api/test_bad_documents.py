"""Bad documents and exactly what is said about each, line and column included.

A case takes the good documents, changes some text, and lists every problem in order.
"""

from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.unit.api.good import CATALOG, GOOD

from knect.api import Catalog
from knect.api.documents import DocumentErrors, DocumentSet, load_documents
from knect.engine.mapping import check_expression, check_field

SECOND = """\
---
apiVersion: knect.dev/v1alpha1
kind: SyncPipeline
metadata: {name: second}
spec:
  entity: %(entity)s
  source: {connectionRef: {name: shop}, start: Now}
  destination: {connectionRef: {name: erp}}
  trigger: {poll: {every: 1m}}
  mapping: {owns: [%(owns)s]}
"""

CASES: list[tuple[str, dict[str, str], list[str]]] = [
    ("unknown field", {"  mode: Live": "  mod: Live"},
     ["56:3: spec.mod: there is no field 'mod'; did you mean mode? [KN1020]"]),
    ("unknown field deep down", {"attempts: 8": "attemps: 8"},
     ["54:13: spec.delivery.retry.attemps: there is no field 'attemps'; did you mean attempts? [KN1020]"]),
    ("snake case is a name of Python's", {"batchSize": "batch_size"},
     ["53:5: spec.delivery.batch_size: there is no field 'batch_size'; did you mean batchSize? [KN1020]"]),
    ("missing field", {"    start: Now\n": ""},
     ["35:3: spec.source.start: field 'start' is missing; Where reading begins: Now, Beginning or an RFC 3339 instant. Immutable; older history comes by `knect backfill`. [KN1021]"]),
    ("number for text", {"name: orders}": "name: 5}"},
     ["32:18: metadata.name: expected text, found a whole number; put it in quotes [KN1022]"]),
    ("text for number", {"batchSize: 100": 'batchSize: "100"'},
     ["53:16: spec.delivery.batchSize: expected a whole number, found text [KN1022]"]),
    ("text for truth", {"suspend: false": 'suspend: "false"'},
     ["57:12: spec.suspend: expected true or false, found text [KN1022]"]),
    ("list for map", {"    retry: {attempts: 8, initial: 2s, max: 15m}": "    retry: [1]"},
     ["54:12: spec.delivery.retry: expected a map, found a list [KN1022]"]),
    ("map for list", {"admit:\n    - {when": "admit:\n      {when"},
     ["46:7: spec.mapping.admit: expected a list, found a map [KN1022]"]),
    ("number out of range", {"batchSize: 100": "batchSize: 0"},
     ["53:16: spec.delivery.batchSize: must be at least 1 [KN1023]"]),
    ("bad word", {"mode: Live": "mode: Lve"},
     ["56:9: spec.mode: expected one of Live, Observe; did you mean Live? [KN1023]"]),
    ("bad name", {"{name: orders}": "{name: Orders}"},
     ["32:18: metadata.name: expected lower-case letters, digits, - and . [KN1023]"]),
    ("bad duration", {"checkInterval: 5m": "checkInterval: 5 minutes"},
     ['10:18: spec.checkInterval: expected a duration such as "30s", "5m" or "1h30m" [KN1024]']),
    ("bad start", {"start: Now": "start: yesterday"},
     ['37:12: spec.source.start: expected Now, Beginning or an RFC 3339 instant such as "2026-01-31T00:00:00Z" [KN1023]']),
    ("retry upside down", {"initial: 2s": "initial: 1h"},
     ["54:12: spec.delivery.retry: initial (1h) is longer than max (15m) [KN1026]"]),
    ("two triggers", {"    poll: {": "    webhook: {}\n    poll: {"},
     ["43:5: spec.trigger: set exactly one of schedule, poll, webhook; poll and webhook are set [KN1026]"]),
    ("webhooks that nobody takes", {"poll: {every: 15m}": "webhook: {reconcileEvery: 15m}"},
     ["43:5: spec.trigger.webhook: Connection 'shop' takes no webhooks, so nobody would say when to read; add spec.webhooks to the Connection, or use trigger.poll [KN1040]"]),
    ("source is destination", {"connectionRef: {name: erp}": "connectionRef: {name: shop}"},
     ["34:3: spec: source and destination are the same Connection 'shop'; they must differ [KN1026]"]),
    ("bad schedule", {'schedule: "0 3 * * *"': 'schedule: "0 25 * * *"'},
     ['55:21: spec.audit.schedule: the schedule cannot be read: bad hour; five fields: minute hour day month weekday, e.g. "*/15 * * * *" [KN1025]']),
    ("schedule of four fields", {'schedule: "0 3 * * *"': 'schedule: "0 3 * *"'},
     ['55:21: spec.audit.schedule: the schedule cannot be read: wrong number of fields; five fields: minute hour day month weekday, e.g. "*/15 * * * *" [KN1025]']),
    ("guard that would watch nothing", {"    createOnly: [ref": "    guards: [{field: coment, orElse: totl}]\n    createOnly: [ref"},
     ["51:22: spec.mapping.guards[0].field: orders at tryton have no field 'coment'; did you mean comment? [KN1035]",
      "51:38: spec.mapping.guards[0].orElse: orders at tryton have no field 'totl'; known: comment, lines, reference [KN1035]"]),
    ("indented with a tab", {"  mode: Live": "\tmode: Live"},
     ["56:1: no valid YAML: found character that cannot start any token; a tab is there; indent with blanks [KN1003]"]),
    ("schedule that never fires", {'schedule: "0 3 * * *"': 'schedule: "0 3 30 2 *"'},
     ['55:21: spec.audit.schedule: the schedule cannot be read: bad day-of-month; five fields: minute hour day month weekday, e.g. "*/15 * * * *" [KN1025]']),
    ("unknown zone", {'"0 3 * * *",': '"0 3 * * *", timeZone: Europe/Berlim,'},
     ["55:44: spec.audit.timeZone: there is no time zone 'Europe/Berlim'; write an IANA name: Europe/Berlin [KN1025]"]),
    ("missing Connection", {"connectionRef: {name: erp}": "connectionRef: {name: epr}"},
     ["40:27: spec.destination.connectionRef.name: there is no Connection 'epr'; did you mean erp? [KN1030]"]),
    ("missing Secret", {"secretRef: {name: shop-keys}": "secretRef: {name: shop-key}"},
     ["9:35: spec.credentials.secretRef.name: there is no Secret 'shop-key'; did you mean shop-keys? [KN1030]"]),
    ("missing ConfigMap", {"configMapRef: {name: carriers}": "configMapRef: {name: carrier}"},
     ["50:55: spec.mapping.valueMaps[0].configMapRef.name: there is no ConfigMap 'carrier'; did you mean carriers? [KN1030]"]),
    ("unknown connector", {"connector: shopify": "connector: shopfy"},
     ["5:14: spec.connector: there is no connector 'shopfy'; did you mean shopify? [KN1031]"]),
    ("wrong role", {"role: Hub": "role: Spoke"},
     ["17:9: spec.role: connector 'tryton' cannot be a Spoke; it can be: Hub [KN1023]"]),
    ("unknown setting", {'    apiVersion: "2026-07"': '    apiVersio: "2026-07"'},
     ["8:5: spec.config.apiVersio: there is no setting 'apiVersio'; did you mean apiVersion? [KN1032]"]),
    ("number where a setting is text", {'apiVersion: "2026-07"': "apiVersion: 2026.07"},
     ["8:17: spec.config.apiVersion: expected text; put it in quotes [KN1032]"]),
    ("setting missing", {"    shop: acme.myshopify.com\n": ""},
     ["6:3: spec.config: setting 'shop' is missing; acme.myshopify.com [KN1032]"]),
    ("setting that does not fit", {"shop: acme.myshopify.com": "shop: https://acme"},
     ["7:11: spec.config.shop: does not fit the pattern ^[a-z0-9-]+\\.myshopify\\.com$; acme.myshopify.com [KN1032]"]),
    ("unknown filter", {"filter: {status: any}": "filter: {state: any}"},
     ["38:14: spec.source.filter.state: there is no setting 'state'; did you mean status? [KN1032]"]),
    ("Secret lacks a key", {"  token: env:SHOP_TOKEN": "  tokn: env:SHOP_TOKEN"},
     ["21:18: metadata.name: Secret 'shop-keys' has no key 'token', which Connection 'shop' needs; Admin API access token [KN1033]"]),
    ("no credentials", {"  credentials: {secretRef: {name: shop-keys}}\n": ""},
     ["4:1: spec: connector 'shopify' needs credentials: token; add spec.credentials.secretRef [KN1033]"]),
    ("entity that cannot be read", {"entity: orders": "entity: ordes"},
     ["34:11: spec.entity: connector 'shopify' cannot read 'ordes'; did you mean orders? [KN1034]",
      "34:11: spec.entity: connector 'tryton' cannot write 'ordes'; did you mean orders? [KN1034]"]),
    ("unknown destination field", {"      comment: '": "      coment: '"},
     ["48:7: spec.mapping.set.coment: orders at tryton have no field 'coment'; did you mean comment? [KN1035]"]),
    ("key that is no field", {"      comment: '": '      "a comment": \''},
     ["48:7: spec.mapping.set.a comment: expected the name of a field: letters, digits, _, . and - [KN1023]"]),
    ("unknown field to own", {"createOnly: [reference]": "createOnly: [referenc]"},
     ["51:18: spec.mapping.createOnly[0]: orders at tryton have no field 'referenc'; did you mean reference? [KN1035]"]),
    ("bad expression", {"reference: order.name": "reference: order.name +"},
     ["49:30: spec.mapping.set.reference: the expression ends too early (character 13 of the expression) [KN1037]"]),
    ("misspelled field in an expression", {"""'"web " + order.number'""": """'"web " + order.nmber'"""},
     ["48:26: spec.mapping.set.comment: there is no field order.nmber (character 10 of the expression); did you mean number? [KN1037]"]),
    ("misspelled table", {"reference: order.name": """reference: 'lookup("cariers", order.name)'"""},
     ["49:26: spec.mapping.set.reference: there is no table 'cariers' in mapping.valueMaps (character 8 of the expression); did you mean carriers? [KN1037]"]),
    ("table nobody named", {"reference: order.name": """reference: 'lookup("zones", order.name)'"""},
     ["49:26: spec.mapping.set.reference: there is no table 'zones' in mapping.valueMaps (character 8 of the expression); name it, and its ConfigMap, there [KN1037]"]),
    ("look-up of nothing", {"reference: order.name": """reference: 'lookup("carriers")'"""},
     ["49:19: spec.mapping.set.reference: lookup() takes 2 arguments, not 1 (character 1 of the expression) [KN1037]"]),
    ("misspelled mask", {"  suspend: false": "  suspend: false\n  privacy: {mask: [customer.email, 'lines[].titel']}"},
     ["58:36: spec.privacy.mask[1]: there is no field lines[].titel; did you mean title? [KN1038]"]),
    ("match nobody can look by", {"    write: Upsert": "    match: [number]"},
     ["41:13: spec.destination.match[0]: orders at tryton cannot be found by 'number'; they can by: nothing [KN1034]"]),
    ("deletion nobody can carry out", {"    write: Upsert": "    onSourceDelete: Archive"},
     ["41:21: spec.destination.onSourceDelete: connector 'tryton' cannot Archive orders; write Ignore [KN1034]"]),
    ("misspelled match", {"    write: Upsert": "    match: [nummber]"},
     ["41:13: spec.destination.match[0]: there is no field nummber; did you mean number? [KN1038]"]),
    ("bad condition", {"when: 'order.test'": "when: 'order.test = true'"},
     ["46:26: spec.mapping.admit[0].when: '=' is no operator (character 12 of the expression); to compare, write == [KN1037]"]),
    ("default without one", {"    createOnly: [ref": "    onUnmapped: Default\n    createOnly: [ref"},
     ["45:5: spec.mapping: onUnmapped is Default, but value map 'carriers' has no default [KN1026]"]),
    ("duplicate key", {"  mode: Live": "  mode: Live\n  mode: Observe"},
     ["57:3: spec.mode: key 'mode' is there twice; keep one of them [KN1004]"]),
    ("word Kubernetes reads otherwise", {"DHL: dhl": "DHL: no"},
     ['28:13: data.DHL: Kubernetes reads a plain no as false; write "no" or false [KN1006]']),
    ("octal number", {"DHL: dhl": "DHL: 0123"},
     ["28:13: data.DHL: Kubernetes reads a plain number with a leading 0 as octal; put it in quotes [KN1006]"]),
    ("tag", {"DHL: dhl": "DHL: !!python/object:os.system x"},
     ["28:13: data.DHL: tag !!python/object:os.system is not allowed; leave it out [KN1007]"]),
    ("no valid YAML", {"  mode: Live": "  mode: [Live"},
     ["57:10: no valid YAML: did not find expected ',' or ']' [KN1003]"]),
    ("unknown kind", {"kind: SyncPipeline": "kind: SyncPipelin"},
     ["31:7: kind: there is no kind 'SyncPipelin' in knect.dev/v1alpha1; did you mean SyncPipeline? [KN1010]"]),
    ("unknown version", {"apiVersion: knect.dev/v1alpha1\nkind: SyncPipeline": "apiVersion: knect.dev/v1\nkind: SyncPipeline"},
     ["30:13: apiVersion: apiVersion knect.dev/v1 is not known for SyncPipeline; write knect.dev/v1alpha1 [KN1010]"]),
    ("no kind", {"kind: SyncPipeline\n": ""},
     ["30:1: the document has no kind; Knect's own begin with apiVersion: knect.dev/v1alpha1 [KN1021]"]),
    ("two of one name", {"metadata: {name: erp}": "metadata: {name: shop}"},
     ["14:18: metadata.name: Connection 'shop' is already in FILE:1; keep one of them, or rename it [KN1011]",
      "40:27: spec.destination.connectionRef.name: there is no Connection 'erp'; known: shop [KN1030]"]),
    ("secret that is no base64", {"stringData:\n  token: env:SHOP_TOKEN": "data:\n  token: hunter2!"},
     ["23:3: data: data.token is not base64 of a UTF-8 text; write it under stringData instead [KN1026]"]),
    ("secret that is a number", {"token: env:SHOP_TOKEN": "token: 12345"},
     ["23:10: stringData.token: expected text, found a whole number; put it in quotes [KN1022]"]),
    ("fields owned twice", {"  suspend: false\n": "  suspend: false\n" + SECOND % {"entity": "orders", "owns": "comment, lines"}},
     ["67:13: spec.mapping.owns: comment, lines of orders at 'erp' are also written by pipeline 'orders' (FILE:30); say in mapping.owns which fields each of them writes [KN1036]"]),
    ("everything at once", {"mode: Live": "mod: Live", "batchSize: 100": "batchSize: 0", "connector: tryton": "connector: trytn", "start: Now": "start: 5"},
     ["16:14: spec.connector: there is no connector 'trytn'; did you mean tryton? [KN1031]",
      "37:12: spec.source.start: expected text, found a whole number; put it in quotes [KN1022]",
      "53:16: spec.delivery.batchSize: must be at least 1 [KN1023]",
      "56:3: spec.mod: there is no field 'mod'; did you mean mode? [KN1020]"]),
]  # fmt: skip


def read(folder: Path, text: str | bytes) -> DocumentSet:
    file = folder / "all.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_documents([file], CATALOG, check_expression, check_field)


def problems(folder: Path, text: str | bytes) -> list[str]:
    with pytest.raises(DocumentErrors) as caught:
        read(folder, text)
    file = str(folder / "all.yaml")
    return [
        str(one).removeprefix(file).removeprefix(":").replace(file, "FILE")
        for one in caught.value.problems
    ]


@pytest.mark.parametrize(
    ("changes", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_bad_document_is_told_exactly(
    tmp_path: Path, changes: dict[str, str], expected: list[str]
) -> None:
    text = GOOD
    for old, new in changes.items():
        assert old in text, f"the good documents have no {old!r} to change"
        text = text.replace(old, new, 1)
    assert problems(tmp_path, text) == expected


def test_who_runs_it_here_says_himself_who_takes_the_webhooks(tmp_path: Path) -> None:
    text = GOOD.replace("poll: {every: 15m}", "webhook: {reconcileEvery: 15m}")
    file = tmp_path / "all.yaml"
    file.write_text(text)
    found = load_documents([file], CATALOG, check_expression, check_field, doors_elsewhere=True)
    assert len(found.pipelines) == 1


@pytest.mark.parametrize("declared", [False, True])
def test_webhooks_of_an_api_have_to_be_declared(tmp_path: Path, declared: bool) -> None:
    """What nobody can verify is never received; who runs it here does not change that."""
    more = ", webhooks: {kind: HmacSha256, events: [{entity: orders, id: id}]}" if declared else ""
    said = complaints(
        tmp_path, an_api(more).replace("poll: {every: 15m}", "webhook: {reconcileEvery: 15m}")
    )
    told = "Connection 'shop' declares no webhooks that could be verified; add spec.config.webhooks"
    assert (told in said) == (not declared), said


@pytest.mark.parametrize(
    ("more", "lacks"),
    [
        ("", ()),
        (", auth: {kind: Bearer}", ()),  # the Secret has a token
        (", auth: {kind: Header, header: X-Key}", ("apiKey",)),
        (", auth: {kind: Basic}", ("username", "password")),
        (", webhooks: {kind: HmacSha256, events: [{entity: orders, id: id}]}", ("webhookSecret",)),
    ],
)
def test_what_an_api_is_declared_to_ask_for_has_to_be_in_the_secret(
    tmp_path: Path, more: str, lacks: Sequence[str]
) -> None:
    said = complaints(tmp_path, an_api(more))
    for key in lacks:
        assert f"Secret 'shop-keys' has no key '{key}', which Connection 'shop' needs" in said
    assert said.count("has no key") == len(lacks), said


def test_an_api_that_asks_for_a_token_needs_credentials(tmp_path: Path) -> None:
    text = an_api(", auth: {kind: Bearer}")
    text = text.replace("  credentials: {secretRef: {name: shop-keys}}\n", "", 1)
    assert "connector 'rest' needs credentials: token" in complaints(tmp_path, text)


def an_api(more: str) -> str:
    """Return the good documents with an API for a shop, whose config has `more`."""
    config = "{baseUrl: https://api.acme.com, check: {path: /ping}, entities: {orders: {read: {"
    config += f"path: /sales, id: id, cursor: changed, fetch: {{path: '/sales/{{id}}'}}}}}}}}{more}"
    text = GOOD.replace("connector: shopify", "connector: rest")
    start = text.index("  config:\n")
    end = text.index("  credentials: {secretRef: {name: shop-keys}}")
    return f"{text[:start]}  config: {config}}}\n{text[end:]}"


def complaints(folder: Path, text: str) -> str:
    (folder / "all.yaml").write_text(text)
    catalog = {**CATALOG, "rest": Catalog.installed()["rest"]}
    try:
        load_documents([folder], catalog, check_expression, check_field, doors_elsewhere=True)
    except DocumentErrors as errors:
        return str(errors)
    return ""


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 40


def test_what_is_not_utf_8_is_told_with_its_place(tmp_path: Path) -> None:
    assert problems(tmp_path, b"kind: x\nname: \xe4\n") == [
        "2:7: the file is not UTF-8: byte 0xe4 at offset 14; save it as UTF-8 [KN1002]"
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &a [x]\n" + "".join(f"b{i}: &b{i} [{', '.join([f'*b{i - 1}' if i else '*a'] * 20)}]\n" for i in range(9)), "expands to more than 100,000 values"),
        ("[" * 900 + "]" * 900, "nests deeper than 64"),
        ("a: &a [x]\n" + "".join(f"b{i}: &b{i} [{f'*b{i - 1}' if i else '*a'}]\n" for i in range(90)), "nests deeper than 64"),
        ("x" * 4_194_305, "larger than 4 MiB"),
    ],
    ids=["billion laughs", "deep", "deep by aliases", "large"],
)  # fmt: skip
def test_bombs_do_not_go_off(tmp_path: Path, text: str, said: str) -> None:
    (only,) = problems(tmp_path, text)
    assert said in only


def test_an_alias_to_itself_is_no_loop(tmp_path: Path) -> None:
    assert "names nothing that is complete before it" in "".join(problems(tmp_path, "a: &a [*a]"))


def test_no_secret_value_is_ever_quoted(tmp_path: Path) -> None:
    text = GOOD.replace("token: env:SHOP_TOKEN", "token: 0777123\n  other: [hunter2]\nhunter: 2")
    said = "\n".join(problems(tmp_path, text))
    assert "0777123" not in said
    assert "hunter2" not in said
    assert said.count("[KN") == 3


def test_all_files_of_a_folder_are_read_and_their_problems_gathered(tmp_path: Path) -> None:
    documents = GOOD.split("---\n")
    for number, text in enumerate(documents):
        (tmp_path / f"{number}.yaml").write_text(text.replace("batchSize: 100", "batchSize: -1"))
    (tmp_path / "notes.txt").write_text("no document")
    (tmp_path / "5.yml").write_text("")
    (tmp_path / "6.yaml").write_text("apiVersion: apps/v1\nkind: Deployment\n")
    (tmp_path / "7.yaml").write_text("kind: Connection\n")
    with pytest.raises(DocumentErrors) as caught:
        load_documents([tmp_path, tmp_path / "absent.yaml"], CATALOG, check_expression)
    assert [(Path(one.file).name, one.code.name) for one in caught.value.problems] == [
        ("4.yaml", "BAD_VALUE"),
        ("7.yaml", "MISSING_FIELD"),
        ("absent.yaml", "NOT_READABLE"),
    ]
