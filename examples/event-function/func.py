"""A function for events: it answers one event with another."""


def handle(context):
    """Greet whom the event names; requests that are no events are not for us."""
    event = context.cloud_event
    if event is None:
        return "POST me a CloudEvent\n", 400
    print("got", event["type"], event["id"], event["data"], flush=True)
    if event["type"] != "com.example.name":
        return None
    return {
        "specversion": "1.0",
        "type": "com.example.greeting",
        "datacontenttype": "application/json",
        "data": {"greeting": f"Hello {event['data']['name']}!"},
    }
