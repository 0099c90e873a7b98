"""The pipeline over a recording without servers: the same core, model and ids as live."""
