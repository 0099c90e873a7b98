"""Writes the fitted parameters as one ONNX graph: raw feature rows in, scores out, NaN kept.

Inside, everything is laid out signs × rows, so that each operation runs over contiguous rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.curve import Curve
from models.layout import HOUR_S, Layout, Scale

OPSET, IR_VERSION = 17, 8
SURPRISE_FLOOR = 1e-4  # keeps the logarithm of an anomaly of exactly 1 finite


@dataclass(frozen=True)
class Parameters:
    """Everything that training found. `h` hidden units, `i` inputs, `s` signs."""

    layout: Layout
    scale: Scale
    hidden_weight: NDArray[np.floating]  # h × i
    hidden_bias: NDArray[np.floating]  # h
    direct_weight: NDArray[np.floating]  # s × i: expected value per sign, the direct path
    output_weight: NDArray[np.floating]  # (1 + 2s) × h: risk logit, expected values, log deviations
    output_bias: NDArray[np.floating]  # 1 + 2s
    centre: NDArray[np.floating]  # s: median value
    below: NDArray[np.floating]  # s: 1 / spread below the median
    above: NDArray[np.floating]  # s: 1 / spread above it
    still: NDArray[np.floating]  # s: 1 / spread of how long a value stands still
    sign_curves: Sequence[Curve]
    joint_curve: Curve


@dataclass
class _Graph:
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, value: object, kind: type = np.float32) -> str:
        """Adds an initializer."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value, kind), name))
        return name

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Adds a node with one output."""
        return self.split(operator, 1, *inputs, **attributes)[0]

    def split(self, operator: str, outputs: int, *inputs: str, **attributes: Any) -> list[str]:
        """Adds a node with several outputs."""
        names = [f"n{len(self.nodes)}_{index}" for index in range(outputs)]
        self.nodes.append(helper.make_node(operator, list(inputs), names, name=f"n{len(self.nodes)}", **attributes))
        return names


def build(p: Parameters) -> bytes:
    """The serialised graph; the same parameters give the same bytes."""
    g, signs = _Graph(), len(p.layout.signs)
    rows = g.add("Transpose", "features", perm=[1, 0])
    value, made = _quantities(g, p.layout, rows)
    low, high = p.layout.bounds()
    known = g.add(
        "And",
        g.add("GreaterOrEqual", made, g.constant(low[:, None])),
        g.add("LessOrEqual", made, g.constant(high[:, None])),
    )
    timed = len(p.layout.durations)
    plain, durations = g.split("Split", 2, made, g.constant([p.layout.quantities - timed, timed], np.int64), axis=0)
    durations = g.add("Mul", g.add("Max", durations, g.constant(0.0)), g.constant(1 / HOUR_S))
    durations = g.add("Sqrt", g.add("Sqrt", durations))
    quantities = g.add("Concat", plain, durations, axis=0)
    zero, one, nan = g.constant(0.0), g.constant(1.0), g.constant(np.nan)
    scaled = g.add(
        "Mul", g.add("Sub", quantities, g.constant(p.scale.mean[:, None])), g.constant(1 / p.scale.deviation[:, None])
    )
    scaled = g.add("Where", known, scaled, zero)
    flagged, _ = g.split(
        "Split", 2, known, g.constant([p.layout.flags, p.layout.quantities - p.layout.flags], np.int64), axis=0
    )
    value_known = _rows(g, flagged, 0, signs)
    flags = g.add("Cast", flagged, to=TensorProto.FLOAT)
    risk, expected, log_deviation = _networks(g, p, g.add("Concat", scaled, flags, axis=0))

    own = _rows(g, scaled, 0, signs)
    residual = g.add("Abs", g.add("Sub", own, expected))
    residual = g.add("Mul", residual, g.add("Exp", g.add("Neg", log_deviation)))
    from_centre = g.add("Sub", value, g.constant(p.centre[:, None]))
    rarity = g.add(
        "Max",
        g.add("Mul", from_centre, g.constant(-p.below[:, None])),
        g.add("Mul", from_centre, g.constant(p.above[:, None])),
    )
    first = p.layout.quantities - timed + signs
    still = g.add("Mul", _rows(g, durations, signs, 2 * signs), g.constant(p.still[:, None]))
    still = g.add("Where", _rows(g, known, first, first + signs), still, zero)
    unusual = _curves(g, g.add("Max", rarity, residual, still), p.sign_curves)
    unusual = g.add("Where", value_known, unusual, zero)

    count = g.add("ReduceSum", g.add("Cast", value_known, to=TensorProto.FLOAT), g.constant([0], np.int64), keepdims=1)
    any_known = g.add("Greater", count, zero)
    surprise = g.add("Neg", g.add("Log", g.add("Sub", g.constant(1.0 + SURPRISE_FLOOR), unusual)))
    # A surprise of a known sign has mean 1 and deviation 1; an unknown one must add nothing.
    surprise = g.add("Where", value_known, surprise, zero)
    at_least_one = g.add("Max", count, one)
    rows_axis = g.constant([0], np.int64)
    together = g.add("Sub", g.add("ReduceSum", surprise, rows_axis, keepdims=1), count)
    together = g.add("Div", together, g.add("Sqrt", at_least_one))
    # One extreme sign must not drown among ordinary ones: the worst counts too, less the chance of having several.
    worst = g.add("Sub", g.add("ReduceMax", surprise, axes=[0], keepdims=1), g.add("Log", at_least_one))
    joint = _curves(g, g.add("Max", together, worst), [p.joint_curve])

    scores = g.add(
        "Concat",
        g.add("Where", any_known, risk, nan),
        g.add("Where", any_known, joint, nan),
        g.add("Where", value_known, unusual, nan),
        axis=0,
    )
    g.nodes.append(helper.make_node("Transpose", [scores], ["scores"], name="out", perm=[1, 0]))
    return _serialise(g, len(p.layout.features), 2 + signs)


def _quantities(g: _Graph, layout: Layout, rows: str) -> tuple[str, str]:
    """The signs' values, and all quantities in the order of `Layout.quantities_of`, before roots."""

    def pick(columns: list[int]) -> str:
        return g.add("Gather", rows, g.constant(columns, np.int64), axis=0)

    value = pick(layout.value)
    baseline = g.add("Sub", value, pick(layout.delta))
    rest = pick([*layout.support, *layout.plain, *layout.durations])
    return value, g.add("Concat", value, baseline, rest, axis=0)


