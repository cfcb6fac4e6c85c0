"""A function: no server, no port, only what to do with one request."""


def handle(context):
    """Greet whom the query names; for a CloudEvent, say what arrived."""
    if context.cloud_event is not None:
        event = context.cloud_event
        return {"received": event["type"], "from": event["source"], "data": event["data"]}
    name = context.request.query.get("name", ["World"])[0]
    return f"Hello {name}!\n"
