"""What a GitHubBinding puts into a pod template, and how it is taken out again. Pure."""

from __future__ import annotations

from typing import Any

from wakeful.apis.core.container_types import SecretKeySelector
from wakeful.apis.core.pod_types import PodSpec, Volume, VolumeMount

Wire = dict[str, Any]

VOLUME, MOUNT_PATH, FILE = "github-binding", "/var/bindings/github", "accessToken"


def make_volume(token: SecretKeySelector) -> Wire:
    """The token as a file."""
    items = [{"key": token.key, "path": FILE}]
    return {"name": VOLUME, "secret": {"secretName": token.name, "items": items}}


def make_mount() -> Wire:
    """Where the file is."""
    return {"name": VOLUME, "mountPath": MOUNT_PATH, "readOnly": True}


def bind_pod(pod: Wire, token: SecretKeySelector | None) -> Wire:
    """The parts of a pod's spec that tell of the token; None takes it out."""
    volumes = [v for v in pod.get("volumes") or () if v.get("name") != VOLUME]
    found: Wire = {"volumes": [*volumes, make_volume(token)] if token is not None else volumes}
    for field in ("containers", "initContainers"):
        if pod.get(field):
            found[field] = [_bind(container, mounted=token is not None) for container in pod[field]]
    return found


def bind_template(obj: Wire, token: SecretKeySelector | None) -> Wire | None:
    """The part of an object that has to change, as a merge patch; None when nothing has to."""
    template = (obj.get("spec") or {}).get("template")
    pod = template.get("spec") if isinstance(template, dict) else None
    if not isinstance(pod, dict):
        return None
    is_same = _same if token is not None else _equal
    want = bind_pod(pod, token)
    changed = {field: value for field, value in want.items() if not is_same(value, pod.get(field))}
    return {"spec": {"template": {"spec": changed}}} if changed else None


def bind_spec(pod: PodSpec, token: SecretKeySelector) -> None:
    """Do so to a pod's spec, in place."""
    pod.volumes = [
        *(volume for volume in pod.volumes if volume.name != VOLUME),
        Volume.from_wire(make_volume(token)),
    ]
    for container in (*pod.init_containers, *pod.containers):
        mounts = [mount for mount in container.volume_mounts if mount.name != VOLUME]
        container.volume_mounts = [*mounts, VolumeMount.from_wire(make_mount())]


def _bind(container: Wire, *, mounted: bool) -> Wire:
    mounts = [m for m in container.get("volumeMounts") or () if m.get("name") != VOLUME]
    if mounted:
        mounts.append(make_mount())
    rest = {key: value for key, value in container.items() if key != "volumeMounts"}
    return rest | {"volumeMounts": mounts} if mounts else rest


def _equal(want: Any, have: Any) -> bool:
    return bool(want == (have or []))


def _same(want: Any, have: Any) -> bool:
    """Whether nothing has to be written; defaults of our own volume and mount do not count."""
    if isinstance(want, list):
        return (
            isinstance(have or [], list)
            and len(want) == len(have or [])
            and all(_same(a, b) for a, b in zip(want, have or [], strict=True))
        )
    if isinstance(want, dict):
        return isinstance(have, dict) and all(_same(v, have.get(k)) for k, v in want.items())
    return bool(want == have)
