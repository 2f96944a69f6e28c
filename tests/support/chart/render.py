"""The chart as Helm renders it.

Must not: need a cluster.
"""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from tests.support.chart.generate import CHART
from tests.support.cluster.binaries import KUBERNETES_VERSION, helm

__all__ = ["VALUES", "HelmFailed", "render", "render_text"]

#: The values files under `ci/`, by name.
VALUES = {path.name.removesuffix("-values.yaml"): path for path in sorted(CHART.glob("ci/*.yaml"))}


class HelmFailed(Exception):
    """Helm refused; the text is what it said."""


def render_text(*words: str, major: int = 4, values: Path | None = None) -> str:
    """Return what `helm template` prints. Raises HelmFailed."""
    extra = [f"--values={values}"] if values else []
    done = subprocess.run(
        [
            *(helm(major), "template", "knect", CHART, "--namespace=knect-system"),
            *(f"--kube-version={KUBERNETES_VERSION}", *extra, *words),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise HelmFailed(done.stderr)
    return done.stdout


def render(*words: str, major: int = 4, values: Path | None = None) -> Sequence[dict[str, Any]]:
    """Return the objects that `helm template` prints."""
    text = render_text(*words, major=major, values=values)
    return [one for one in yaml.safe_load_all(text) if one]
