"""Where GitHub is told to call, and the Ingress that leads from there to the receiver. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit, urlunsplit

from wakeful.apimachinery.meta import NamespacedName, ObjectMeta
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
_NAMESPACE_LABEL = "sources.knative.dev/sourceNamespace"
_SOURCE_ANNOTATION = "sources.knative.dev/source"


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
    """The way from the gateway to the receiver, which tells sources apart by host.

    It is beside the receiver, as an Ingress leads to Services of its own namespace only.
    """
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
            name=ingress_name(source),
            namespace=register.SYSTEM_NAMESPACE,
            labels={register.SOURCE_NAME_LABEL: meta.name[:63], _NAMESPACE_LABEL: meta.namespace},
            annotations={
                serving.INGRESS_CLASS.name: names.network.ingress_class,
                _SOURCE_ANNOTATION: str(source.key),
            },
        ),
        spec=IngressSpec(rules=[rule]),
    )


def ingress_name(source: AnyGitHubSource) -> str:
    """Unique in the system namespace."""
    meta = source.metadata
    return child_name(f"github-{meta.namespace}-{meta.name}", f"-{meta.uid[:8]}")


def source_of(ingress: Ingress) -> Iterable[NamespacedName]:
    """The source an Ingress was made for: it cannot own what is in another namespace."""
    namespace, slash, name = ingress.metadata.annotations.get(_SOURCE_ANNOTATION, "").partition("/")
    return (NamespacedName(namespace, name),) if slash else ()
