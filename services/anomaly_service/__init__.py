"""The learned model behind gRPC: packed rows for the pipeline, single observations for people's clients."""
