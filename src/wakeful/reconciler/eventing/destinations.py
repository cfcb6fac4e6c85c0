"""From a destination to a URL: upstream's rules and words."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin, urlsplit

from pydantic import ValidationError

from wakeful.apimachinery.meta import NamespacedName, Object
from wakeful.apis.duck import Addressable, AddressStatus, Destination, KReference
from wakeful.apis.serving.register import LOCAL_DOMAIN
from wakeful.controller import Controller, Manager
from wakeful.reconciler.eventing.references import Found, References, UnresolvedError


class DestinationResolver:
    """Knows the addresses of objects, and has the referrer reconciled when one changes.

    One for each controller: :meth:`connect` it before the manager runs, :meth:`forget` an object
    before its destinations are resolved anew and when it is gone.
    """

    def __init__(self, manager: Manager) -> None:
        self.references = References(manager)

    def connect(self, controller: Controller[Any]) -> None:
        """Say whose objects these are."""
        self.references.connect(controller)

    def forget(self, referrer: NamespacedName) -> None:
        """The referrer is gone, or is about to say anew what it refers to."""
        self.references.forget(referrer)

    async def resolve(self, destination: Destination, referrer: Object) -> Addressable:
        """Where ``destination`` is, seen from ``referrer``.

        Raises:
            UnresolvedError: Nobody knows; the text says why.
        """
        ref, uri = destination.ref, destination.uri
        if ref is not None:
            found = await self._resolve_reference(ref, destination, referrer)
            return found.model_copy(update={"url": _below(found.url, uri)}) if uri else found
        if not uri:
            raise UnresolvedError("destination missing Ref and URI, expected at least one")
        if not _is_absolute(uri):
            raise UnresolvedError(
                f'URI is not absolute (both scheme and host should be non-empty): "{uri}"'
            )
        return Addressable(url=uri, ca_certs=destination.ca_certs, audience=destination.audience)

    async def _resolve_reference(
        self, ref: KReference, destination: Destination, referrer: Object
    ) -> Addressable:
        key = ref.key_in(referrer.metadata.namespace)
        found = await self.references.read(ref.gvk, key, referrer.key)
        if found is None:
            kind = f"{ref.kind}.{ref.gvk.group}" if ref.gvk.group else ref.kind
            raise UnresolvedError(f'failed to get object {key}: {kind} "{key.name}" not found')
        if found.gvk.group == "" and found.gvk.kind == "Service":
            scheme = "https" if destination.ca_certs else "http"
            address = Addressable(
                name=ref.address, url=f"{scheme}://{key.name}.{key.namespace}.{LOCAL_DOMAIN}"
            )
        else:
            address = select_address(found, ref, key)
        return address.model_copy(
            update={
                "ca_certs": destination.ca_certs or address.ca_certs,
                "audience": destination.audience or address.audience,
            }
        )


def select_address(found: Found, ref: KReference, key: NamespacedName) -> Addressable:
    """Choose among the addresses of an object: the one that is named, else the first.

    Raises:
        UnresolvedError: It has none, or none that can be used.
    """
    what = f"{ref.kind} {key}"
    try:
        status = AddressStatus.from_wire(found.status)
    except ValidationError as err:
        raise UnresolvedError(f"address of {what} cannot be read") from err
    if status.address is None and not status.addresses:
        raise UnresolvedError(f"address not set for {what}")
    if ref.address:
        named = (a for a in status.addresses if a.name == ref.address)
        address = next(named, None)
        if address is None:
            raise UnresolvedError(f'address with name "{ref.address}" not found for {what}')
    else:
        address = status.addresses[0] if status.addresses else status.address
    assert address is not None
    if not address.url and address.hostname:
        address = address.model_copy(update={"url": f"http://{address.hostname}"})
    if not address.url:
        raise UnresolvedError(f"URL missing in address of {what}")
    if not _is_absolute(address.url):
        raise UnresolvedError(f"hostname missing in address of {what}")
    return address


def _is_absolute(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    return bool(parts.scheme and parts.hostname)


def _below(base: str, uri: str) -> str:
    if _is_absolute(uri) or urlsplit(uri).scheme:
        raise UnresolvedError(
            "absolute URI is not allowed when Ref or [apiVersion, kind, name] exists"
        )
    return urljoin(base if urlsplit(base).path else f"{base}/", uri)