def _rows(g: _Graph, rows: str, start: int, end: int) -> str:
    """Some of the rows."""
    return g.add("Slice", rows, g.constant([start], np.int64), g.constant([end], np.int64), g.constant([0], np.int64))


def _networks(g: _Graph, p: Parameters, inputs: str) -> tuple[str, str, str]:
    """Risk, expected (standardised) value and log deviation: one hidden layer, with a direct path."""
    signs = len(p.layout.signs)
    hidden = g.add(
        "Tanh",
        g.add("Add", g.add("MatMul", g.constant(p.hidden_weight), inputs), g.constant(p.hidden_bias[:, None])),
    )
    output = g.add("Add", g.add("MatMul", g.constant(p.output_weight), hidden), g.constant(p.output_bias[:, None]))
    logit, rest, log_deviation = g.split("Split", 3, output, g.constant([1, signs, signs], np.int64), axis=0)
    expected = g.add("Add", g.add("MatMul", g.constant(p.direct_weight), inputs), rest)
    return g.add("Sigmoid", logit), expected, log_deviation


def _curves(g: _Graph, distances: str, curves: Sequence[Curve]) -> str:
    """Applies a curve per row of `distances`: a sum of segments, each limited to its own length."""
    knots = np.array([curve.knots for curve in curves])
    weights = np.diff([curve.shares for curve in curves], axis=1)[:, None, :]
    lengths = np.diff(knots, axis=1)[:, :, None]
    deep = g.add("Unsqueeze", distances, g.constant([1], np.int64))
    share = g.add("Mul", g.add("Sub", deep, g.constant(knots[:, :-1, None])), g.constant(1 / lengths))
    share = g.add("Clip", share, g.constant(0.0), g.constant(1.0))
    return g.add("Squeeze", g.add("MatMul", g.constant(weights), share), g.constant([1], np.int64))


def _serialise(g: _Graph, features: int, scores: int) -> bytes:
    graph = helper.make_graph(
        g.nodes,
        "vitals",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["rows", features])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["rows", scores])],
        g.constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="vigil")
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)
