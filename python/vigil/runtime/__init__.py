"""The shell every service shares: life cycle, HTTP edge, logs, metrics, health, and the batch loop."""
