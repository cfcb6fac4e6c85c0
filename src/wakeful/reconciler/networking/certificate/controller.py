"""What makes a Certificate worth looking at again: its Secret."""

from __future__ import annotations

from wakeful.aio import Clock, SystemClock
from wakeful.apis.core import Secret
from wakeful.apis.networking import CERTIFICATE_CONDITIONS, Certificate
from wakeful.controller import Controller, Manager
from wakeful.pki.authority import CertificateAuthority
from wakeful.reconciler.networking.certificate.reconciler import CertificateReconciler


def add_certificate_controller(
    manager: Manager, authority: CertificateAuthority, clock: Clock | None = None
) -> Controller[Certificate]:
    """Build the controller and have the manager run it; ``authority`` signs."""
    secrets = manager.informer(Secret)
    controller = Controller(
        "certificates.networking",
        manager.client,
        manager.informer(Certificate),
        CertificateReconciler(manager.client, secrets, authority, clock or SystemClock()),
        conditions=CERTIFICATE_CONDITIONS,
        recorder=manager.recorder,
    )
    controller.watch_owned(secrets)
    manager.add(controller)
    return controller
