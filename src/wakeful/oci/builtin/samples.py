"""The sample services that Knative's guides deploy, under the names those give them."""

from __future__ import annotations

from wakeful.oci.builtin.model import BuiltinImage, Program

_PATH = "/ko-app/sample"
_PROGRAM = Program.packaged("wakeful.oci.builtin.programs", "serving_samples.py")


def _sample(name: str, argument: str, description: str, *more: str) -> BuiltinImage:
    return BuiltinImage(
        name=name,
        description=f"a small program that {description}",
        patterns=(name, f"*knative*/{name}", *more),
        entrypoint=(_PATH, argument),
        ports=(8080,),
        contents={_PATH: _PROGRAM},
        even_if_refused=True,
    )


SERVING_SAMPLES = (
    _sample("helloworld-go", "hello", "greets $TARGET", "*knative*/helloworld-*"),
    _sample("rest-api-go", "rest-api", "tells the version in $RESOURCE"),
    _sample("autoscale-go", "autoscale", "takes memory, processor and time as its query asks"),
    _sample("websocket-chat", "chat", "lets browsers chat over WebSockets"),
)
