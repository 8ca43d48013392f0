"""How submissions travel: the embedded file log, NATS JetStream, Kafka."""
