"""Image references, read the way Docker and go-containerregistry read them."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field

from wakeful.oci.errors import InvalidReferenceError

DEFAULT_REGISTRY = "index.docker.io"
DEFAULT_TAG = "latest"

_ALIASES = {"": DEFAULT_REGISTRY, "docker.io": DEFAULT_REGISTRY}
_REPOSITORY_CHARS = "abcdefghijklmnopqrstuvwxyz0123456789_-./"
_TAG_CHARS = "abcdefghijklmnopqrstuvwxyz0123456789_-.ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_AUTHORITY = re.compile(
    r"""(\[[0-9A-Fa-f:.]+(%25[\w.~-]+)?\]|[A-Za-z0-9\-_.~!$&'()*+,;=<>"\x80-\U0010ffff]*)(:[0-9]*)?"""
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PRIVATE = [
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15")
]
"""The last are those of Services and Pods here, which are nowhere on the Internet."""
_LOOPBACK = re.compile(r"(.*\.local(host)?|127\.0\.0\.1|\[::1\])(:\d{1,5})?|::1|localhost(:\d+)?")


@dataclass(frozen=True, slots=True)
class Reference:
    """A place in a registry: a repository and either a tag or a digest in it.

    A reference that is written with both is one by digest, as upstream has it.
    """

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None
    original: str = field(default="", compare=False)

    @property
    def context(self) -> str:
        """Registry and repository, without tag or digest."""
        return f"{self.registry}/{self.repository}"

    @property
    def identifier(self) -> str:
        """The tag or the digest, whichever this reference is by."""
        return self.digest or self.tag or DEFAULT_TAG

    @property
    def name(self) -> str:
        """The whole name, nothing left to defaults."""
        return f"{self.context}{'@' if self.digest else ':'}{self.identifier}"

    @property
    def familiar_repository(self) -> str:
        """The repository as people write it, without what Docker fills in by itself."""
        if self.registry != DEFAULT_REGISTRY:
            return self.context
        return self.repository.removeprefix("library/")

    @property
    def familiar(self) -> str:
        """The name as people write it: ``hello:latest``."""
        return f"{self.familiar_repository}{'@' if self.digest else ':'}{self.identifier}"

    @property
    def scheme(self) -> str:
        """``http`` for registries on this machine or a private network, else ``https``."""
        if _LOOPBACK.fullmatch(self.registry):
            return "http"
        host = self.registry.partition(":")[0]
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return "https"
        return "http" if any(address in network for network in _PRIVATE) else "https"

    def with_digest(self, digest: str) -> Reference:
        """The same repository, by ``digest``."""
        return Reference(self.registry, self.repository, digest=digest)

    def __str__(self) -> str:
        return self.name


def is_digest(text: str) -> bool:
    """Whether ``text`` is a whole sha256 digest."""
    return _DIGEST.fullmatch(text) is not None


def parse_reference(text: str) -> Reference:
    """Read an image reference; what is left out takes Docker's defaults.

    Raises:
        InvalidReferenceError: With upstream's words, ``could not parse reference: …``.
    """
    reference = _parse_tag(text) or _parse_digest(text)
    if reference is None:
        raise InvalidReferenceError(text)
    return reference


def _parse_tag(text: str) -> Reference | None:
    base, colon, tag = text.rpartition(":")
    if not colon or "/" in tag:  # the colon, if any, belongs to a port
        base, tag = text, DEFAULT_TAG
    if not _check(tag, _TAG_CHARS, 128):
        return None
    where = _parse_repository(base)
    return where and Reference(*where, tag=tag, original=text)


def _parse_digest(text: str) -> Reference | None:
    base, _, digest = text.partition("@")
    if not is_digest(digest):
        return None
    tagged = _parse_tag(base)  # a tag beside a digest is read and dropped
    where = (tagged.registry, tagged.repository) if tagged else _parse_repository(base)
    return where and Reference(*where, digest=digest, original=text)


def _parse_repository(text: str) -> tuple[str, str] | None:
    head, slash, rest = text.partition("/")
    registry, repository = "", text
    if slash and (head == "localhost" or "." in head or ":" in head):
        registry, repository = head, rest
    if not _check(repository, _REPOSITORY_CHARS, 255) or not _AUTHORITY.fullmatch(registry):
        return None
    registry = _ALIASES.get(registry, registry)
    if registry == DEFAULT_REGISTRY and "/" not in repository:
        repository = f"library/{repository}"
    return registry, repository


def _check(element: str, allowed: str, longest: int) -> bool:
    return (
        1 <= len(element) <= longest and not element.strip(allowed) and set(element) <= set(allowed)
    )
