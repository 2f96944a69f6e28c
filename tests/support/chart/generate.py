"""What is generated in `charts/knect`: the CRDs' copies, the values' schema, the README's table.

Why: one source each; the CRDs come from the models, the rest from `values.yaml` and its comments.
`make generate` writes, a test compares. Must not: know a value's meaning.

    python -m tests.support.chart.generate
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from knect.api.crd import render_files

__all__ = ["CHART", "generated"]

ROOT = Path(__file__).resolve().parents[3]
CHART = ROOT / "charts" / "knect"

_KEEP = '  annotations:\n    helm.sh/resource-policy: "keep"\n'
_LABELS = "  labels:\n    app.kubernetes.io/name: knect\n    app.kubernetes.io/part-of: knect\n"
#: Maps whose keys are the user's own, or another API's.
_OPEN = re.compile(
    r"(resources|affinity|nodeSelector|.*[lL]abels|.*[aA]nnotations|.*ecurityContext|env|global)$"
)
_ENUMS = {
    "image.pullPolicy": ["Always", "IfNotPresent", "Never"],
    "config.logLevel": ["DEBUG", "INFO", "WARNING", "ERROR"],
}
_PATTERNS = {
    "digest": r"^(sha256:[0-9a-f]{64})?$",
    "duration": r"^([0-9]+(d|h|m|s|ms))+$",
}
_DURATIONS = {"lease", "resync", "observeEvery", "grace", "retention"}


def generated() -> dict[Path, str]:
    """Return the content of every generated file of the chart."""
    files: dict[Path, str] = {}
    for name, content in render_files().items():
        marked = content.replace("metadata:\n", f"metadata:\n{_KEEP}{_LABELS}", 1)
        files[CHART / "files" / "crds" / name] = marked
    values = (CHART / "values.yaml").read_text(encoding="utf-8")
    schema = {
        "$schema": "https://json-schema.org/draft-07/schema#",
        "title": "Values of the Knect chart",
        **_schema("", yaml.safe_load(values)),
    }
    files[CHART / "values.schema.json"] = json.dumps(schema, indent=2) + "\n"
    readme = CHART / "README.md"
    begin, end = "<!-- values: made by `make generate` -->\n", "<!-- end of values -->\n"
    text = readme.read_text(encoding="utf-8")
    head, _, rest = text.partition(begin)
    tail = rest.partition(end)[2]
    files[readme] = f"{head}{begin}{''.join(_rows(values))}{end}{tail}"
    return files


def _schema(path: str, value: Any) -> dict[str, Any]:
    name = path.rpartition(".")[2]
    if isinstance(value, dict):
        if _OPEN.match(name) and path:
            return {"type": "object"}
        return {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                key: _schema(f"{path}.{key}".strip("."), one) for key, one in value.items()
            },
        }
    if isinstance(value, list):
        if path in {"extraObjects", "extraEnv", "extraVolumes", "extraVolumeMounts"}:
            return {"type": "array"}
        if value and isinstance(value[0], int):
            return {"type": "array", "items": {"type": "integer"}}
        if name in {"tolerations", "topologySpreadConstraints"} or any(
            isinstance(one, dict) for one in value
        ):
            return {"type": "array", "items": {"type": "object"}}
        return {"type": "array", "items": {"type": "string"}}
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, int):
        return {"type": "integer", "minimum": 0}
    if path in _ENUMS:
        return {"enum": _ENUMS[path]}
    if name == "digest":
        return {"type": "string", "pattern": _PATTERNS["digest"]}
    if name in _DURATIONS:
        return {"type": "string", "pattern": _PATTERNS["duration"]}
    return {"type": "string"}


def _rows(text: str) -> Iterator[str]:
    """Yield the table of values: name, default, and the comment above it."""
    yield "| Value | Default | |\n|---|---|---|\n"
    values = yaml.safe_load(text)
    stack: list[tuple[int, str]] = []
    comment = ""
    for line in text.splitlines():
        described = re.match(r"\s*# -- (.*)", line)
        if described:
            comment = described.group(1)
            continue
        found = re.match(r"( *)([A-Za-z0-9_.]+):", line)
        if not found:
            continue
        indent, key = len(found.group(1)), found.group(2)
        while stack and stack[-1][0] >= indent:
            stack.pop()
        stack.append((indent, key))
        if comment:
            path = ".".join(one for _, one in stack)
            yield f"| `{path}` | `{json.dumps(_at(values, path))}` | {comment} |\n"
            comment = ""


def _at(values: Any, path: str) -> Any:
    for step in path.split("."):
        values = values[step]
    return values


def main() -> int:
    """Write the files; return the exit code."""
    for path, content in generated().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
