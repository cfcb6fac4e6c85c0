"""The config maps of namespace ``tekton-pipelines``: ``config-defaults`` and ``feature-flags``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from wakeful.apimachinery.decoding import yaml_value
from wakeful.apimachinery.duration import parse_duration
from wakeful.apimachinery.goscalars import parse_int
from wakeful.apis.pipeline.pod_template_types import PodTemplate
from wakeful.apis.pipeline.register import NoMatch
from wakeful.apis.pipeline.workspace_types import WorkspaceBinding

KEEP_FOR_EVER = timedelta(0)
COSCHEDULE_WORKSPACES = "workspaces"
_COSCHEDULES = (COSCHEDULE_WORKSPACES, "pipelineruns", "isolate-pipelinerun", "disabled")
_NO_MATCH = "trusted-resources-verification-no-match-policy"
_MOST = 2**63 // 60_000_000_000
"""Go's longest time in minutes, which is more than any count has to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultsConfig:
    """What runs get that do not say otherwise."""

    timeout: timedelta = timedelta(hours=1)
    """Zero is no limit."""
    service_account: str = "default"
    managed_by: str = "tekton-pipelines"
    pod_template: PodTemplate | None = None
    workspace_binding: WorkspaceBinding | None = None
    max_matrix_combinations: int = 256
    forbidden_env: frozenset[str] = frozenset()
    resolver_type: str = ""
    image_pull_backoff_timeout: timedelta = timedelta(0)
    create_container_error_timeout: timedelta = timedelta(0)
    resolution_timeout: timedelta = timedelta(minutes=1)
    finished_runs_ttl: timedelta = KEEP_FOR_EVER
    """How long finished runs are kept; zero keeps them until somebody deletes them. Ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureFlags:
    """Which behaviour is in force; attributes are the keys with underscores."""

    api_fields: str = "beta"
    disable_creds_init: bool = False
    await_sidecar_readiness: bool = True
    injected_sidecars: bool = False
    """``running-in-environment-with-injected-sidecars``. Nobody injects any on one machine, and a
    Pod without sidecars starts faster when it need not be told to."""
    require_known_hosts: bool = False
    provenance_in_status: bool = True
    results_from: str = "termination-message"
    max_result_size: int = 4096
    keep_pod_on_cancel: bool = False
    cel_in_when: bool = False
    artifacts: bool = False
    param_enum: bool = False
    compress_messages: bool = False
    coschedule: str = COSCHEDULE_WORKSPACES
    """Which Pods are to share a node: there is one, so all that is left of it is whether claims go
    when their PipelineRun has ended."""
    disable_inline_spec: frozenset[str] = frozenset()
    no_match_policy: NoMatch = NoMatch.IGNORE
    """What becomes of tasks and pipelines from elsewhere that no VerificationPolicy is about."""
    raw: Mapping[str, str] = field(default_factory=dict)
    """The map as it is, for ``status.provenance``."""

    @property
    def claims_go_with_runs(self) -> bool:
        """Whether claims made from templates are deleted when the PipelineRun has ended."""
        return self.coschedule in ("pipelineruns", "isolate-pipelinerun")


class _ConfigError(ValueError):
    """Something in a map makes no sense."""


def parse_defaults(data: Mapping[str, str]) -> DefaultsConfig:
    """Read ``config-defaults``.

    Raises:
        ValueError: A value cannot be read.
    """
    base = DefaultsConfig()
    template = _model(PodTemplate, data, "default-pod-template")
    binding = _model(WorkspaceBinding, data, "default-task-run-workspace-binding")
    forbidden = data.get("default-forbidden-env", "")
    return DefaultsConfig(
        timeout=timedelta(minutes=_number(data, "default-timeout-minutes", 60)),
        service_account=data.get("default-service-account") or base.service_account,
        managed_by=data.get("default-managed-by-label-value") or base.managed_by,
        pod_template=template,
        workspace_binding=binding,
        max_matrix_combinations=_number(data, "default-max-matrix-combinations-count", 256),
        forbidden_env=frozenset(n.strip() for n in forbidden.split(",") if n.strip()),
        resolver_type=data.get("default-resolver-type", ""),
        image_pull_backoff_timeout=_time(data, "default-imagepullbackoff-timeout", "0s"),
        create_container_error_timeout=_time(data, "default-create-container-error-timeout", "0s"),
        resolution_timeout=_time(data, "default-maximum-resolution-timeout", "1m"),
        finished_runs_ttl=_time(data, "finished-runs-ttl", "0s"),
    )


def parse_flags(data: Mapping[str, str]) -> FeatureFlags:
    """Read ``feature-flags``.

    Raises:
        ValueError: A value cannot be read.
    """
    api_fields = data.get("enable-api-fields", "beta").lower()
    if api_fields not in ("alpha", "beta", "stable"):
        raise _ConfigError(f'invalid value for feature flag "enable-api-fields": "{api_fields}"')
    results_from = data.get("results-from", "termination-message")
    if results_from not in ("termination-message", "sidecar-logs"):
        raise _ConfigError(f'invalid value for feature flag "results-from": "{results_from}"')
    coschedule = data.get("coschedule", "").strip().lower() or COSCHEDULE_WORKSPACES
    if coschedule not in _COSCHEDULES:
        raise _ConfigError(f'invalid value for feature flag "coschedule": "{coschedule}"')
    no_match = data.get(_NO_MATCH, "").strip().lower() or NoMatch.IGNORE
    if no_match not in tuple(NoMatch):
        raise _ConfigError(f'invalid value for feature flag "{_NO_MATCH}": "{no_match}"')
    inline = data.get("disable-inline-spec", "")
    return FeatureFlags(
        api_fields=api_fields,
        disable_creds_init=_flag(data, "disable-creds-init"),
        await_sidecar_readiness=_flag(data, "await-sidecar-readiness", default=True),
        injected_sidecars=_flag(data, "running-in-environment-with-injected-sidecars"),
        require_known_hosts=_flag(data, "require-git-ssh-secret-known-hosts"),
        provenance_in_status=_flag(data, "enable-provenance-in-status", default=True),
        results_from=results_from,
        max_result_size=_number(data, "max-result-size", 4096),
        keep_pod_on_cancel=_flag(data, "keep-pod-on-cancel"),
        cel_in_when=_flag(data, "enable-cel-in-whenexpression"),
        artifacts=_flag(data, "enable-artifacts"),
        param_enum=_flag(data, "enable-param-enum"),
        compress_messages=_flag(data, "enable-termination-message-compression"),
        coschedule=coschedule,
        no_match_policy=NoMatch(no_match),
        disable_inline_spec=frozenset(k.strip() for k in inline.split(",") if k.strip()),
        raw={key: value for key, value in data.items() if not key.startswith("_")},
    )


def _flag(data: Mapping[str, str], key: str, *, default: bool = False) -> bool:
    text = data.get(key)
    if text is None or not text.strip():
        return default
    known = {"1", "t", "true"}, {"0", "f", "false"}
    word = text.strip().lower()
    if word not in known[0] | known[1]:
        raise _ConfigError(f'failed parsing feature flags config "{text}": {key} must be a boolean')
    return word in known[0]


def _number(data: Mapping[str, str], key: str, default: int) -> int:
    text = data.get(key, "")
    if not text.strip():
        return default
    try:
        found = parse_int(text.strip())
    except ValueError as err:
        raise _ConfigError(f'failed parsing config "{key}": "{text}" is not a number') from err
    if not 0 <= found <= _MOST:
        raise _ConfigError(f'failed parsing config "{key}": "{text}" is out of range')
    return found


def _time(data: Mapping[str, str], key: str, default: str) -> timedelta:
    text = data.get(key, "").strip() or default
    return parse_duration("0s" if text == "0" else text)


def _model(model: Any, data: Mapping[str, str], key: str) -> Any:
    text = data.get(key, "")
    if not text.strip():
        return None
    try:
        wire = yaml_value(text)
        return model.from_wire(wire) if isinstance(wire, dict) else None
    except ValueError as err:
        raise _ConfigError(f'failed to unmarshal "{key}": {err}') from err
