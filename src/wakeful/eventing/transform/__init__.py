"""What runs the expressions of EventTransforms: a program in a sandbox, and the image it is in.

Expressions are programs of users, so they get a process, an instance and limits of their own.
"""
