"""Behaviour of the kinds: a folder for each, under its group.

``controller.py`` says what to watch, ``reconciler.py`` what to do, ``resources.py`` what children
should look like. The runtime that drives them is ``wakeful.controller``.
"""
