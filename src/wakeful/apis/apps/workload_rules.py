"""Workloads: what is filled in and what is refused."""

from __future__ import annotations

from wakeful.apimachinery.fields import FieldErrors, forbidden, invalid, not_supported, required
from wakeful.apimachinery.labels import LabelSelector
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.apps.deployment_types import (
    RECREATE,
    ROLLING_UPDATE,
    Deployment,
    RollingUpdateDeployment,
)
from wakeful.apis.apps.replicaset_types import ReplicaSet
from wakeful.apis.apps.statefulset_types import (
    DaemonSet,
    RollingUpdate,
    StatefulSet,
    UpdateStrategy,
)
from wakeful.apis.core.other_rules import set_claim_spec_defaults
from wakeful.apis.core.pod_defaults import set_pod_spec_defaults
from wakeful.apis.core.pod_types import PodTemplateSpec
from wakeful.apis.core.pod_validation import validate_pod_template
from wakeful.apis.core.rules import (
    selects,
    validate_choice,
    validate_immutable,
    validate_label_selector,
    validate_not_negative,
)


def set_deployment_defaults(new: Deployment, old: Object | None, context: AdmissionContext) -> None:
    """One replica, rolled over a quarter at a time."""
    spec = new.spec
    if spec.replicas is None:
        spec.replicas = 1
    if spec.revision_history_limit is None:
        spec.revision_history_limit = 10
    if spec.progress_deadline_seconds is None:
        spec.progress_deadline_seconds = 600
    spec.strategy.type = spec.strategy.type or ROLLING_UPDATE
    if spec.strategy.type == ROLLING_UPDATE:
        rolling = spec.strategy.rolling_update or RollingUpdateDeployment()
        spec.strategy.rolling_update = rolling
        if rolling.max_unavailable is None:
            rolling.max_unavailable = "25%"
        if rolling.max_surge is None:
            rolling.max_surge = "25%"
    set_pod_spec_defaults(spec.template.spec)


def set_replica_set_defaults(
    new: ReplicaSet, old: Object | None, context: AdmissionContext
) -> None:
    """One replica."""
    if new.spec.replicas is None:
        new.spec.replicas = 1
    if old is None and new.status.replicas is None:
        new.status.replicas = 0
    set_pod_spec_defaults(new.spec.template.spec)


def set_stateful_set_defaults(
    new: StatefulSet, old: Object | None, context: AdmissionContext
) -> None:
    """One replica, in order."""
    spec = new.spec
    if spec.replicas is None:
        spec.replicas = 1
    if spec.revision_history_limit is None:
        spec.revision_history_limit = 10
    spec.pod_management_policy = spec.pod_management_policy or "OrderedReady"
    _set_strategy(spec.update_strategy)
    rolling = spec.update_strategy.rolling_update
    if rolling is not None and rolling.partition is None:
        rolling.partition = 0
    if spec.persistent_volume_claim_retention_policy is None:
        spec.persistent_volume_claim_retention_policy = {
            "whenDeleted": "Retain",
            "whenScaled": "Retain",
        }
    for claim in spec.volume_claim_templates:
        set_claim_spec_defaults(claim)
    if old is None and new.status.replicas is None:
        new.status.replicas = 0
    set_pod_spec_defaults(spec.template.spec)


def set_daemon_set_defaults(new: DaemonSet, old: Object | None, context: AdmissionContext) -> None:
    """One pod per node, updated one by one."""
    spec = new.spec
    if spec.revision_history_limit is None:
        spec.revision_history_limit = 10
    _set_strategy(spec.update_strategy)
    rolling = spec.update_strategy.rolling_update
    if rolling is not None:
        if rolling.max_unavailable is None:
            rolling.max_unavailable = 1
        if rolling.max_surge is None:
            rolling.max_surge = 0
    set_pod_spec_defaults(spec.template.spec)


def _set_strategy(strategy: UpdateStrategy) -> None:
    strategy.type = strategy.type or ROLLING_UPDATE
    if strategy.type == ROLLING_UPDATE:
        strategy.rolling_update = strategy.rolling_update or RollingUpdate()


