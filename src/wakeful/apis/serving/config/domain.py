"""``config-domain``: under which domain a Route is published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wakeful.apimachinery.decoding import yaml_value
from wakeful.apimachinery.names import dns_subdomain_faults
from wakeful.apis.serving.config.parse import ConfigError, mapping_of
from wakeful.apis.serving.register import CLUSTER_LOCAL, LEGACY_VISIBILITY, LOCAL_DOMAIN, VISIBILITY

FALLBACK_DOMAIN = "localhost"
"""Used when the map names no default: opens in a browser and with curl, offline."""


@dataclass(frozen=True, slots=True)
class DomainConfig:
    """Domains and the labels a Route must carry for each."""

    selectors: Mapping[str, Mapping[str, str]] = field(
        default_factory=lambda: {FALLBACK_DOMAIN: {}}
    )
    wildcards: frozenset[str] = frozenset((FALLBACK_DOMAIN,))
    """Domains for which a namespace may have one certificate."""

    def lookup(self, labels: Mapping[str, str]) -> str:
        """The domain of a Route with these labels.

        All labels of a selector must match; more labels win; ties go to the smaller name.
        """
        if is_cluster_local(labels):
            return LOCAL_DOMAIN
        matches = [
            (-len(selector), domain)
            for domain, selector in self.selectors.items()
            if all(labels.get(key) == value for key, value in selector.items())
        ]
        return min(matches)[1] if matches else FALLBACK_DOMAIN


def is_cluster_local(labels: Mapping[str, str]) -> bool:
    """Whether labels ask to be reachable from inside only; the 2019 key counts too."""
    value = labels.get(VISIBILITY, labels.get(LEGACY_VISIBILITY))
    return value == CLUSTER_LOCAL


def parse_domain(data: Mapping[str, str]) -> DomainConfig:
    """Read the map.

    Raises:
        ConfigError: A key is no domain name, which would make every Route that gets it fail; or an
            entry is not empty and not YAML with a ``selector``.
    """
    selectors: dict[str, Mapping[str, str]] = {}
    wildcards: set[str] = set()
    for domain, text in data.items():
        if domain == "_example":
            continue
        if faults := dns_subdomain_faults(domain):
            raise ConfigError(f'invalid domain "{domain}": {"; ".join(faults)}', key=domain)
        selector, kind = _entry(domain, text)
        selectors[domain] = selector
        if not selector or kind == "wildcard":
            wildcards.add(domain)
    if all(selectors.values()):
        selectors[FALLBACK_DOMAIN] = {}
        wildcards.add(FALLBACK_DOMAIN)
    return DomainConfig(selectors, frozenset(wildcards))


def _entry(domain: str, text: str) -> tuple[dict[str, str], str]:
    try:
        parsed = mapping_of(yaml_value(text), "the value")
        selector = mapping_of(parsed.get("selector"), "selector")
        return {str(k): str(v) for k, v in selector.items()}, str(parsed.get("type", ""))
    except ValueError as err:
        raise ConfigError(f'failed to parse domain "{domain}": {err}', key=domain) from err
