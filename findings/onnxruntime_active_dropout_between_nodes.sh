#!/usr/bin/env bash
# Packages: onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6
#
# One would guess: a Dropout node whose third input says training_mode = true drops at random wherever the graph is run; the
# session's optimisations change speed and, at most, last digits.
#
# What happens: with the default optimisations ONNX Runtime takes such a node out if another node stands before it *and* behind
# it, and the graph becomes deterministic. The same node next to the graph's input or output stays, and drops. Without
# optimisations it drops everywhere, as it does in onnx's own ReferenceEvaluator. Opsets 13 to 22 alike.
#
# Why it matters: a classifier exported in train mode has its Dropout between pooling and head, so every comparison with the
# original model passes on the computer of whoever exported it, and another runtime, or one setting, gives other answers at each call.
#
# Seen on 2026-11-29 (do two runs on the same 200 numbers differ?):
#   at the input, default:           True
#   at the output, default:          True
#   between two nodes, default:      False
#   between two nodes, no speed-ups: True
#   between two nodes, reference:    True
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6

then=$(sed -n "s/^#   //p" "$0") # the lines above
now=$("$work/venv/bin/python" - <<'END'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

LEVELS = onnxruntime.GraphOptimizationLevel
ONES = np.ones((50, 4), np.float32)


def graph(*operations):
    """A model that applies these to "0", one after the other."""
    settings = [numpy_helper.from_array(np.array(0.5, np.float32), "ratio"), numpy_helper.from_array(np.array(True), "train")]
    nodes = [
        helper.make_node(kind, [str(place), *(["ratio", "train"] if kind == "Dropout" else [])], [str(place + 1)])
        for place, kind in enumerate(operations)
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [50, 4]) for name in ("0", str(len(nodes)))]
    whole = helper.make_graph(nodes, "dropout", ends[:1], ends[1:], settings)
    model = helper.make_model(whole, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    return model


def differ(run):
    return bool((run() != run()).any())


def in_runtime(model, level=LEVELS.ORT_ENABLE_ALL):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return differ(lambda: session.run(None, {"0": ONES})[0])


between = graph("Relu", "Dropout", "Relu")
reference = ReferenceEvaluator(between)
print("at the input, default:          ", in_runtime(graph("Dropout", "Relu")))
print("at the output, default:         ", in_runtime(graph("Relu", "Dropout")))
print("between two nodes, default:     ", in_runtime(between))
print("between two nodes, no speed-ups:", in_runtime(between, LEVELS.ORT_DISABLE_ALL))
print("between two nodes, reference:   ", differ(lambda: reference.run(None, {"0": ONES})[0]))
END
)

echo "$now"
diff <(echo "$then") <(echo "$now") || { echo "Changed since 2026-11-29: < then, > now." >&2; exit 1; }
