"""telemetry.enriched → telemetry.scored and alerts.raised: scores, rules and alarm episodes."""
