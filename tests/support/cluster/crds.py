"""The repository's CRDs on a control plane."""

from pathlib import Path

import yaml

CRDS = Path(__file__).parents[3] / "crds"


def installed_crds(plane):
    """Apply the CRDs and wait until they are served."""
    documents = [yaml.safe_load(path.read_text()) for path in sorted(CRDS.glob("*.yaml"))]
    plane.kubectl.apply(*documents)
    names = [f"crd/{one['metadata']['name']}" for one in documents]
    plane.kubectl.run("wait", "--for=condition=Established", *names, "--timeout=30s")
    return documents
