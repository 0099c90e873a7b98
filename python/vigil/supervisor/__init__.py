"""Runs the ten services on one box: their servers, their processes, their readiness, one state file."""
