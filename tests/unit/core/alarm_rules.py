"""Rule files for the alarm oracle, with the ids that people name in their pauses."""

_HEAD = """
version = 1
spot_check_after_s = 30
late_after_s = 100

[order]
window_s = 0

[alarm]
pause_max_s = 120
re_alarm_s = { low = 0, medium = 40, high = 15 }

[[ladder]]
id = "ward"
steps = [
  { after_s = 0, to = "nurse" }, { after_s = 10, to = "charge-nurse" }, { after_s = 25.5, to = "physician" },
]

"""
_OFF = """
[[rule]]
id = "off"
kind = "missing"
signs = ["heart_rate", "spo2"]
lead_off = true
delay_s = 3
silent_after_s = 12
priority = "low"
message = "{sign}"
"""
_GONE = """
[[rule]]
id = "gone"
kind = "missing"
device = true
silent_after_s = 20
priority = "medium"
message = "silent"
"""
SMALL = (
    _HEAD
    + """
[[rule]]
id = "deep"
kind = "limit"
sign = "spo2"
direction = "low"
message = "{value}"
latching = true
ladder = "ward"
hysteresis = 2
steps = [
  { limit = 80, priority = "high" },
  { limit = 60, priority = "high", life_threatening = true },
]

[[rule]]
id = "fast"
kind = "limit"
sign = "heart_rate"
direction = "high"
message = "{value}"
ladder = "ward"
re_alarm_s = 20
hysteresis = 5
delay_s = 4
steps = [{ limit = 120, priority = "medium" }, { limit = 150, priority = "high", life_threatening = true }]

[[rule]]
id = "low"
kind = "limit"
sign = "spo2"
direction = "low"
message = "{value}"
suppressed_by = ["deep", "fast"]
hysteresis = 2
delay_s = 5
steps = [{ limit = 90, priority = "low" }, { limit = 85, priority = "medium", delay_s = 0 }]

[[rule]]
id = "faster"
kind = "limit"
sign = "heart_rate"
direction = "high"
message = "{value}"
latching = true
suppressed_by = ["fast"]
steps = [{ limit = 130, priority = "medium" }]
"""
    + _OFF
    + 'ladder = "ward"\n'
    + _GONE
    + "latching = true\n"
)
EVERY_KIND = (
    _HEAD
    + _OFF
    + _GONE
    + """
[[rule]]
id = "mean"
kind = "limit"
sign = "spo2"
direction = "low"
average_s = 8
message = "{value}"
ladder = "ward"
hysteresis = 2
population = { device_types = ["pulse_oximeter"], only_known = true }
steps = [{ limit = 90, priority = "medium" }, { limit = 85, priority = "high", life_threatening = true }]

[[rule]]
id = "fall"
kind = "trend"
sign = "spo2"
direction = "fall"
window_s = 32
message = "{value}"
latching = true
suppressed_by = ["mean"]
hysteresis = 2
steps = [{ change = 6, priority = "low", delay_s = 2 }, { change = 12, priority = "high" }]

[[rule]]
id = "faster"
kind = "trend"
sign = "heart_rate"
direction = "rise"
window_s = 64
message = "{value}"
re_alarm_s = 20
ladder = "ward"
population = { age_min = 16 }
steps = [{ percent = 30, priority = "medium" }, { percent = 60, priority = "high" }]

[[rule]]
id = "news2"
kind = "score"
score = "news2"
message = "{total}"
hysteresis = 1
delay_s = 2
steps = [{ single_three = true, priority = "low" }, { at_least = 5, priority = "medium" }]

[[rule]]
id = "together"
kind = "combination"
mode = "at_least"
at_least = 2
within_s = 15
delay_s = 1
priority = "high"
latching = true
suppressed_by = ["mean"]
message = "{total}"
conditions = [
  { sign = "heart_rate", direction = "high", limit = 115 }, { rule = "fall" }, { score = "news2", at_least = 3 },
]

[[rule]]
id = "risk"
kind = "anomaly"
column = "risk"
hysteresis = 0.2
delay_s = 3
latching = true
message = "{value}"
steps = [{ at_least = 0.7, priority = "medium" }, { at_least = 0.9, priority = "high" }]
"""
)
EVERY_KIND_IDS = ["", "", "mean", "fall", "faster", "together", "risk", "off/spo2"]
TYPES = {"d1": "pulse_oximeter", "d2": "monitor", "d3": "", "d9": "pulse_oximeter"}
SMALL_IDS = ["", "", "deep", "fast", "low", "faster", "off/heart_rate", "gone/device"]
