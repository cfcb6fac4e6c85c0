"""To whom hosts of one's own may lead. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from wakeful.apimachinery.errors import WakefulError
from wakeful.apis.serving import register

ORIGINAL_HOST = "K-Original-Host"
"""Tells the gateway which host the program should see instead of the one it is led by."""


class UnmappableError(WakefulError):
    """An address that no domain can stand for; worded for the status."""


@dataclass(frozen=True, slots=True)
class Target:
    """A Service of the same namespace."""

    name: str
    namespace: str
    host: str


def parse_target(url: str, namespace: str) -> Target:
    """Find the Service in an address such as ``http://hello.default.svc.cluster.local``.

    Raises:
        UnmappableError: It is no Service, is elsewhere, or there is a path below it.
    """
    parts = urlsplit(url)
    if parts.path.removesuffix("/"):
        raise UnmappableError(f'resolved URI "{url}" contains a path')
    labels = parts.netloc.split(".")
    if len(labels) < 3 or labels[2] != "svc":
        raise UnmappableError(
            f'resolved URI "{url}" must be of the form'
            f" {{name}}.{{namespace}}.svc.{register.CLUSTER_DOMAIN}"
        )
    if labels[1] != namespace:
        raise UnmappableError(f'resolved URI "{url}" must be in same namespace as DomainMapping')
    return Target(labels[0], labels[1], parts.netloc)
