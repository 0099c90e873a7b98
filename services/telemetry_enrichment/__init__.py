"""telemetry.normalized → telemetry.enriched: each observation gets its patient, limits and ward."""
