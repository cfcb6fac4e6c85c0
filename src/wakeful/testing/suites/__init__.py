"""Behaviour shared by every implementation of a protocol, to be inherited by test classes."""
