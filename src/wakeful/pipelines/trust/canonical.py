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
from wakeful.pipelines.trust.verification import VerificationError

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
_RENAMED = {"v1beta1": {"computeResources": "resources"}}
"""How other versions spell fields of containers; all else of theirs is as in v1, or legacy."""
_STEP_RESULTS = "StepResult"
_ESCAPED = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}


def checksum(obj: Object, version: str = "") -> bytes:
    """The SHA-256 that is signed, of an object with its defaults.

    ``version`` is the one that it is written in, if that is not the model's own.

    Raises:
        VerificationError: It holds what only versions before v1 have.
    """
    return hashlib.sha256(canonical_json(obj, version)).digest()


def canonical_json(obj: Object, version: str = "") -> bytes:
    """The object's JSON; of its metadata only what somebody wrote, without the signature.

    Raises:
        VerificationError: See :func:`checksum`.
    """
    version = version or obj.gvk.version
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
        "apiVersion": f"{obj.gvk.group}/{version}",
        "metadata": metadata,
        "spec": _model(spec, _RENAMED.get(version, {})) if isinstance(spec, APIModel) else {},
    }
    text = json.dumps(wire, ensure_ascii=False, separators=(",", ":"))
    for letter, escape in _ESCAPED.items():
        text = text.replace(letter, escape)
    return text.encode()


def _model(model: APIModel, renamed: Mapping[str, str], name: str = "") -> dict[str, Any]:
    name = name or type(model).__name__
    if getattr(model, "legacy", None) is not None:
        # It would not show below, so that whoever changes it would not break the signature.
        raise VerificationError("signatures of what only versions before v1 have cannot be checked")
    shown = model.to_wire()
    always = _ALWAYS.get(name, {})
    fields = {info.alias or key: key for key, info in type(model).model_fields.items()}
    found: dict[str, Any] = {}
    for key in _ORDER.get(name, tuple(fields)):
        if key in shown and key in fields:
            within = _STEP_RESULTS if name == "Step" and key == "results" else ""
            value = _value(getattr(model, fields[key]), shown[key], renamed, within)
            found[renamed.get(key, key)] = value
        elif key in always:
            found[renamed.get(key, key)] = always[key]
    return found


def _value(value: Any, wire: Any, renamed: Mapping[str, str], name: str) -> Any:
    """A field's value in order; ``wire`` is how the model shows it."""
    if isinstance(value, APIModel):
        return _model(value, renamed, name)
    if isinstance(value, Mapping) and isinstance(wire, Mapping):
        keys = sorted(wire)
        return {key: _value(value.get(key), wire[key], renamed, name) for key in keys}
    if isinstance(value, Sequence) and isinstance(wire, list):
        pairs = zip(value, wire, strict=True)
        return [_value(one, shown, renamed, name) for one, shown in pairs]
    return wire
