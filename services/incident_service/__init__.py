"""alerts.raised → incidents: one per alarm episode, opened once, acknowledged and resolved by people."""
