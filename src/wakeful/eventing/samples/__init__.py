"""Example programs of the book and of Knative's documentation, as images the platform brings along.

The programs run inside of sandboxes, on the host's Python and nothing but its standard library; so
they know nothing of the rest of the platform, read events by themselves and load little, to start
fast. :mod:`wakeful.eventing.samples.images` names the images that they stand in for.
"""
