"""Layers and a configuration to an image in the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from wakeful.oci.build.workbench import Layer
from wakeful.oci.image import LABEL_BUILDER, LABEL_HOST_PATHS, LABEL_ROOTFS
from wakeful.oci.manifest import OCI_CONFIG, OCI_MANIFEST, Descriptor, Platform
from wakeful.oci.reference import Reference
from wakeful.oci.store import ImageStore


def write_host_image(
    config: Mapping[str, Any],
    layers: Sequence[Layer],
    name: Reference,
    store: ImageStore,
    *,
    builder: str,
    host_paths: Sequence[str] = (),
) -> str:
    """Store an image that runs on the host's root file system; return its digest.

    ``config`` is the part of the image's configuration that says how to run it. ``host_paths`` are
    directories of this machine that it needs and a sandbox might hide.
    """
    platform = Platform.of_this_machine()
    labels = {**config.get("Labels", {}), LABEL_ROOTFS: "host", LABEL_BUILDER: builder}
    if host_paths:
        labels[LABEL_HOST_PATHS] = ":".join(host_paths)
        for path in host_paths:
            store.allow_host_path(path)
    wire = orjson.dumps(
        {
            "architecture": platform.architecture,
            "os": platform.os,
            "config": {**config, "Labels": labels},
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        }
    )
    manifest = orjson.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": Descriptor(OCI_CONFIG, store.write_blob(wire), len(wire)).to_json(),
            "layers": [layer.blob.to_json() for layer in layers],
        }
    )
    target = Descriptor(OCI_MANIFEST, store.write_blob(manifest), len(manifest))
    return store.add_image(target, name)
