"""What is wrong with probes."""

from __future__ import annotations

from dataclasses import dataclass

from wakeful.apimachinery.fields import (
    FieldError,
    FieldErrors,
    invalid_value,
    missing_one_of,
    multiple_one_of,
    out_of_bounds,
    under,
)
from wakeful.apimachinery.goscalars import INT32_MAX
from wakeful.apis.core.container_types import Container, HTTPGetAction, Probe, TCPSocketAction
from wakeful.apis.serving.allowed_fields import refuse_others
from wakeful.apis.serving.config import FeaturesConfig, Flag


@dataclass(frozen=True, slots=True)
class ServingPort:
    """The port that receives requests, with what it is called in the spec."""

    name: str = "http"
    number: int = 8080


def validate_serving_probes(container: Container, port: ServingPort) -> FieldErrors:
    """Probes of the container that receives requests."""
    return [
        *under("livenessProbe", _validate_probe(container.liveness_probe, port)),
        *under("readinessProbe", _validate_readiness(container.readiness_probe, port)),
        *under("startupProbe", _validate_probe(container.startup_probe, port)),
    ]


def validate_sidecar_probes(container: Container, features: FeaturesConfig) -> FieldErrors:
    """Probes of the other containers: a feature, and then with a port of their own."""
    if features.multi_container_probing is Flag.ENABLED:
        return [
            *under("livenessProbe", _validate_probe(container.liveness_probe, None)),
            *under("readinessProbe", _validate_readiness(container.readiness_probe, None)),
            *under("startupProbe", _validate_probe(container.startup_probe, None)),
        ]
    probes = (
        ("livenessProbe", container.liveness_probe),
        ("readinessProbe", container.readiness_probe),
        ("startupProbe", container.startup_probe),
    )
    return [
        error
        for name, probe in probes
        if probe is not None
        for error in under(name, refuse_others(probe, ()))
    ]


def _validate_readiness(probe: Probe | None, port: ServingPort | None) -> FieldErrors:
    if probe is None:
        return []
    errors = _validate_probe(probe, port)
    period, timeout = probe.period_seconds or 0, probe.timeout_seconds or 0
    failures, successes = probe.failure_threshold or 0, probe.success_threshold or 0
    if period < 0:
        errors.append(out_of_bounds(period, 0, INT32_MAX, "periodSeconds"))
    if probe.initial_delay_seconds < 0:
        delay = probe.initial_delay_seconds
        errors.append(out_of_bounds(delay, 0, INT32_MAX, "initialDelaySeconds"))
    if successes < 1:
        errors.append(out_of_bounds(successes, 1, INT32_MAX, "successThreshold"))
    if period == 0:
        # Probed as often as can be until ready; there is no count of failures to speak of.
        for name, value in (("failureThreshold", failures), ("timeoutSeconds", timeout)):
            if value:
                message = f"{name} is disallowed when periodSeconds is zero"
                errors.append(FieldError(message, (name,)))
    else:
        for name, value in (("timeoutSeconds", timeout), ("failureThreshold", failures)):
            if value < 1:
                errors.append(out_of_bounds(value, 1, INT32_MAX, name))
    return errors


def _validate_probe(probe: Probe | None, port: ServingPort | None) -> FieldErrors:
    if probe is None:
        return []
    errors: FieldErrors = []
    handlers: list[str] = []
    if probe.http_get is not None:
        handlers.append("httpGet")
        errors += _validate_port(probe.http_get, "httpGet.port", port)
    if probe.tcp_socket is not None:
        handlers.append("tcpSocket")
        errors += _validate_port(probe.tcp_socket, "tcpSocket.port", port)
    if probe.exec is not None:
        handlers.append("exec")
    if probe.grpc is not None:
        handlers.append("grpc")
    if not handlers:
        errors.append(missing_one_of("httpGet", "tcpSocket", "exec", "grpc"))
    elif len(handlers) > 1:
        errors.append(multiple_one_of(*handlers))
    return errors


def _validate_port(
    action: HTTPGetAction | TCPSocketAction, path: str, port: ServingPort | None
) -> FieldErrors:
    value = action.port
    if port is not None:
        if isinstance(value, str) and value and value != port.name:
            return [invalid_value(value, path, "Probe port must match container port")]
    elif not value:
        return [invalid_value(0, path, "Probe port must be specified")]
    return []
