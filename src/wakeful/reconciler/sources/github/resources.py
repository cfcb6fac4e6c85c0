"""Where GitHub is told to call, and the Ingress that leads from there to the receiver. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from wakeful.apimachinery.meta import ObjectMeta, owner_reference
from wakeful.apimachinery.names import child_name
from wakeful.apis.networking import (
    HTTPIngressPath,
    HTTPIngressRuleValue,
    Ingress,
    IngressBackendSplit,
    IngressRule,
    IngressSpec,
    IngressVisibility,
)
from wakeful.apis.serving import register as serving
from wakeful.apis.sources import GitHubSource, LegacyGitHubSource, register
from wakeful.reconciler.serving.route.hosts import HostNames

AnyGitHubSource = GitHubSource | LegacyGitHubSource

RECEIVER = "github-adapter"
"""The Service, in the system namespace, whose endpoint is the receiver."""
RECEIVER_PORT = 80


def receiver_name(source: AnyGitHubSource) -> str:
    """A name of the source's own, as if it had a Service ``NAME-xxxxx``: upstream's receiver."""
    return child_name(source.metadata.name, f"-{source.metadata.uid[:5]}")


def receiver_host(source: AnyGitHubSource, names: HostNames) -> str:
    """The host under which GitHub calls.

    Raises:
        DomainNameError: The domain template cannot be filled in.
    """
    meta = ObjectMeta(name=receiver_name(source), namespace=source.metadata.namespace)
    return names.host(meta, "", IngressVisibility.EXTERNAL_IP)


def webhook_url(url: str, *, secure: bool | None) -> str:
    """The receiver's URL with the scheme the source asks for."""
    if secure is None:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(scheme="https" if secure else "http"))


def make_receiver_ingress(source: AnyGitHubSource, host: str, names: HostNames) -> Ingress:
    """The way from the gateway to the receiver, which tells sources apart by host."""
    meta = source.metadata
    split = IngressBackendSplit(
        service_namespace=register.SYSTEM_NAMESPACE,
        service_name=RECEIVER,
        service_port=RECEIVER_PORT,
        percent=100,
    )
    rule = IngressRule(
        hosts=[host],
        visibility=str(IngressVisibility.EXTERNAL_IP),
        http=HTTPIngressRuleValue(paths=[HTTPIngressPath(splits=[split])]),
    )
    return Ingress(
        metadata=ObjectMeta(
            name=receiver_name(source),
            namespace=meta.namespace,
            labels={register.SOURCE_NAME_LABEL: meta.name[:63]},
            annotations={serving.INGRESS_CLASS.name: names.network.ingress_class},
            owner_references=[owner_reference(source)],
        ),
        spec=IngressSpec(rules=[rule]),
    )
