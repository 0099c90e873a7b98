"""Alarms: an episode from START to END, put together from its alert events."""

from dataclasses import dataclass, field

from vigil import core
from vigil.backtest.labels import PRIORITIES
from vigil.backtest.subjects import subject
from vigil.pb import events_pb2 as pb

SIGNS = {number: name.removeprefix("SIGN_").lower() for name, number in pb.Sign.items()}
MODEL = frozenset(core.score_names())
"""The model's columns: an alarm about one of them is of a score, too."""
SHORT_US = 15_000_000
"""An alarm that was over before was short."""


@dataclass(slots=True, kw_only=True)
class Alarm:
    """One alarm. Times are event times in µs; `end_us` None = still there at the end of the recording.

    A latched one has ended when its condition had: in a recording nobody acknowledges it.
    """

    subject: str
    rule: str
    alert_type: str
    sign: str
    technical: bool
    score: bool = False
    raised_us: int
    end_us: int | None = None
    reached_us: dict[int, int] = field(default_factory=dict)
    """When it first had each priority (1 low … 3 high)."""

    @property
    def priority(self) -> int:
        """The highest it had."""
        return max(self.reached_us)

    def since_us(self, priority: int) -> int | None:
        """From when on it had had this priority or a higher one."""
        return min((at for level, at in self.reached_us.items() if level >= priority), default=None)

    def until_us(self, last_us: int) -> int:
        """Its end; the patient's last observation when it did not end."""
        return max(self.raised_us, last_us if self.end_us is None else self.end_us)


class Collector:
    """Takes alert events in their order; alarms in the order in which they were raised."""

    def __init__(self) -> None:
        self._alarms: dict[bytes, Alarm] = {}
        self.suppressed: dict[str, int] = {}
        """Alarms that another rule or a person kept silent, by rule."""

    def add(self, alert: pb.AlertEvent) -> None:
        """One alert event."""
        alarm = self._alarms.get(alert.episode_id)
        if alert.phase == pb.ALERT_PHASE_SUPPRESSED:
            if alarm is None:
                self.suppressed[alert.rule_id] = self.suppressed.get(alert.rule_id, 0) + 1
            return
        if alarm is None:
            alarm = self._alarms[alert.episode_id] = _alarm(alert)
        if alert.cause == pb.ALERT_CAUSE_RETURNED:
            alarm.end_us = None
        if alert.phase == pb.ALERT_PHASE_END or alert.cause == pb.ALERT_CAUSE_LATCHED:
            alarm.end_us = alert.condition.end_time_us or alert.header.event_time_us
        elif alert.priority not in alarm.reached_us:
            alarm.reached_us[alert.priority] = alert.header.event_time_us

    def alarms(self) -> list[Alarm]:
        """All that were raised."""
        return list(self._alarms.values())


def _alarm(alert: pb.AlertEvent) -> Alarm:
    raised_us = alert.condition.raised_time_us or alert.header.event_time_us
    return Alarm(
        subject=subject(alert.header.patient_id, alert.header.device_id),
        rule=alert.rule_id or alert.alert_type,
        alert_type=alert.alert_type,
        sign=_sign(alert),
        score=alert.condition.HasField("early_warning") or any(e.about in MODEL for e in alert.condition.evidence),
        technical=alert.kind == pb.ALERT_KIND_TECHNICAL,
        raised_us=raised_us,
        reached_us={alert.priority: raised_us},
    )


def _sign(alert: pb.AlertEvent) -> str:
    """The sign it speaks of; the score for a score's alarm; – where it is of the device."""
    if alert.condition.HasField("early_warning"):
        return str(alert.condition.early_warning.name)
    evidence = alert.condition.evidence
    return SIGNS[evidence[0].sign] if evidence and evidence[0].sign else "–"


def level(priority: str) -> int:
    """1 low, 2 medium, 3 high."""
    return PRIORITIES.index(priority) + 1
