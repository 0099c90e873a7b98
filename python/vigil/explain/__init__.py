"""Why an alarm was raised, and why one was not: in words, from what the alarm and the engine themselves say."""

from vigil.explain.episode import explain_episode
from vigil.explain.render import episode_lines

__all__ = ["episode_lines", "explain_episode"]
