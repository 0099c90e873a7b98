"""The event log: `port` says what is needed, `kafka` and `redis` give it."""
