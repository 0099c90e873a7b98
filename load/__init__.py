"""Load and measurement: commands, never timed assertions in tests."""
