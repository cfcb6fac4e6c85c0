"""Events about an image that is on its way, in the kubelet's words; none about one that is here."""

from __future__ import annotations

from wakeful.aio import Clock
from wakeful.node.statuswriter import Report
from wakeful.oci import Progress


class PullEvents:
    """Tells of the beginning and the end of one transfer, if there is one."""

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
