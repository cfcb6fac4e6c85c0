"""Host names and URLs of a Route and its tags. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from wakeful.apimachinery.errors import WakefulError
from wakeful.apimachinery.meta import ObjectMeta
from wakeful.apis.core import Service as KubeService
from wakeful.apis.networking import IngressVisibility
from wakeful.apis.serving import register
from wakeful.apis.serving.config import DomainConfig, NetworkConfig
from wakeful.apis.serving.config.domain import is_cluster_local
from wakeful.apis.serving.config.gotemplate import Template, TemplateError
from wakeful.apis.serving.config.network import DEFAULT_DOMAIN_TEMPLATE, domain_values
from wakeful.apis.serving.domainmapping_validation import domain_fault


class DomainNameError(WakefulError):
    """The templates make no usable host name of a Route; worded for its status."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"domain name error: {problem}")


@dataclass(frozen=True, slots=True)
class GatewayAddress:
    """The ports under which people reach the gateway; the usual ones are left out of URLs."""

    http_port: int = 80
    https_port: int = 443

    def url(self, scheme: str, host: str) -> str:
        """``http://host:8080``, or without the port where browsers know it."""
        port, usual = (self.https_port, 443) if scheme == "https" else (self.http_port, 80)
        return f"{scheme}://{host}" if port == usual else f"{scheme}://{host}:{port}"


@dataclass(frozen=True, slots=True)
class HostNames:
    """How hosts are named at present."""

    domain: DomainConfig = field(default_factory=DomainConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    gateway: GatewayAddress = field(default_factory=GatewayAddress)

    def hostname(self, route: str, tag: str) -> str:
        """First part of the host: the Route's name, or what the tag template makes of it.

        Raises:
            DomainNameError: The template cannot be filled in.
        """
        if not tag:
            return route
        return _render(self.network.tag_template, {"Name": route, "Tag": tag}, "TagTemplate")

    def host(self, route: ObjectMeta, tag: str, visibility: IngressVisibility) -> str:
        """The host of a target, seen from inside or from outside.

        Raises:
            DomainNameError: The template makes no domain name.
        """
        hostname = self.hostname(route.name, tag)
        if visibility is IngressVisibility.CLUSTER_LOCAL:
            template, domain = DEFAULT_DOMAIN_TEMPLATE, register.LOCAL_DOMAIN
        else:
            template, domain = self.network.domain_template, self.domain.lookup(route.labels)
        values = domain_values(hostname, route.namespace, domain, route.labels, route.annotations)
        host = _render(template, values, "DomainTemplate")
        if fault := domain_fault(host):
            raise DomainNameError(f'invalid domain name "{host}": url: {fault}')
        return host

    def url(self, route: ObjectMeta, tag: str, visibility: IngressVisibility) -> str:
        """Where a target is reached."""
        host = self.host(route, tag, visibility)
        if visibility is IngressVisibility.CLUSTER_LOCAL:
            return f"http://{host}"
        return self.gateway.url(self.network.default_external_scheme, host)

    def visibilities(
        self, route: ObjectMeta, tags: Collection[str], placeholders: Mapping[str, KubeService]
    ) -> dict[str, IngressVisibility]:
        """From where each target can be reached: the narrowest of what anything asks for.

        The Route's labels and domain speak for all targets, a placeholder Service for its own.
        """
        local, public = IngressVisibility.CLUSTER_LOCAL, IngressVisibility.EXTERNAL_IP
        if self.domain.lookup(route.labels) == register.LOCAL_DOMAIN:
            return dict.fromkeys(tags, local)
        found: dict[str, IngressVisibility] = {}
        for tag in tags:
            placeholder = placeholders.get(self.hostname(route.name, tag))
            private = placeholder is not None and is_cluster_local(placeholder.metadata.labels)
            found[tag] = local if private else public
        return found


def internal_host(route: ObjectMeta) -> str:
    """``<route>.<namespace>.svc.cluster.local``."""
    return f"{route.name}.{route.namespace}.{register.LOCAL_DOMAIN}"


def expand_local(host: str) -> list[str]:
    """The shorter names a cluster-local host goes by, sorted."""
    names = {host}
    for suffix in (f".{register.LOCAL_DOMAIN}", f".{register.CLUSTER_DOMAIN}"):
        if host.endswith(suffix):
            names.add(host.removesuffix(suffix))
    return sorted(name for name in names if not name.rpartition(".")[2].isdigit())


def _render(template: Template, values: Mapping[str, object], what: str) -> str:
    try:
        return template.render(values)
    except TemplateError as err:
        raise DomainNameError(f"error executing the {what}: {err}") from err
