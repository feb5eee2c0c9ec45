"""The checks of lesson 07: reading a training trace (`read_trace`), and tracing one prediction (`prediction_trace`)."""

from __future__ import annotations

from helpers.checks.cases import Case
from helpers.checks.exercise import Exercise
from helpers.checks.outcome import Aspect
from helpers.checks.reading import Traces, examine_read_trace
from helpers.checks.tracing import examine_prediction_trace
from helpers.recordings import VISIBLE

LESSON = "07_read_traces"
# The four recorded runs, and beginnings of them that have what no whole run has: a negative gap, ties, no fall yet.
RUNS = Traces(
    VISIBLE,
    (("A", 12), ("B", 18), ("C", 12), ("D", 16), ("A", 2), ("A", 6), ("A", 8), ("B", 11)),
    named=True,
)  # fmt: skip

read_trace = Exercise(
    name="read_trace",
    lesson=LESSON,
    aspects=(
        Aspect("best_epoch", "the best epoch: highest validation accuracy, of equal ones the lowest loss", 1.5),
        Aspect("fine_tuning_began", "the first epoch with a lower rate than the one before, or None", 1.5),
        Aspect("generalisation_gap", "training minus validation accuracy at the best epoch", 1.25),
        Aspect("overfits", "whether training still improves while the validation loss has risen by more than 5 %", 1.5),
        Aspect("plain", "exactly these four keys, with plain Python values", 0.75, requires=("best_epoch",)),
        Aspect("intact", "the history is left as it came", 0.5, requires=("best_epoch",)),
    ),
    examine=examine_read_trace,
    cases=(RUNS,),
    hints=(
        "Four questions, one after the other. Three of them look for one record first: the best one, the first with a lower "
        "rate, the one with the lowest val_loss.",
        "max(history, key=...) and min(history, key=...) find a record; a key may be a tuple, such as accuracy and minus the "
        "loss. itertools.pairwise(history) pairs each record with the next.",
        'best = max(history, key=lambda record: (record["val_accuracy"], ...))\n'
        'falls = [after["epoch"] for before, after in pairwise(history) if ...]\n'
        'lowest, last = min(history, key=...), history[-1]\nrises = last["val_loss"] > 1.05 * lowest[...]\n'
        'return {"best_epoch": best["epoch"], "fine_tuning_began": falls[0] if falls else None, ...}',
    ),
)

prediction_trace = Exercise(
    name="prediction_trace",
    lesson=LESSON,
    aspects=(
        Aspect("input", "input: the image as a batch of one", 0.75),
        Aspect("features", "features: what goes into the head, in eval mode", 2),
        Aspect("logits", "logits: what comes out of the head, in eval mode", 1.25),
        Aspect("probabilities", "probabilities: their softmax over the classes", 1.25),
        Aspect("prediction", "prediction: the most probable class, int64, one for the one image", 1),
        Aspect("plain", "five tensors and no more, without a graph", 0.75, requires=("features",)),
        Aspect("intact", "model, modes and image are as they came", 1, requires=("features",)),
    ),
    examine=examine_prediction_trace,
    cases=(
        Case(num_classes=6),
        Case(kind="lookalike", head_name="classifier", num_classes=5, seed=1),
        Case(kind="nested", head_name="head", num_classes=9, width=10, seed=2),
        Case(kind="no_norm", head_name="fc", num_classes=3, seed=3),
    ),
    hints=(
        "Make a batch of the image, listen at the head's door, send the batch through in eval mode without gradients, and put "
        "everything back.",
        "image[None], head.register_forward_pre_hook(...) and its handle's remove(), model.eval(), torch.no_grad(), "
        "logits.softmax(dim=1), logits.argmax(dim=1). Remember each module's mode first.",
        "seen = []\nhandle = getattr(model, head_name).register_forward_pre_hook(lambda module, inputs: seen.append(...))\n"
        "modes = [(module, module.training) for module in model.modules()]\nmodel.eval()\nwith torch.no_grad():\n"
        "    logits = model(...)\nhandle.remove()\nfor module, training in modes:\n    module.training = ...\n"
        'return {"input": ..., "features": seen[0], "logits": logits, "probabilities": ..., "prediction": ...}',
    ),
)
