"""The bytes of a Task or Pipeline that are signed: its JSON as Tekton's own types write it.

A checksum is only the same everywhere if every writer puts the same fields in the same order and
leaves the same ones out. The rule is that of Go's JSON: fields in the order of their types, maps by
their keys, empty fields left out unless the type says otherwise. Our models have that order but for
what the tables here say.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from wakeful.apimachinery.meta import APIModel, Object
from wakeful.apis.pipeline.register import SIGNATURE_ANNOTATION

_NOT_SIGNED = frozenset(
    (
        SIGNATURE_ANNOTATION,
        "kubectl-client-side-apply",
        "kubectl.kubernetes.io/last-applied-configuration",
    )
)
_CONTAINER = "image command args workingDir {ports} envFrom env computeResources volumeMounts"
_ORDER = {
    name: tuple(words.split())
    for name, words in {
        "TaskSpec": "params displayName description steps volumes stepTemplate sidecars workspaces"
        " results",
        "EmbeddedTask": "apiVersion kind spec metadata params displayName description steps volumes"
        " stepTemplate sidecars workspaces results",
        "StepTemplate": _CONTAINER.format(ports="")
        + " volumeDevices imagePullPolicy securityContext",
        "Step": "name displayName "
        + _CONTAINER.format(ports="")
        + " volumeDevices imagePullPolicy securityContext script timeout workspaces onError"
        " stdoutConfig stderrConfig ref params results when",
        "Sidecar": "name "
        + _CONTAINER.format(ports="ports")
        + " volumeDevices livenessProbe readinessProbe startupProbe lifecycle"
        " terminationMessagePath terminationMessagePolicy imagePullPolicy securityContext stdin"
        " stdinOnce tty script workspaces restartPolicy",
        "VolumeMount": "name readOnly recursiveReadOnly mountPath subPath mountPropagation"
        " subPathExpr",
        "Volume": "name hostPath emptyDir gitRepo secret nfs persistentVolumeClaim downwardAPI"
        " configMap projected csi ephemeral image",
        "VolumeProjection": "secret downwardAPI configMap serviceAccountToken clusterTrustBundle",
        "PipelineTask": "name displayName description taskRef taskSpec when retries runAfter params"
        " matrix workspaces timeout pipelineRef pipelineSpec onError",
        "TaskRef": "name kind apiVersion resolver params",
        "StepActionRef": "name resolver params",
        "PipelineRef": "name apiVersion resolver params",
    }.items()
}
_ALWAYS: Mapping[str, Mapping[str, Any]] = {
    "EmbeddedTask": {"spec": None, "metadata": {}},
    "EnvVar": {"name": ""},
    "ConfigMapKeySelector": {"key": ""},
    "SecretKeySelector": {"key": ""},
    "ContainerPort": {"containerPort": 0},
    "DownwardAPIVolumeFile": {"path": ""},
    "GRPCAction": {"port": 0, "service": None},
    "HTTPHeader": {"name": "", "value": ""},
    "KeyToPath": {"key": "", "path": ""},
    "ObjectFieldSelector": {"fieldPath": ""},
    "Param": {"name": "", "value": ""},
    "ParamSpec": {"name": ""},
    "PipelineResult": {"name": "", "description": "", "value": ""},
    "PipelineWorkspaceDeclaration": {"name": ""},
    "ProjectedVolumeSource": {"sources": None},
    "ResourceClaim": {"name": ""},
    "ResourceFieldSelector": {"resource": "", "divisor": "0"},
    "SeccompProfile": {"type": ""},
    "Sidecar": {"name": "", "computeResources": {}},
    "Step": {"name": "", "computeResources": {}},
    "StepResult": {"name": ""},
    "StepTemplate": {"computeResources": {}},
    "TaskResult": {"name": ""},
    "Volume": {"name": ""},
    "VolumeDevice": {"name": "", "devicePath": ""},
    "VolumeMount": {"name": "", "mountPath": ""},
    "WorkspaceDeclaration": {"name": ""},
    "WorkspacePipelineTaskBinding": {"name": ""},
    "WorkspaceUsage": {"name": "", "mountPath": ""},
}
"""Fields that are written even when they are empty, and what they are then."""
_STEP_RESULTS = "StepResult"
_ESCAPED = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}


def checksum(obj: Object) -> bytes:
    """The SHA-256 that is signed, of a Task or Pipeline as a v1 object with its defaults."""
    return hashlib.sha256(canonical_json(obj)).digest()


def canonical_json(obj: Object) -> bytes:
    """The object's JSON; of its metadata only what somebody wrote, without the signature."""
    meta = obj.metadata
    notes = {k: v for k, v in meta.annotations.items() if k not in _NOT_SIGNED}
    metadata: dict[str, Any] = {}
    if meta.name:
        metadata["name"] = meta.name
    if meta.generate_name:
        metadata["generateName"] = meta.generate_name
    if meta.namespace:
        metadata["namespace"] = meta.namespace
    if meta.labels:
        metadata["labels"] = dict(sorted(meta.labels.items()))
    if notes:
        metadata["annotations"] = dict(sorted(notes.items()))
    spec = getattr(obj, "spec", None)
    wire = {
        "kind": obj.gvk.kind,
        "apiVersion": obj.gvk.api_version,
        "metadata": metadata,
        "spec": _model(spec) if isinstance(spec, APIModel) else {},
    }
    text = json.dumps(wire, ensure_ascii=False, separators=(",", ":"))
    for letter, escape in _ESCAPED.items():
        text = text.replace(letter, escape)
    return text.encode()


def _model(model: APIModel, name: str = "") -> dict[str, Any]:
    name = name or type(model).__name__
    shown = model.to_wire()
    always = _ALWAYS.get(name, {})
    fields = {info.alias or key: key for key, info in type(model).model_fields.items()}
    found: dict[str, Any] = {}
    for key in _ORDER.get(name, tuple(fields)):
        if key in shown and key in fields:
            within = _STEP_RESULTS if name == "Step" and key == "results" else ""
            found[key] = _value(getattr(model, fields[key]), shown[key], within)
        elif key in always:
            found[key] = always[key]
    return found


def _value(value: Any, wire: Any, name: str) -> Any:
    """A field's value in order; ``wire`` is how the model shows it."""
    if isinstance(value, APIModel):
        return _model(value, name)
    if isinstance(value, Mapping) and isinstance(wire, Mapping):
        keys = sorted(wire)
        return {key: _value(value.get(key), wire[key], name) for key in keys}
    if isinstance(value, Sequence) and isinstance(wire, list):
        return [_value(one, shown, name) for one, shown in zip(value, wire, strict=True)]
    return wire
