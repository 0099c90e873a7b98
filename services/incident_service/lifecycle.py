"""An incident's life: which actions are legal when, and what the alarm's own steps do to it. Pure.

    open ──acknowledge──▶ acknowledged ──resolve──▶ resolved
      ▲                        │                       │
      └──────── realarm ───────┴───────────────────────┘   (the system: the alarm sounds again)

The *condition* (present or ended) is the alarm's; the *status* is what people made of it. The end of a
condition resolves an incident only when somebody has seen it, or when its priority was never above low:
otherwise it stays open, latched, until someone acts. Acknowledging never ends a condition. An alarm sounds again
when it gets worse, when it was acknowledged and is still there after the configured time, when its condition
returns, and when its pause ends.
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
    """What the alarm's own step does; `actor` is whoever did it to the alarm."""

    action: str
    status: str
    note: str
    actor: str = SYSTEM


class Facts(NamedTuple):
    """What a step says, as far as it concerns people. `sounds` and `acknowledged` only when no later step undoes it."""

    sounds: str = ""  # why the signal is (again) on
    acknowledged: bool = False
    actor: str = ""
    reason: str = ""
    ended: bool = False  # the episode is over, by this or a later step
    priority_max: int = 0


def on_step(status: str, facts: Facts) -> list[SystemAction]:
    """What a step does to the status, in order; nothing that is so already is done again."""
    actions = []
    if facts.sounds and status != OPEN:
        actions.append(SystemAction("realarm", status := OPEN, facts.sounds))
    if facts.acknowledged and status == OPEN:
        note = facts.reason or "the alarm was acknowledged"
        actions.append(SystemAction("acknowledge", status := ACKNOWLEDGED, note, facts.actor or SYSTEM))
    if facts.ended and status == ACKNOWLEDGED:
        actions.append(SystemAction("resolve", RESOLVED, "the condition ended after it was acknowledged"))
    elif facts.ended and status == OPEN and facts.priority_max <= LOW:
        actions.append(SystemAction("resolve", RESOLVED, "a low-priority condition ended"))
    return actions