def validate_deployment(
    new: Deployment, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Counts, selector, template and strategy."""
    if context.subresource == "status":
        return []
    spec = new.spec
    errors = validate_not_negative(spec.replicas, "spec.replicas")
    errors += validate_workload(spec.selector, spec.template)
    errors += validate_not_negative(spec.min_ready_seconds, "spec.minReadySeconds")
    errors += validate_not_negative(spec.revision_history_limit, "spec.revisionHistoryLimit")
    deadline = spec.progress_deadline_seconds
    errors += validate_not_negative(deadline, "spec.progressDeadlineSeconds")
    if deadline is not None and deadline <= spec.min_ready_seconds:
        detail = "must be greater than minReadySeconds"
        errors.append(invalid("spec.progressDeadlineSeconds", deadline, detail))
    errors += _validate_strategy(new)
    if isinstance(old, Deployment):
        errors += validate_immutable(spec.selector, old.spec.selector, "spec.selector")
    return errors


def _validate_strategy(deployment: Deployment) -> FieldErrors:
    strategy, path = deployment.spec.strategy, "spec.strategy"
    if strategy.type == RECREATE:
        if strategy.rolling_update is None:
            return []
        detail = f"may not be specified when strategy `type` is '{RECREATE}'"
        return [forbidden(f"{path}.rollingUpdate", detail)]
    if strategy.type != ROLLING_UPDATE:
        return [not_supported(f"{path}.type", strategy.type, (RECREATE, ROLLING_UPDATE))]
    rolling = strategy.rolling_update
    if rolling is None:
        return [required(f"{path}.rollingUpdate", "this should be defaulted and never be nil")]
    at = f"{path}.rollingUpdate"
    errors = _validate_amount(rolling.max_unavailable, f"{at}.maxUnavailable")
    errors += _validate_amount(rolling.max_surge, f"{at}.maxSurge")
    if _is_zero(rolling.max_unavailable) and _is_zero(rolling.max_surge):
        detail = "may not be 0 when `maxSurge` is 0"
        errors.append(invalid(f"{at}.maxUnavailable", rolling.max_unavailable, detail))
    if isinstance(rolling.max_unavailable, str) and _percent(rolling.max_unavailable) > 100:
        detail = "must not be greater than 100%"
        errors.append(invalid(f"{at}.maxUnavailable", rolling.max_unavailable, detail))
    return errors


def _validate_amount(value: int | str | None, path: str) -> FieldErrors:
    if isinstance(value, int):
        return validate_not_negative(value, path)
    if value is None or (value[-1:] == "%" and value[:-1].isdecimal()):
        return []
    detail = (
        "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%', "
        " or '93%', regex used for validation is '[0-9]+%')"
    )
    return [invalid(path, value, detail)]


def _percent(value: str) -> int:
    return int(value[:-1]) if value[-1:] == "%" and value[:-1].isdecimal() else 0


def _is_zero(value: int | str | None) -> bool:
    return value == 0 or (isinstance(value, str) and value[-1:] == "%" and _percent(value) == 0)


def validate_workload(
    selector: LabelSelector | None, template: PodTemplateSpec, *, always: bool = True
) -> FieldErrors:
    """A selector that matches the template's labels, and a template of lasting pods."""
    errors: FieldErrors = []
    if selector is None:
        errors.append(required("spec.selector"))
    else:
        errors += validate_label_selector(selector, "spec.selector")
        if not selector.match_labels and not selector.match_expressions:
            detail = "empty selector is invalid for deployment"
            errors.append(invalid("spec.selector", {}, detail))
        elif not selects(selector, template.metadata.labels):
            detail = "`selector` does not match template `labels`"
            labels = template.metadata.labels
            errors.append(invalid("spec.template.metadata.labels", labels, detail))
    errors += validate_pod_template(template, "spec.template")
    if always and template.spec.restart_policy != "Always":
        path, policy = "spec.template.spec.restartPolicy", template.spec.restart_policy
        errors.append(not_supported(path, policy, ("Always",)))
    if template.spec.active_deadline_seconds is not None:
        detail = "activeDeadlineSeconds in ReplicaSet is not Supported"
        errors.append(forbidden("spec.template.spec.activeDeadlineSeconds", detail))
    return errors


def validate_replica_set(
    new: ReplicaSet, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Counts, selector and template."""
    if context.subresource == "status":
        return []
    errors = validate_not_negative(new.spec.replicas, "spec.replicas")
    errors += validate_not_negative(new.spec.min_ready_seconds, "spec.minReadySeconds")
    errors += validate_workload(new.spec.selector, new.spec.template)
    if isinstance(old, ReplicaSet):
        errors += validate_immutable(new.spec.selector, old.spec.selector, "spec.selector")
    return errors


def validate_stateful_set(
    new: StatefulSet, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Counts, selector and template; little may change."""
    if context.subresource == "status":
        return []
    spec = new.spec
    errors = validate_not_negative(spec.replicas, "spec.replicas")
    errors += validate_workload(spec.selector, spec.template)
    policies = ("OrderedReady", "Parallel")
    errors += validate_choice(spec.pod_management_policy, policies, "spec.podManagementPolicy")
    strategies = ("OnDelete", ROLLING_UPDATE)
    errors += validate_choice(spec.update_strategy.type, strategies, "spec.updateStrategy.type")
    if isinstance(old, StatefulSet):
        masked = spec.deep_copy()
        masked.replicas, masked.template = old.spec.replicas, old.spec.template
        masked.update_strategy = old.spec.update_strategy
        masked.min_ready_seconds = old.spec.min_ready_seconds
        masked.ordinals = old.spec.ordinals
        masked.revision_history_limit = old.spec.revision_history_limit
        policy = old.spec.persistent_volume_claim_retention_policy
        masked.persistent_volume_claim_retention_policy = policy
        if masked != old.spec:
            detail = (
                "updates to statefulset spec for fields other than 'replicas', 'ordinals',"
                " 'template', 'updateStrategy', 'revisionHistoryLimit',"
                " 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
            )
            errors.append(forbidden("spec", detail))
    return errors


def validate_daemon_set(
    new: DaemonSet, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Selector, template and strategy."""
    if context.subresource == "status":
        return []
    errors = validate_workload(new.spec.selector, new.spec.template)
    strategies = ("OnDelete", ROLLING_UPDATE)
    kind = new.spec.update_strategy.type
    errors += validate_choice(kind, strategies, "spec.updateStrategy.type")
    if isinstance(old, DaemonSet):
        errors += validate_immutable(new.spec.selector, old.spec.selector, "spec.selector")
    return errors
