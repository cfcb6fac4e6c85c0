"""Images of tests: every name has one."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection

from wakeful.oci import Keychain, Progress, PullPolicy, RootfsPlan
from wakeful.oci.errors import ImageError, ImageNotFoundError
from wakeful.oci.store import ProgressCallback


class FakeImages:
    """An ``ImageProvider`` that has every image, but for those in ``errors``."""

    def __init__(self) -> None:
        self.errors: dict[str, ImageError] = {}
        self.asked: Counter[str] = Counter()
        self.held: dict[str, str] = {}
        self.remote: set[str] = set()
        """Images that are fetched first, which takes until they have ``arrived``."""
        self.arrived = asyncio.Event()

    def lack(self, image: str) -> None:
        """Do not have an image, for now."""
        self.errors[image] = ImageNotFoundError(image)

    async def provide(
        self,
        image: str,
        *,
        policy: PullPolicy = PullPolicy.IF_NOT_PRESENT,
        keychain: Keychain | None = None,
        progress: ProgressCallback | None = None,
        holder: str = "",
    ) -> RootfsPlan:
        """Return a plan that runs ``/app``."""
        del policy, keychain
        self.asked[image] += 1
        if image in self.remote and progress is not None:
            progress(Progress(image, 0, 0))
            await self.arrived.wait()
        if image in self.errors:
            raise self.errors[image]
        digest = f"sha256:{'0' * 64}"
        if holder:
            self.held[holder] = digest
        return RootfsPlan(image=image, digest=digest, rootfs=None, entrypoint=("/app",))

    def release(self, holder: str) -> None:
        """Let go."""
        self.held.pop(holder, None)

    def holders(self) -> Collection[str]:
        """Who holds images."""
        return list(self.held)
