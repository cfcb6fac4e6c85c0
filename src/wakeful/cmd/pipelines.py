"""Tekton on this platform: its controllers, and the objects that exist from the start."""

from __future__ import annotations

from typing import Any

from wakeful import __version__
from wakeful.apis.pipeline.register import (
    CONFIG_DEFAULTS,
    CONFIG_EVENTS,
    FEATURE_FLAGS,
    PIPELINES_INFO,
    RESOLVERS_FLAGS,
    RESOLVERS_NAMESPACE,
    SYSTEM_NAMESPACE,
)
from wakeful.controller import Manager
from wakeful.reconciler.pipeline.controllers import add_pipeline_controllers

UPSTREAM_VERSION = "v1.15.0"
"""The release of Tekton Pipelines whose behaviour this is; ``tkn version`` shows it."""

_DEFAULTS_EXAMPLE = """\
# Every key may be set; changes take effect at once.
default-timeout-minutes: "60"
default-service-account: "default"
default-managed-by-label-value: "tekton-pipelines"
default-pod-template: |
  nodeSelector: {}
default-task-run-workspace-binding: |
  emptyDir: {}
default-max-matrix-combinations-count: "256"
default-forbidden-env: ""
default-resolver-type: ""
default-imagepullbackoff-timeout: "0s"
default-maximum-resolution-timeout: "1m"
# Ours: finished runs that belong to no other are deleted after this time; 0s keeps them.
finished-runs-ttl: "0s"
"""
_FLAGS = {
    "await-sidecar-readiness": "true",
    "coschedule": "workspaces",
    "disable-creds-init": "false",
    "enable-api-fields": "beta",
    "enable-artifacts": "false",
    "enable-cel-in-whenexpression": "false",
    "enable-param-enum": "false",
    "enable-provenance-in-status": "true",
    "enable-step-actions": "true",
    "enable-termination-message-compression": "false",
    "keep-pod-on-cancel": "false",
    "max-result-size": "4096",
    "require-git-ssh-secret-known-hosts": "false",
    "results-from": "termination-message",
    "running-in-environment-with-injected-sidecars": "false",
    "send-cloudevents-for-runs": "false",
}
_RESOLVERS = {
    f"enable-{name}-resolver": "true" for name in ("bundles", "cluster", "git", "http", "hub")
}


def add_pipelines(manager: Manager) -> None:
    """Add what carries runs out."""
    add_pipeline_controllers(manager)


def pipeline_objects() -> list[dict[str, Any]]:
    """The namespace of Tekton, and its config maps with every value at its default."""
    return [
        *(_namespace(name) for name in (SYSTEM_NAMESPACE, RESOLVERS_NAMESPACE)),
        _config_map(CONFIG_DEFAULTS, {"_example": _DEFAULTS_EXAMPLE}),
        _config_map(FEATURE_FLAGS, _FLAGS),
        _config_map(CONFIG_EVENTS, {"_example": "# sink: http://events.example\n"}),
        _config_map(PIPELINES_INFO, {"version": UPSTREAM_VERSION}),
        _config_map(RESOLVERS_FLAGS, _RESOLVERS, RESOLVERS_NAMESPACE),
    ]


def _namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _config_map(
    name: str, data: dict[str, str], namespace: str = SYSTEM_NAMESPACE
) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {
                "app.kubernetes.io/part-of": SYSTEM_NAMESPACE,
                "app.kubernetes.io/version": __version__,
            },
        },
        "data": data,
    }
