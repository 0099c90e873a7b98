"""Analytics: roll-ups of vital signs and the burden of alarms."""
