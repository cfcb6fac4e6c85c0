"""Images from source directories, without Docker.

Not for running tools the user has not installed: what a language needs is looked for on this
machine, and when it is missing the error says what to install.
"""

from wakeful.oci.build.builder import BuiltImage, build, describe_builders
from wakeful.oci.build.model import BuildStep, StepCallback, StepState

__all__ = ["BuildStep", "BuiltImage", "StepCallback", "StepState", "build", "describe_builders"]
