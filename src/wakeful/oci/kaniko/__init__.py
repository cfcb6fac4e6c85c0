"""The stand-in for kaniko: its command line over the platform's own builder.

Two halves. The executor runs in the sandbox of a pipeline's step and builds there, so that what a
source does stays in the step. The entrance runs in the control plane: it takes the finished image
into the local store and pushes it, and nothing else of the platform can be reached through it.
"""
