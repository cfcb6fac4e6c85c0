"""The image of a container, and what is told of it in the kubelet's words."""

from __future__ import annotations

from functools import partial

from wakeful.aio import Clock
from wakeful.apis.core.pod_types import Container, Pod
from wakeful.node.context import NodeContext
from wakeful.node.materials import Materials
from wakeful.node.plan import pull_policy
from wakeful.node.statuswriter import Report
from wakeful.oci import Progress, PullPolicy, RootfsPlan
from wakeful.oci.errors import (
    ImageError,
    ImageNotFoundError,
    ImageNotPresentError,
    InvalidReferenceError,
)


class PullEvents:
    """Tells of the beginning and the end of one transfer; nothing of an image that is here."""

    def __init__(self, image: str, report: Report, clock: Clock) -> None:
        self._image, self._report, self._clock = image, report, clock
        self._since: float | None = None

    def progress(self, _progress: Progress) -> None:
        """A registry was asked for it, or some of it has come."""
        if self._since is None:
            self._since = self._clock.monotonic()
            self._tell("Pulling", f'Pulling image "{self._image}"')

    def end(self) -> None:
        """It is here, all of it."""
        if self._since is not None:
            seconds = self._clock.monotonic() - self._since
            self._tell("Pulled", f'Successfully pulled image "{self._image}" in {seconds:.3g}s')

    def _tell(self, reason: str, message: str) -> None:
        self._report.normal(reason, message)
        self._report.changed(urgent=False)  # what has it told


class ImageFinder:
    """Finds the image for each run of one container."""

    def __init__(
        self,
        node: NodeContext,
        pod: Pod,
        container: Container,
        materials: Materials,
        report: Report,
    ) -> None:
        self._node, self._pod, self._container = node, pod, container
        self._materials, self._report = materials, report

    async def find(self, used: str) -> RootfsPlan:
        """Return how to run it; ``used`` names what the last run used, or is empty.

        Raises:
            ImageError: It cannot be had; see :func:`pull_reasons`.
        """
        image = self._container.image
        pulling = PullEvents(image, self._report, self._node.clock)
        provide = partial(
            self._node.images.provide,
            keychain=await self._materials.keychain(),
            holder=self._node.image_holder(self._pod.metadata.uid, self._container.name),
            progress=pulling.progress,
        )
        try:
            plan = await provide(image, policy=pull_policy(self._container))
        except ImageNotFoundError:
            if not used:
                raise
            # Its name was removed, but what the last run used was kept for it.
            return await provide(used, policy=PullPolicy.NEVER)
        pulling.end()
        return plan


def pull_reasons(err: ImageError) -> tuple[str, str]:
    """The reasons for waiting right after ``err``, and while the next attempt is put off."""
    if isinstance(err, InvalidReferenceError):
        return "InvalidImageName", "InvalidImageName"
    if isinstance(err, ImageNotPresentError):
        return "ErrImageNeverPull", "ErrImageNeverPull"
    return "ErrImagePull", "ImagePullBackOff"
