"""A small controller: watches Knative Services and logs what it sees, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio

from wakeful.sdk import (
    Client,
    Configuration,
    ControllerRunner,
    LeaderElection,
    Lister,
    NamespacedName,
    Reconciler,
    Revision,
    Route,
    Service,
    configure_logging,
    current_logger,
    parse_selector,
    run_until_signal,
)


class ServiceReconciler(Reconciler[Service]):
    """Looks at a Service and at what belongs to it; everything is read from caches."""

    def __init__(self, routes: Lister[Route], revisions: Lister[Revision]) -> None:
        self._routes, self._revisions = routes, revisions

    async def reconcile_kind(self, service: Service) -> None:
        logger = current_logger()
        logger.info("Reconcile: %s", service.key)

        route = self._routes.get(service.metadata.name, service.metadata.namespace)
        logger.info("service: %s route: %s", service.key, route.key if route else "<none>")

        mine = parse_selector(f"serving.knative.dev/service={service.metadata.name}")
        revisions = self._revisions.list(service.metadata.namespace, mine)
        logger.info("service: %s revisions: %d", service.key, len(revisions))
        for revision in revisions:
            logger.info("service: %s revision: %s", service.key, revision.key)

    async def observe_deletion(self, key: NamespacedName) -> None:
        current_logger().info('service "%s" in work queue no longer exists', key)


async def main(options: argparse.Namespace) -> None:
    election = LeaderElection("sdk-controller") if options.leader_election else None
    async with Client.connect(options.kubeconfig) as client:
        runner = ControllerRunner(client, name="sdk-controller", leader_election=election)
        reconciler = ServiceReconciler(runner.informer(Route), runner.informer(Revision))
        runner.add(Service, reconciler, owns=[Configuration, Route])
        await runner.run()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kubeconfig", help="by default, as kubectl finds it")
    parser.add_argument("--leader-election", action="store_true", help="one of several replicas")
    arguments = parser.parse_args()
    configure_logging()
    asyncio.run(run_until_signal(main(arguments)))
    current_logger().info("Stopped.")
