"""What is kept of a patient's past beside the engine's state."""

from vigil.explain.past import Kept, Past, Who
from vigil.pb import events_pb2 as pb


def observation(second: int, device_type: str, quality: int = 0, **values: float) -> pb.Observation:
    made = pb.Observation(header=pb.Header(event_time_us=second), vitals=pb.Vitals(device_type=device_type))
    for name, value in values.items():
        made.vitals.signs.append(pb.Sign.Value(f"SIGN_{name.upper()}"))
        made.vitals.values.append(value)
        made.vitals.quality.append(quality)
    return made


def past(*observations: pb.Observation) -> Past:
    kept = [Kept(n, n, pb.TelemetryBatch(observations=[one])) for n, one in enumerate(observations)]
    return Past(Who("p", ""), 0, 100, kept)


def test_the_last_usable_value_by_type_of_device() -> None:
    heard = past(
        observation(1, "oximeter", spo2=97, pulse_rate=60),
        observation(5, "monitor", spo2=95),
        observation(3, "oximeter", spo2=93),
        observation(2, "oximeter", spo2=91),  # sent late
        observation(6, "oximeter", quality=pb.QUALITY_DISCONNECTED, spo2=0),
        observation(6, "monitor", quality=pb.QUALITY_CONVERTED, temperature=37.2),
    ).heard()
    assert set(heard) == {
        ("monitor", pb.SIGN_SPO2, 95, 5),
        ("monitor", pb.SIGN_TEMPERATURE, 37.2, 6),
        ("oximeter", pb.SIGN_SPO2, 93, 3),
        ("oximeter", pb.SIGN_PULSE_RATE, 60, 1),
    }
    assert len(heard) == 4


def test_scores_that_were_live_come_before_scores_made_again() -> None:
    kept = past()
    kept.made_scores = {"risk": 0.4}
    assert kept.scores == {"risk": 0.4}
    kept.live_scores = {"risk": 0.3}
    assert kept.scores == {"risk": 0.3}
    kept.live_scores = {}
    assert kept.scores == {}, "the model had none, whatever it says now"
