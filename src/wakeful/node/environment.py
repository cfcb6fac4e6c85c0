"""The environment of a container, by the rules of a Pod. Pure: objects in, names and values out."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from wakeful.apimachinery.errors import WakefulError
from wakeful.apimachinery.quantity import parse_quantity
from wakeful.apis.core import ConfigMap, Secret
from wakeful.apis.core.pod_types import Container, EnvVarSource, Pod, ResourceFieldSelector

_REFERENCE = re.compile(r"\$(\$|\(([-._a-zA-Z][-._a-zA-Z0-9]*)\))")
_VALID_NAME = re.compile(r"^[-._a-zA-Z][-._a-zA-Z0-9]*$")


class ContainerConfigError(WakefulError):
    """The container cannot be configured yet: something it refers to is missing or wrong."""

    reason = "CreateContainerConfigError"


@dataclass(frozen=True, slots=True)
class PodFacts:
    """What the agent knows about a Pod beside its object."""

    pod_ip: str
    host_ip: str
    node_name: str
    cpu_cores: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class References:
    """The objects a Pod reads, as found; None stands for one that does not exist."""

    config_maps: Mapping[str, ConfigMap | None] = field(default_factory=dict)
    secrets: Mapping[str, Secret | None] = field(default_factory=dict)

    def config_map(self, name: str, *, optional: bool | None) -> ConfigMap | None:
        """The config map; None only when it may be missing."""
        found = self.config_maps.get(name)
        if found is None and not optional:
            raise ContainerConfigError(f'configmap "{name}" not found')
        return found

    def secret(self, name: str, *, optional: bool | None) -> Secret | None:
        """The secret; None only when it may be missing."""
        found = self.secrets.get(name)
        if found is None and not optional:
            raise ContainerConfigError(f'secret "{name}" not found')
        return found


def referenced_by_env(containers: Iterable[Container]) -> tuple[set[str], set[str]]:
    """Names of the config maps and secrets that the environment of ``containers`` reads."""
    config_maps: set[str] = set()
    secrets: set[str] = set()
    for container in containers:
        for source in container.env_from:
            if source.config_map_ref:
                config_maps.add(source.config_map_ref.name)
            if source.secret_ref:
                secrets.add(source.secret_ref.name)
        for variable in container.env:
            if value_from := variable.value_from:
                if value_from.config_map_key_ref:
                    config_maps.add(value_from.config_map_key_ref.name)
                if value_from.secret_key_ref:
                    secrets.add(value_from.secret_key_ref.name)
    return config_maps, secrets


def expand(text: str, values: Mapping[str, str]) -> str:
    """Replace ``$(NAME)``; unknown names stay as they are, ``$$(NAME)`` becomes ``$(NAME)``."""

    def replace(found: re.Match[str]) -> str:
        if found.group(1) == "$":
            return "$"
        return values.get(found.group(2), found.group(0))

    return _REFERENCE.sub(replace, text)


def secret_value(secret: Secret, key: str) -> bytes | None:
    """One decoded value of a secret."""
    encoded = secret.data.get(key)
    return None if encoded is None else base64.b64decode(encoded)


def make_environment(
    container: Container,
    pod: Pod,
    facts: PodFacts,
    references: References,
    *,
    base: Mapping[str, str],
) -> dict[str, str]:
    """Return the variables a container starts with, later ones winning over ``base``.

    Raises:
        ContainerConfigError: A required object or key is missing.
    """
    env = dict(base)
    for source in container.env_from:
        env.update(_env_from(source.prefix, source, references))
    for variable in container.env:
        if variable.value_from is None:
            env[variable.name] = expand(variable.value, env)
            continue
        value = _value_from(variable.value_from, container, pod, facts, references)
        if value is not None:
            env[variable.name] = value
    return env


def _env_from(prefix: str, source: object, references: References) -> dict[str, str]:
    from_map = getattr(source, "config_map_ref", None)
    from_secret = getattr(source, "secret_ref", None)
    values: dict[str, str] = {}
    if from_map is not None:
        config_map = references.config_map(from_map.name, optional=from_map.optional)
        values = dict(config_map.data) if config_map else {}
    elif from_secret is not None:
        secret = references.secret(from_secret.name, optional=from_secret.optional)
        for key in secret.data if secret else ():
            assert secret is not None
            values[key] = (secret_value(secret, key) or b"").decode(errors="replace")
    return {prefix + k: v for k, v in values.items() if _VALID_NAME.match(prefix + k)}


def _value_from(
    source: EnvVarSource,
    container: Container,
    pod: Pod,
    facts: PodFacts,
    references: References,
) -> str | None:
    if ref := source.config_map_key_ref:
        config_map = references.config_map(ref.name, optional=ref.optional)
        if config_map is not None and ref.key in config_map.data:
            return config_map.data[ref.key]
        if ref.optional:
            return None
        raise ContainerConfigError(
            f"couldn't find key {ref.key} in ConfigMap {pod.metadata.namespace}/{ref.name}"
        )
    if secret_ref := source.secret_key_ref:
        secret = references.secret(secret_ref.name, optional=secret_ref.optional)
        value = secret_value(secret, secret_ref.key) if secret is not None else None
        if value is not None:
            return value.decode(errors="replace")
        if secret_ref.optional:
            return None
        raise ContainerConfigError(
            f"couldn't find key {secret_ref.key} in Secret {pod.metadata.namespace}"
            f"/{secret_ref.name}"
        )
    if source.field_ref:
        return pod_field(source.field_ref.field_path, pod, facts)
    if source.resource_field_ref:
        return resource_field(source.resource_field_ref, container, pod, facts)
    return ""


def pod_field(path: str, pod: Pod, facts: PodFacts) -> str:
    """A field of the downward API as text.

    Raises:
        ContainerConfigError: There is no such field.
    """
    meta = pod.metadata
    simple = {
        "metadata.name": meta.name,
        "metadata.namespace": meta.namespace,
        "metadata.uid": meta.uid,
        "spec.nodeName": facts.node_name,
        "spec.serviceAccountName": pod.spec.service_account_name,
        "status.hostIP": facts.host_ip,
        "status.hostIPs": facts.host_ip,
        "status.podIP": facts.pod_ip,
        "status.podIPs": facts.pod_ip,
    }
    if path in simple:
        return simple[path]
    maps = {"metadata.labels": meta.labels, "metadata.annotations": meta.annotations}
    if path in maps:
        return "\n".join(f'{k}="{_quote(v)}"' for k, v in sorted(maps[path].items()))
    if found := re.fullmatch(r"(metadata\.(?:labels|annotations))\['(.+)'\]", path):
        return maps[found.group(1)].get(found.group(2), "")
    raise ContainerConfigError(f"field path not supported: {path!r}")


def _quote(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def resource_field(
    selector: ResourceFieldSelector, container: Container, pod: Pod, facts: PodFacts
) -> str:
    """A request or limit as a whole number of ``divisor``; without a limit, what the node has.

    Raises:
        ContainerConfigError: There is no such container or resource.
    """
    if selector.container_name and selector.container_name != container.name:
        found = [c for c in pod.spec.containers if c.name == selector.container_name]
        if not found:
            raise ContainerConfigError(f"container {selector.container_name!r} not found")
        container = found[0]
    kind, _, name = selector.resource.partition(".")
    amounts = {
        "limits": container.resources.limits,
        "requests": container.resources.requests,
    }.get(kind)
    if amounts is None:
        raise ContainerConfigError(f"unsupported container resource: {selector.resource}")
    if name in amounts:
        value = parse_quantity(amounts[name])
    elif kind == "limits" and name == "cpu":
        value = parse_quantity(str(facts.cpu_cores))
    elif kind == "limits" and name == "memory":
        value = parse_quantity(str(facts.memory_bytes))
    else:
        value = parse_quantity("0")
    divisor = parse_quantity(selector.divisor or "1") or parse_quantity("1")
    return str(-int(-value // divisor))
