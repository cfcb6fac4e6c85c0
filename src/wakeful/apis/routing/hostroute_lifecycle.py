"""How a HostRoute's status comes to be: the conditions of a DomainMapping, for several hosts."""

from __future__ import annotations

from wakeful.apimachinery.conditions import ConditionManager, ConditionSet
from wakeful.apis.serving.certificate_lifecycle import CERTIFICATE_PROVISIONED
from wakeful.apis.serving.published_lifecycle import (
    DOMAIN_CLAIMED,
    INGRESS_READY,
    REFERENCE_RESOLVED,
    PublishedStatus,
)

HOSTROUTE_CONDITIONS = ConditionSet.living(
    CERTIFICATE_PROVISIONED, DOMAIN_CLAIMED, INGRESS_READY, REFERENCE_RESOLVED
)


class HostRouteStatus(PublishedStatus):
    """Where it is reached: at the first host."""

    url: str = ""

    @property
    def _manager(self) -> ConditionManager:
        return HOSTROUTE_CONDITIONS.manage(self)
