"""Writes the fitted parameters as one ONNX graph: raw feature rows in, scores out, NaN kept.

Inside, everything is laid out quantities × rows, so that each operation runs over contiguous rows. A row costs what the
passes over memory and the calls of operators cost, so whatever is linear is folded into the weights of a product, a
product takes the activation after it along, and no step works with booleans, which ONNX Runtime does not vectorise:
a threshold makes a missing value 0, and 0 / 0 makes it missing again at the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.curve import FLOOR, Curve
from models.layout import HOUR_S, LIMIT_S, MARGIN, Layout, Scale

OPSET, IR_VERSION = 17, 8


@dataclass(frozen=True)
class Parameters:
    """Everything that training found. `h` hidden units, `i` inputs, `d` inputs of the direct path, `s` signs."""

    layout: Layout
    scale: Scale
    hidden_weight: NDArray[np.floating]  # h × i
    hidden_bias: NDArray[np.floating]  # h
    direct_weight: NDArray[np.floating]  # s × d: expected value per sign, from the quantities but the durations
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
    seen = _Seen.of(g, p.layout)
    logit, expected, precision = _hidden(g, p, seen)
    rarity = _curves(g, _distances(g, p, seen, expected, precision), p.sign_curves)
    value_known = _rows(g, seen.flags, 0, signs)
    joint = _joint(g, value_known, rarity, signs)
    rarity = g.add("Concat", _curves(g, joint, [p.joint_curve], sign=-1.0), rarity, axis=0)
    unusual = g.add("Sub", g.constant(1.0 + FLOOR), g.add("Exp", rarity))
    scores = g.add("Concat", g.add("Sigmoid", logit), unusual, axis=0)
    # Of any sign for risk and joint anomaly, then each: how many are known; divided by itself 1, or not a number.
    number = g.add("MatMul", g.constant(np.vstack([np.ones((2, signs)), np.eye(signs)])), value_known)
    scores = g.add("Mul", scores, g.add("Div", number, number))
    g.nodes.append(helper.make_node("Transpose", [scores], ["scores"], name="out", perm=[1, 0]))
    return _serialise(g, len(p.layout.features), 2 + signs)


@dataclass(frozen=True)
class _Seen:
    """What the weights see, before standardising. Unknown is 0."""

    moved: str  # distance from the usual, negated, in distances from there to the highest plausible value
    roots: str  # fourth roots of the durations in seconds
    flags: str  # 1 where a value or sign of support is known
    unit: NDArray[np.float64]  # what 1 stands for, per row of `moved` and `roots`

    @staticmethod
    def of(g: _Graph, layout: Layout) -> "_Seen":
        """The beginning of the graph."""
        rows = g.add("Transpose", "features", perm=[1, 0])

        def pick(columns: list[int]) -> str:
            return g.add("Gather", rows, g.constant(columns, np.int64), axis=0)

        low, high, usual = layout.bounds().T[:, :, None]
        baseline = g.add("Sub", pick(layout.value), pick(layout.delta))
        raw = g.add("Concat", baseline, pick(layout.plain), axis=0)
        # What is not above the threshold becomes 0, and so what is missing; then the same from above.
        edge, down, up = -(1.0 + MARGIN), 1 / (usual - low), 1 / (high - usual)
        zeros, ones = g.constant(np.zeros(layout.timed)), g.constant(np.ones(layout.timed))
        per = g.add("Unsqueeze", raw, g.constant([0], np.int64))
        moved = g.add(
            "BatchNormalization",
            per,
            g.constant(down[:, 0]),
            g.constant(-(usual * down)[:, 0]),
            zeros,
            ones,
            epsilon=0.0,
        )
        moved = g.add("ThresholdedRelu", g.add("Squeeze", moved, g.constant([0], np.int64)), alpha=edge)
        moved = g.add("ThresholdedRelu", g.add("Mul", moved, g.constant(-up / down)), alpha=edge)

        mine = slice(layout.flagged.start, layout.flagged.stop)
        middle, half = (low + high)[mine] / 2, (high - low)[mine] / 2
        distance = g.add("Abs", g.add("Sub", _rows(g, raw, mine.start, mine.stop), g.constant(middle)))
        flags = g.add("LessOrEqual", distance, g.constant(half * (1.0 + MARGIN)))
        flags = g.add("Cast", flags, to=TensorProto.FLOAT)

        durations = g.add("ThresholdedRelu", pick(layout.durations), alpha=0.0)
        durations = g.add("Min", durations, g.constant(LIMIT_S))
        roots = g.add("Sqrt", g.add("Sqrt", durations))
        root = np.full(len(layout.durations), HOUR_S**-0.25)
        return _Seen(moved, roots, flags, np.concatenate([-(high - usual)[:, 0], root]))


def _rows(g: _Graph, rows: str, start: int, end: int) -> str:
    """Some of the rows."""
    return g.add("Slice", rows, g.constant([start], np.int64), g.constant([end], np.int64), g.constant([0], np.int64))


def _product(g: _Graph, weight: NDArray[np.floating], of: str, bias: NDArray[np.floating] | str) -> str:
    """weight · rows + bias: numbers or, already there, rows."""
    return g.add("Gemm", g.constant(weight), of, bias if isinstance(bias, str) else g.constant(bias[:, None]))


def _hidden(g: _Graph, p: Parameters, seen: _Seen) -> list[str]:
    """The logit of the risk; per sign what is expected beside the direct path, and minus the log deviation."""
    signs = len(p.layout.signs)
    inputs = g.add("Concat", seen.moved, seen.roots, seen.flags, axis=0)
    per_unit = np.concatenate([seen.unit / p.scale.deviation, np.ones(p.layout.inputs - p.layout.quantities)])
    hidden = g.add("Tanh", _product(g, p.hidden_weight * per_unit, inputs, p.hidden_bias))
    minus = np.repeat([1.0, -1.0], [1 + signs, signs])
    output = _product(g, p.output_weight * minus[:, None], hidden, p.output_bias * minus)
    return g.split("Split", 3, output, g.constant([1, signs, signs], np.int64), axis=0)


def _distances(g: _Graph, p: Parameters, seen: _Seen, expected: str, precision: str) -> str:
    """Per sign the largest of: from the expected, from what is common, and for how long it stood still."""
    signs, timed = len(p.layout.signs), p.layout.timed
    own = np.eye(signs, timed, signs)
    weight = (p.direct_weight - own) * (seen.unit / p.scale.deviation)[:timed]
    residual = g.add("Abs", _product(g, weight, seen.moved, expected))
    residual = g.add("Mul", residual, g.add("Exp", precision))

    unit, usual = seen.unit[signs : 2 * signs], p.scale.usual[signs : 2 * signs]
    from_centre = g.add("Sub", _rows(g, seen.moved, signs, 2 * signs), g.constant(((p.centre - usual) / unit)[:, None]))
    above, below = ((side * unit)[:, None] for side in (p.above, -p.below))
    still = (p.still * HOUR_S**-0.25)[:, None]
    return g.add(
        "Max",
        residual,
        g.add("Mul", from_centre, g.constant(above)),
        g.add("Mul", from_centre, g.constant(below)),
        g.add("Mul", _rows(g, seen.roots, 0, signs), g.constant(still)),
    )


def _joint(g: _Graph, known: str, rarity: str, signs: int) -> str:
    """How unusual the signs are together, negated; without any sign something that does not matter."""
    rarity = g.add("Mul", rarity, known)
    ones = g.constant(np.ones((1, signs)))
    number = g.add("MatMul", ones, known)
    together = g.add("Div", g.add("Gemm", ones, rarity, number), g.add("Sqrt", number))
    worst = g.add("Add", g.add("ReduceMin", rarity, axes=[0], keepdims=1), g.add("Log", number))
    return g.add("Min", together, worst)


def _curves(g: _Graph, distances: str, curves: Sequence[Curve], sign: float = 1.0) -> str:
    """The logarithm of the share farther, a curve per row of `distances`: a sum of segments, each between 0 and 1.

    `sign` -1 for negated distances.
    """
    knots, rises = np.array([c.knots for c in curves]), np.diff([c.rarity for c in curves], axis=1)
    count, segments = rises.shape
    per_unit = 1 / np.diff(knots, axis=1)
    into, out = np.zeros((count * segments, count)), np.zeros((count, count * segments))
    for at in range(count):
        own = slice(at * segments, (at + 1) * segments)
        into[own, at], out[at, own] = sign * per_unit[at], rises[at]
    start = (-knots[:, :-1] * per_unit).reshape(-1)
    shares = g.add("HardSigmoid", _product(g, into, distances, start), alpha=1.0, beta=0.0)
    return _product(g, out, shares, np.array([c.rarity[0] for c in curves]))


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
