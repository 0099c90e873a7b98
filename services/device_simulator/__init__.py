"""Simulated bedside monitors: seeded physiology, injected episodes with their ground truth, paced sending."""
