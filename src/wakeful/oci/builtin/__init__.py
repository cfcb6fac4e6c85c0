"""Images that the platform brings along: stand-ins for well-known ones that cannot be had.

A stand-in is an ordinary image in the local store, a few files on the host's root file system. It
is made when it is first asked for, and has the same digest wherever the same version made it. An
image of that name that was built, loaded or pulled here always wins.

Not for running them, and not for the programs of layers above: those offer entries of their own,
and whoever wires the platform puts the catalogue together.
"""

from wakeful.oci.builtin.model import BuiltinImage, Catalog, Program
from wakeful.oci.builtin.samples import SERVING_SAMPLES
from wakeful.oci.builtin.shells import LANGUAGES, SHELLS
from wakeful.oci.builtin.standins import StandIns
from wakeful.oci.builtin.tools import TOOLS

USUAL: tuple[BuiltinImage, ...] = (*SHELLS, *LANGUAGES, *TOOLS, *SERVING_SAMPLES)
"""What every platform has."""

__all__ = [
    "LANGUAGES",
    "SERVING_SAMPLES",
    "SHELLS",
    "TOOLS",
    "USUAL",
    "BuiltinImage",
    "Catalog",
    "Program",
    "StandIns",
]
