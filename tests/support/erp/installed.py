"""Makes the test connector findable for a child process, as if its package were installed.

Must not: touch the installation the tests themselves run from.
"""

import os
from collections.abc import Mapping
from pathlib import Path

__all__ = ["environment"]

_ROOT = Path(__file__).resolve().parents[3]


def environment(folder: Path, **more: str) -> Mapping[str, str]:
    """Return an environment in which Python finds `simerp` by its entry point.

    `folder` takes the two files that say so.
    """
    there = folder / "knect_simulated_erp-1.dist-info"
    there.mkdir(parents=True, exist_ok=True)
    (there / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: knect-simulated-erp\nVersion: 1\n"
    )
    (there / "entry_points.txt").write_text("[knect.connectors]\nsimerp = tests.support.erp\n")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("KNECT_", "OTEL_"))}
    path = os.pathsep.join(map(str, (folder, _ROOT, _ROOT / "connectors")))
    return {**inherited, "PYTHONPATH": path, **more}
