"""Generated message and service classes (see scripts/proto.py)."""
