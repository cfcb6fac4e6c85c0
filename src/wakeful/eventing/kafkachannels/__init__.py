"""KafkaChannels: taking events into topics, and out of them to subscribers.

In the control plane's process, as everything that needs other people's Kafka: events lie in the
topic whatever happens to us, and a consumer group knows where each subscriber stands.
"""

from wakeful.eventing.kafkachannels.adapter import KafkaChannelAdapter
from wakeful.eventing.kafkachannels.plan import plan_kafka_channel
from wakeful.eventing.kafkachannels.receiver import KafkaChannelReceiver

__all__ = ["KafkaChannelAdapter", "KafkaChannelReceiver", "plan_kafka_channel"]
