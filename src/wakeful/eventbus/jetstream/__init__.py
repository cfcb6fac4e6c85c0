"""The event bus on NATS JetStream, embedded or the user's own.

Exports nothing: ``bus`` loads the client library, which whoever merely starts a server
(``server``) has no use for.
"""
