"""SinkBindings: their subjects' containers are told of the sink, when written and ever after."""
