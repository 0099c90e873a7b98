"""telemetry.raw → telemetry.normalized: what the device said becomes what it means."""
