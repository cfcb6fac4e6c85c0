"""Which ports get a number of their own, and which."""

from __future__ import annotations

from wakeful.apis.core import Pod
from wakeful.apis.core.pod_ports import PORTS_ANNOTATION, actual_ports
from wakeful.node.ports import PortTable, WantedPort, render_ports, wanted_ports


def test_what_a_pod_declares() -> None:
    pod = Pod.from_wire(
        {
            "spec": {
                "containers": [
                    {
                        "name": "a",
                        "env": [{"name": "PORT", "value": "9000"}],
                        "ports": [{"containerPort": 1}],
                    },
                    {"name": "b", "ports": [{"containerPort": 80}, {"containerPort": 81}]},
                    {"name": "c"},
                ]
            }
        }
    )

    assert wanted_ports(pod) == [WantedPort(9000, True), WantedPort(80, False)]


def test_restored_ports_stay_and_are_nobody_elses() -> None:
    table = PortTable()
    table.restore("old", {8080: 41234})

    assert table.assign("old", [WantedPort(8080, True)]) == {8080: 41234}
    table.release("old")
    assert table.of("old") == {}


def test_annotation_is_what_others_read() -> None:
    pod = Pod.from_wire(
        {"metadata": {"annotations": {PORTS_ANNOTATION: render_ports({8080: 4, 80: 5})}}}
    )

    assert actual_ports(pod) == {8080: 4, 80: 5}
