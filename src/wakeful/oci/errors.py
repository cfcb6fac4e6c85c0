"""What can be wrong with images.

::

    WakefulError
     └ ImageError
        ├ InvalidReferenceError    the name cannot be read
        ├ ImageNotFoundError       neither here nor in the registry
        ├ RegistryError
        │   ├ UnauthorizedError    the registry wants other credentials
        │   └ RegistryUnavailableError   it could not be reached, or failed; try again
        ├ ImageNotPresentError     not here, and pulling was forbidden
        ├ InvalidImageError        its content contradicts itself or breaks the format
        └ BuildError               the source cannot be made into an image
"""

from __future__ import annotations

from wakeful.apimachinery.errors import WakefulError


class ImageError(WakefulError):
    """Anything that is wrong with an image or on the way to it."""


class InvalidReferenceError(ImageError):
    """An image name that cannot be read."""

    def __init__(self, text: str) -> None:
        super().__init__(f"could not parse reference: {text}")
        self.text = text


class ImageNotFoundError(ImageError):
    """No such repository, tag or digest where it was looked for."""

    def __init__(self, image: str, *, where: str = "the local image store") -> None:
        super().__init__(f"image {image!r}: not found in {where}")
        self.image, self.where = image, where


class ImageNotPresentError(ImageError):
    """The image is not in the local store, and its pull policy forbids fetching it."""

    def __init__(self, image: str) -> None:
        super().__init__(f'Container image "{image}" is not present with pull policy of Never')
        self.image = image


class RegistryError(ImageError):
    """A registry did not do what was asked."""

    def __init__(self, image: str, problem: str, *, status: int | None = None) -> None:
        super().__init__(f"image {image!r}: {problem}")
        self.image, self.problem, self.status = image, problem, status


class UnauthorizedError(RegistryError):
    """The registry refuses these credentials, or wants some."""


class RegistryUnavailableError(RegistryError):
    """The registry cannot be reached, is overloaded or answers nonsense; worth trying again."""


class InvalidImageError(ImageError):
    """Content that contradicts its digest, breaks the format or would escape its directory."""

    def __init__(self, subject: str, problem: str) -> None:
        super().__init__(f"{subject}: {problem}")
        self.subject, self.problem = subject, problem


class BuildError(ImageError):
    """The source cannot be made into an image; the message says what to do."""

    def __init__(self, source: str, problem: str, *, output: str = "") -> None:
        super().__init__(f"{source}: {problem}")
        self.source, self.problem, self.output = source, problem, output
