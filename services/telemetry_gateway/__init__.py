"""Devices → telemetry.raw: takes observations over HTTP and gRPC, answers once the log has them."""
