"""``config-defaults``: what a Revision gets where the user said nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wakeful.apis.serving.config.gotemplate import Template, TemplateError
from wakeful.apis.serving.config.parse import ConfigError, as_bool, as_int, as_quantity

RESOURCES = ("cpu", "memory", "ephemeral-storage")
_CONTAINER, _INIT_CONTAINER = Template("user-container"), Template("init-container")


@dataclass(frozen=True, slots=True)
class DefaultsConfig:
    """Every key of the map with upstream's default."""

    revision_timeout_seconds: int = 300
    max_revision_timeout_seconds: int = 600
    revision_response_start_timeout_seconds: int = 300
    """Follows ``revision_timeout_seconds`` unless it is given."""
    revision_idle_timeout_seconds: int = 0
    container_name_template: Template = _CONTAINER
    init_container_name_template: Template = _INIT_CONTAINER
    container_concurrency: int = 0
    container_concurrency_max_limit: int = 1000
    allow_container_concurrency_zero: bool = True
    enable_service_links: bool | None = False
    """None leaves the field as the user wrote it."""
    requests: Mapping[str, str] = field(default_factory=dict)
    """Resource name to quantity, for containers that ask for none."""
    limits: Mapping[str, str] = field(default_factory=dict)


def parse_defaults(data: Mapping[str, str]) -> DefaultsConfig:
    """Read the map.

    Raises:
        ConfigError: A value cannot be read, or two contradict each other.
    """
    timeout = as_int(data, "revision-timeout-seconds", 300)
    config = DefaultsConfig(
        revision_timeout_seconds=timeout,
        max_revision_timeout_seconds=as_int(data, "max-revision-timeout-seconds", 600),
        revision_response_start_timeout_seconds=as_int(
            data, "revision-response-start-timeout-seconds", timeout
        ),
        revision_idle_timeout_seconds=as_int(data, "revision-idle-timeout-seconds", 0),
        container_name_template=_template(data, "container-name-template", "user-container"),
        init_container_name_template=_template(
            data, "init-container-name-template", "init-container"
        ),
        container_concurrency=as_int(data, "container-concurrency", 0),
        container_concurrency_max_limit=as_int(data, "container-concurrency-max-limit", 1000),
        allow_container_concurrency_zero=as_bool(data, "allow-container-concurrency-zero", True),
        enable_service_links=_tri_state(data, "enable-service-links"),
        requests=_quantities(data, "request"),
        limits=_quantities(data, "limit"),
    )
    _check_timeouts(config)
    _check_concurrency(config)
    return config


def _template(data: Mapping[str, str], key: str, default: str) -> Template:
    try:
        template = Template(data.get(key, default))
        template.render(metadata_values("", "", {}, {}))
    except TemplateError as err:
        raise ConfigError(f"error executing template: {err}", key=key) from err
    return template


def metadata_values(
    name: str, namespace: str, labels: Mapping[str, str], annotations: Mapping[str, str]
) -> dict[str, object]:
    """What a container name template may refer to: the parent's metadata."""
    return {"Name": name, "Namespace": namespace, "Labels": labels, "Annotations": annotations}


def _tri_state(data: Mapping[str, str], key: str) -> bool | None:
    if key not in data:
        return False
    return {"true": True, "false": False}.get(data[key].lower())


def _quantities(data: Mapping[str, str], bound: str) -> dict[str, str]:
    found = {name: as_quantity(data, f"revision-{name}-{bound}") for name in RESOURCES}
    return {name: quantity for name, quantity in found.items() if quantity is not None}


def _check_timeouts(config: DefaultsConfig) -> None:
    timeout, most = config.revision_timeout_seconds, config.max_revision_timeout_seconds
    if timeout > most:
        raise ConfigError(
            f"revision-timeout-seconds ({timeout}) cannot be greater than"
            f" max-revision-timeout-seconds ({most})",
            key="revision-timeout-seconds",
        )
    for key, seconds in (
        (
            "revision-response-start-timeout-seconds",
            config.revision_response_start_timeout_seconds,
        ),
        ("revision-idle-timeout-seconds", config.revision_idle_timeout_seconds),
    ):
        if seconds > 0 and seconds > timeout:
            raise ConfigError(
                f"{key} ({seconds}) cannot be greater than revision-timeout-seconds ({timeout})",
                key=key,
            )


def _check_concurrency(config: DefaultsConfig) -> None:
    limit, default = config.container_concurrency_max_limit, config.container_concurrency
    if limit < 1:
        key = "container-concurrency-max-limit"
        raise ConfigError(f"expected 1 <= {limit} <= {2**31 - 1}: {key}", key=key)
    if not 0 <= default <= limit:
        key = "container-concurrency"
        raise ConfigError(f"expected 0 <= {default} <= {limit}: {key}", key=key)
