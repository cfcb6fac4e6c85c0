"""How a DomainMapping's status comes to be."""

from __future__ import annotations

from wakeful.apimachinery.conditions import ConditionManager, ConditionSet
from wakeful.apis.duck import Addressable
from wakeful.apis.serving.certificate_lifecycle import CERTIFICATE_PROVISIONED
from wakeful.apis.serving.published_lifecycle import (
    DOMAIN_CLAIMED,
    INGRESS_READY,
    REFERENCE_RESOLVED,
    PublishedStatus,
)

DOMAINMAPPING_CONDITIONS = ConditionSet.living(
    CERTIFICATE_PROVISIONED, DOMAIN_CLAIMED, INGRESS_READY, REFERENCE_RESOLVED
)


class DomainMappingStatus(PublishedStatus):
    """Where it is reached."""

    url: str = ""
    address: Addressable | None = None

    @property
    def _manager(self) -> ConditionManager:
        return DOMAINMAPPING_CONDITIONS.manage(self)
