"""Conditions of alarm rules as docs/rules.md states them, written without looking at the core.

Deliberately naive: the rule file is read as it stands, every rule is asked at every observation, every value ever seen
is kept, and nothing is shared between rules. What becomes of a condition (signals, people, the clock) is in
`tests/oracles/alarms/`. Times are seconds of event time.
"""

from tests.oracles.rules.conditions import Conditions
from tests.oracles.rules.known import Moment, Pending, Rule, Value, one_sign

__all__ = ["Conditions", "Moment", "Pending", "Rule", "Value", "one_sign"]
