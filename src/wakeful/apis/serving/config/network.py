"""``config-network``: templates of host names, HTTP options, rollouts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import ValidationError

from wakeful.apimachinery.decoding import yaml_value
from wakeful.apimachinery.errors import BadRequestError
from wakeful.apimachinery.labels import LabelSelector, Selector
from wakeful.apis.networking.register import OUR_INGRESS_CLASS
from wakeful.apis.serving.config.gotemplate import Template, TemplateError
from wakeful.apis.serving.config.parse import ConfigError, as_bool, as_int, as_str, mapping_of

CERTIFICATE_CLASS = "cert-manager.certificate.networking.knative.dev"
DEFAULT_DOMAIN_TEMPLATE = Template("{{.Name}}.{{.Namespace}}.{{.Domain}}")
DEFAULT_TAG_TEMPLATE = Template("{{.Tag}}-{{.Name}}")


class HTTPProtocol(StrEnum):
    """What plain HTTP does once there is a certificate."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    REDIRECTED = "redirected"


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """Every key that has a meaning here, with its default."""

    ingress_class: str = OUR_INGRESS_CLASS
    certificate_class: str = CERTIFICATE_CLASS
    domain_template: Template = DEFAULT_DOMAIN_TEMPLATE
    tag_template: Template = DEFAULT_TAG_TEMPLATE
    external_domain_tls: bool = False
    cluster_local_domain_tls: bool = False
    system_internal_tls: bool = False
    http_protocol: HTTPProtocol = HTTPProtocol.ENABLED
    rollout_duration_seconds: int = 0
    autocreate_cluster_domain_claims: bool = False
    default_external_scheme: str = "http"
    namespace_wildcard_selector: Selector | None = None
    """Namespaces that get one certificate for all their public hosts; None: none do."""


def parse_network(data: Mapping[str, str]) -> NetworkConfig:
    """Read the map; the dashed spelling of a key wins over the older one.

    Raises:
        ConfigError: A value cannot be read or a template makes no host name.
    """
    seconds = as_int(data, ("rolloutDuration", "rollout-duration"), 0)
    if seconds < 0:
        raise ConfigError(
            f"rollout-duration must be a positive integer, but was {seconds}",
            key="rollout-duration",
        )
    as_bool(data, ("enableMeshPodAddressability", "enable-mesh-pod-addressability"), False)
    return NetworkConfig(
        ingress_class=as_str(data, ("ingress.class", "ingress-class"), OUR_INGRESS_CLASS),
        certificate_class=as_str(
            data, ("certificate.class", "certificate-class"), CERTIFICATE_CLASS
        ),
        domain_template=_domain_template(data),
        tag_template=_tag_template(data),
        external_domain_tls=_enabled(data, "autoTLS", "auto-tls", "external-domain-tls"),
        cluster_local_domain_tls=_switch(data, "cluster-local-domain-tls", False),
        system_internal_tls=_switch(
            data, "system-internal-tls", as_bool(data, "internal-encryption", False)
        ),
        http_protocol=_http_protocol(data),
        rollout_duration_seconds=seconds,
        autocreate_cluster_domain_claims=as_bool(
            data, ("autocreateClusterDomainClaims", "autocreate-cluster-domain-claims"), False
        ),
        default_external_scheme=as_str(
            data, ("defaultExternalScheme", "default-external-scheme"), "http"
        ),
        namespace_wildcard_selector=_wildcard_selector(data),
    )


def _enabled(data: Mapping[str, str], *keys: str) -> bool:
    text = next((data[key] for key in reversed(keys) if key in data), "")
    return text.lower() == "enabled"


def _switch(data: Mapping[str, str], key: str, default: bool) -> bool:
    text = data.get(key, "").lower()
    if text == "enabled":
        return True
    if text in ("", "disabled"):
        return default
    raise ConfigError(
        f'{key} with value: "{data[key]}" in config-network ConfigMap is not supported', key=key
    )


def _wildcard_selector(data: Mapping[str, str]) -> Selector | None:
    """A label selector in YAML; an empty text selects nothing, ``{}`` everything."""
    key = "namespace-wildcard-cert-selector"
    text = data.get(key, data.get("namespaceWildcardCertSelector", ""))
    try:
        parsed: Any = yaml_value(text)
        if parsed is None:
            return None
        return LabelSelector.from_wire(dict(mapping_of(parsed, "it"))).to_selector()
    except ValidationError as err:
        faults = "; ".join(".".join(map(str, e["loc"])) + f": {e['msg']}" for e in err.errors())
        raise ConfigError(f"failed to parse {key}: {faults}", key=key) from err
    except (BadRequestError, TypeError, ValueError) as err:
        raise ConfigError(f"failed to parse {key}: {err}", key=key) from err


def _http_protocol(data: Mapping[str, str]) -> HTTPProtocol:
    text = data.get("http-protocol", data.get("httpProtocol", ""))
    try:
        return HTTPProtocol(text.lower() or "enabled")
    except ValueError as err:
        raise ConfigError(
            f"httpProtocol {text} in config-network ConfigMap is not supported",
            key="http-protocol",
        ) from err


def domain_values(
    name: str,
    namespace: str,
    domain: str,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
) -> dict[str, object]:
    """What a domain template may refer to."""
    return {
        "Name": name,
        "Namespace": namespace,
        "Domain": domain,
        "Labels": labels,
        "Annotations": annotations,
    }


def _domain_template(data: Mapping[str, str]) -> Template:
    key = "domain-template"
    text = as_str(data, ("domainTemplate", key), DEFAULT_DOMAIN_TEMPLATE.text)
    try:
        template = Template(text)
        host = template.render(domain_values("foo", "bar", "baz.com", {}, {}))
    except TemplateError as err:
        raise ConfigError(str(err), key=key) from err
    name, slash, path = host.partition("/")
    if slash:
        raise ConfigError(f"domain template has url path: /{path}", key=key)
    if not name.partition(":")[0]:
        raise ConfigError("empty hostname", key=key)
    return template


def _tag_template(data: Mapping[str, str]) -> Template:
    key = "tag-template"
    text = as_str(data, ("tagTemplate", key), DEFAULT_TAG_TEMPLATE.text)
    try:
        template = Template(text)
        template.render({"Name": "foo", "Tag": "v2"})
    except TemplateError as err:
        raise ConfigError(str(err), key=key) from err
    return template
