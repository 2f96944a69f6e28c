"""Pods for the node's tests, as `restricted` Pod Security wants them."""

__all__ = ["RESTRICTED", "STRICT", "has_phase", "is_ready", "pod"]

#: The namespace that admits restricted pods only.
STRICT = "strict"
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def pod(name, image, *command, volumes=(), container=None, **spec):
    """Return a Pod with one restricted container; each volume is mounted at /NAME."""
    mounts = [{"name": one["name"], "mountPath": f"/{one['name']}"} for one in volumes]
    main = {
        "name": "main",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "securityContext": RESTRICTED,
        "volumeMounts": mounts,
        **({"command": list(command)} if command else {}),
        **(container or {}),
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "containers": [main],
            "volumes": list(volumes),
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": False,
            **spec,
        },
    }


def has_phase(phase):
    return lambda found: found["status"].get("phase") == phase


def is_ready(found):
    conditions = found["status"].get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
