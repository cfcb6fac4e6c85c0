"""The command line: for people without kubectl, and for what kubectl cannot do.

Speaks HTTP through ``wakeful.client`` like everybody else. Starting and stopping processes is
``wakeful.cmd``'s.
"""
