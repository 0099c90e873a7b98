"""Alarm signals of the core against an independent oracle: whatever comes in whatever order, both say the same."""

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from tests.unit.core.alarm_rules import EVERY_KIND, EVERY_KIND_IDS, SMALL, SMALL_IDS, TYPES
from tests.unit.core.engine import RULES
from tests.unit.core.versus import Versus

DEFAULT_IDS = ["", "", "asystole", "heart-rate-low", "spo2-low", "news2", "sensor-missing/spo2"]
OF = {"d1": "p1", "d2": "p1", "d3": "p2", "d9": ""}
VALUES = {
    "heart_rate": [0, 45, 70, 116, 121, 135, 151],
    "spo2": [58, 61, 70, 81, 84, 88, 91, 92, 97],
    "temperature": [39.6],
}
VALUE = st.sampled_from(list(VALUES)).flatmap(
    lambda sign: st.tuples(
        st.just(sign), st.sampled_from(VALUES[sign]).map(float), st.sampled_from([0] * 6 + [1, 16, 16])
    )
)
SIGNS = st.lists(VALUE, min_size=1, max_size=2, unique_by=lambda value: value[0])
DEVICE = st.sampled_from(["d1", "d1", "d1", "d2", "d2", "d3", "d9"])
WHOM = st.sampled_from(
    [{"patient_id": "p1"}] * 4 + [{"patient_id": "p2"}, {"device_id": "d9"}, {"patient_id": "nobody"}]
)


class Alarms(RuleBasedStateMachine):
    """What can happen to a partition."""

    rule_file, rule_ids = SMALL, SMALL_IDS

    def __init__(self) -> None:
        super().__init__()
        self.both = Versus(self.rule_file)
        self.last: dict[str, tuple[int, float, Any, float]] = {}
        self.late = 0
        self.controlled = False

    def send(self, device: str, second: float, values: Any) -> None:
        self.last[device] = (self.both.sent, second, values, self.both.now)
        self.both.observe(device, OF[device], second, values)

    @rule(
        device=DEVICE, values=SIGNS, wait=st.sampled_from([0, 0.5, 1, 2, 5]), took=st.sampled_from([0, 0, 0.5, 3, 20])
    )
    def observe(self, device: str, values: Any, wait: float, took: float) -> None:
        self.both.now += wait
        before = self.last.get(device, (0, 0.0, None, 0.0))[1]
        self.send(device, max(before, self.both.now - took), values)

    @rule(device=DEVICE, values=SIGNS, often=st.integers(2, 8), every=st.sampled_from([0.5, 1, 2]))
    def observe_for_a_while(self, device: str, values: Any, often: int, every: float) -> None:
        for _ in range(often):
            self.both.now += every
            self.send(device, self.both.now, values)

    @rule(device=DEVICE, values=SIGNS)
    def late_observation(self, device: str, values: Any) -> None:
        if device in self.last:
            self.late += 1  # never twice as late: a steady lag is a wrong clock
            self.both.observe(device, OF[device], self.last[device][1] - 0.5 - 17 * (self.late % 11), values)

    @rule(device=DEVICE, at_once=st.booleans())
    def repeated_observation(self, device: str, at_once: bool) -> None:
        if device in self.last:
            n, second, values, received = self.last[device]
            self.both.observe(device, OF[device], second, values, n=n, received=received if at_once else None)

    @rule(seconds=st.sampled_from([0.5, 3, 10, 12, 20, 25, 31, 61, 120, 300]))
    def wait_and_tick(self, seconds: float) -> None:
        self.both.now += seconds
        self.both.tick()

    @rule(seconds=st.sampled_from([0.5, 3, 10, 15, 21, 31, 61, 301]))
    def wait(self, seconds: float) -> None:
        self.both.now += seconds

    @rule(often=st.integers(2, 12), every=st.sampled_from([1, 5]))
    def ticks(self, often: int, every: float) -> None:
        for _ in range(often):
            self.both.now += every
            self.both.tick()

    def do(self, action: Any, **said: Any) -> None:
        self.controlled = True
        self.both.control(action, **said)

    @rule(whom=WHOM, actor=st.sampled_from(["kim", "lee"]))
    def acknowledge_all(self, whom: dict[str, str], actor: str) -> None:
        self.do("acknowledge", **whom, actor=actor, reason="seen")

    @precondition(lambda self: self.both.log.subjects.get("p1") and self.both.log.subjects["p1"].alarms)
    @rule(data=st.data())
    def acknowledge_one(self, data: st.DataObject) -> None:
        alarms = self.both.log.subjects["p1"].alarms
        key = data.draw(st.sampled_from(sorted(alarms)))
        self.do("acknowledge", patient_id="p1", episode_id=alarms[key].episode, actor="kim")

    @rule(whom=WHOM, data=st.data(), last=st.sampled_from([-1, 0, 0.5, 5, 30, 90, 120, 121, 4000]))
    def pause(self, whom: dict[str, str], data: st.DataObject, last: float) -> None:
        of = data.draw(st.sampled_from(self.rule_ids))
        self.do("pause", **whom, rule_id=of, until=self.both.now + last, actor="kim", reason="care")

    @rule(whom=WHOM, data=st.data())
    def off(self, whom: dict[str, str], data: st.DataObject) -> None:
        self.do("off", **whom, rule_id=data.draw(st.sampled_from(self.rule_ids)), actor="lee", reason="comfort care")

    @rule(whom=WHOM, data=st.data())
    def resume(self, whom: dict[str, str], data: st.DataObject) -> None:
        self.do("resume", **whom, rule_id=data.draw(st.sampled_from(self.rule_ids)), actor="lee")

    @rule(down=st.booleans(), reporter=st.sampled_from(["r1", "r2"]))
    def component(self, down: bool, reporter: str) -> None:
        self.do("component_down" if down else "component_up", component="anomaly-service", reporter=reporter)

    @precondition(lambda self: self.controlled)
    @rule()
    def repeated_control(self) -> None:
        self.both.repeat_control()

    @rule(seed=st.integers(0, 1000))
    def cut(self, seed: int) -> None:
        self.both.cut(seed)

    @rule(full=st.booleans())
    def checkpoint(self, full: bool) -> None:
        self.both.checkpoint(full)

    @rule()
    def crash(self) -> None:
        self.both.restore()

    @rule()
    def reload(self) -> None:
        self.both.reload()

    def teardown(self) -> None:
        self.both.cut()


class EveryKind(Alarms):
    """The same under rules of every kind, with a model that says something else now and then."""

    rule_file, rule_ids = EVERY_KIND, EVERY_KIND_IDS
    risk = 0.5

    def send(self, device: str, second: float, values: Any) -> None:
        self.last[device] = (self.both.sent, second, values, self.both.now)
        scores = {"risk": self.risk} if self.risk else {}
        self.both.observe(device, OF[device], second, values, device_type=TYPES[device], scores=scores)

    @rule(risk=st.sampled_from([None, 0.1, 0.5, 0.8, 0.95]))
    def model_says(self, risk: float | None) -> None:
        self.risk = risk

    @rule(away=st.booleans())
    def model_is_away(self, away: bool) -> None:
        self.both.model(away)


class DefaultRules(Alarms):
    """The same under the rules of the house."""

    rule_file, rule_ids = RULES, DEFAULT_IDS


@pytest.mark.parametrize("machine", [Alarms, EveryKind, DefaultRules])
def test_the_core_says_what_the_oracle_says(machine):
    examples = settings(max_examples=200 if machine is Alarms else 60, stateful_step_count=50, deadline=None)
    run_state_machine_as_test(machine, settings=examples)
