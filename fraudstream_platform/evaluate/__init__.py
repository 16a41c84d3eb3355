"""Evaluation: generator -> the step that the tasks run -> figures, without Kafka."""
