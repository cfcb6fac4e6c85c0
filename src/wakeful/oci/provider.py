"""What the node agent asks for: an image by the rules of a container's ``imagePullPolicy``."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from wakeful.oci.credentials import Keychain
from wakeful.oci.image import RootfsPlan
from wakeful.oci.store import ProgressCallback


class PullPolicy(StrEnum):
    """``imagePullPolicy`` of a container."""

    ALWAYS = "Always"
    IF_NOT_PRESENT = "IfNotPresent"
    NEVER = "Never"


class ImageProvider(Protocol):
    """Brings images to this machine, ready to run."""

    async def provide(
        self,
        image: str,
        *,
        policy: PullPolicy = PullPolicy.IF_NOT_PRESENT,
        keychain: Keychain | None = None,
        progress: ProgressCallback | None = None,
    ) -> RootfsPlan:
        """Return how to run ``image``, fetching and unpacking it first when needed.

        Callers that ask for the same image at the same time share one transfer.

        Raises:
            InvalidReferenceError: The kubelet's ``InvalidImageName``.
            ImageNotPresentError: ``ErrImageNeverPull``.
            ImageError: Any other; ``ErrImagePull``, then ``ImagePullBackOff``.
        """
        ...
