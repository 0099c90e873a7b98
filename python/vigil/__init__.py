"""Vigil: real-time patient monitoring."""
