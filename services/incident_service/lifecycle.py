"""An incident's life: which actions are legal when, and what the alarm's own steps do to it. Pure.

    open ──acknowledge──▶ acknowledged ──resolve──▶ resolved
      ▲                        │                       │
      └──────── realarm ───────┴───────────────────────┘   (the system: the alarm's priority rose)

The *condition* (present or ended) is the alarm's; the *status* is what people made of it. The end of a
condition resolves an incident only when somebody has seen it, or when its priority was never above low:
otherwise it stays open, latched, until someone acts. Acknowledging never ends a condition.
"""

from typing import NamedTuple

OPEN, ACKNOWLEDGED, RESOLVED = "open", "acknowledged", "resolved"
SYSTEM = "system"
LOW = 1

LEGAL: dict[str, dict[str, str]] = {
    OPEN: {"acknowledge": ACKNOWLEDGED, "assign": OPEN, "comment": OPEN},
    ACKNOWLEDGED: {"resolve": RESOLVED, "assign": ACKNOWLEDGED, "comment": ACKNOWLEDGED},
    RESOLVED: {"comment": RESOLVED},
}
"""Status → action → next status; what is not here is not legal."""
ACTIONS = ("acknowledge", "resolve", "assign", "comment")


class Illegal(Exception):
    """The action is not legal in this status; `legal` names those that are."""

    def __init__(self, status: str, action: str) -> None:
        self.status, self.action, self.legal = status, action, sorted(LEGAL[status])
        super().__init__(f"cannot {action} an incident that is {status}; legal now: {', '.join(self.legal)}")


class Standing(NamedTuple):
    """What people made of an incident."""

    status: str
    owner: str | None


def act(standing: Standing, action: str, actor: str, assignee: str | None = None) -> Standing:
    """A person's action. Whoever acknowledges an incident nobody owns, owns it. Raises `Illegal`."""
    following = LEGAL[standing.status].get(action)
    if following is None:
        raise Illegal(standing.status, action)
    if action == "assign":
        return Standing(following, assignee)
    if action == "acknowledge":
        return Standing(following, standing.owner or actor)
    return Standing(following, standing.owner)


class SystemAction(NamedTuple):
    """What the alarm's own step does."""

    action: str
    status: str
    note: str


def on_step(
    status: str, *, ended: bool, priority_before: int, priority_now: int, priority_max: int
) -> SystemAction | None:
    """What the newest step does to the status; None = nothing.

    `priority_before` is the priority of the step that was newest until now.
    """
    if status != OPEN and not ended and priority_now > priority_before:
        return SystemAction("realarm", OPEN, "the alarm's priority rose")
    if ended and status == ACKNOWLEDGED:
        return SystemAction("resolve", RESOLVED, "the condition ended after it was acknowledged")
    if ended and status == OPEN and priority_max <= LOW:
        return SystemAction("resolve", RESOLVED, "a low-priority condition ended")
    return None
