"""`prediction_trace`: one image through the model, in five steps."""

import copy
from functools import partial

import torch
from torch import nn

from tests.answers import after, changed, followed_by, given, quietly


def _steps(batch, features, logits):
    return {
        "input": batch,
        "features": features,
        "logits": logits,
        "probabilities": logits.softmax(dim=1),
        "prediction": logits.argmax(dim=1),
    }


def _listening(model, head_name, image, *, hook_stays=False):
    seen = []
    handle = getattr(model, head_name).register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    logits = model(image[None])
    if not hook_stays:
        handle.remove()
    return _steps(image[None], seen[0], logits)


_hook = quietly(_listening)


def _replacing(model, head_name, image, *, head_lost=False):
    head = getattr(model, head_name)
    setattr(model, head_name, nn.Identity())
    features = model(image.unsqueeze(0))
    if not head_lost:
        setattr(model, head_name, head)
    return _steps(image.unsqueeze(0), features, head(features))


def _on_a_copy(model, head_name, image):
    copied = copy.deepcopy(model).eval().requires_grad_(False)
    pairs = []
    getattr(copied, head_name).register_forward_hook(lambda module, args, output: pairs.append((args[0], output)))
    batch = torch.stack([image])
    copied(batch)
    features, logits = pairs[0]
    exponentials = (logits - logits.max()).exp()
    probabilities = exponentials / exponentials.sum()
    found = {"prediction": logits.topk(1).indices[:, 0], "probabilities": probabilities}
    return {"input": batch, "features": features, "logits": logits, **found}


def _replaced(**other):
    """A right answer with some steps replaced by ``step(trace)``; None leaves the step out."""

    def answer(model, head_name, image):
        trace = _hook(model, head_name, image)
        for step, make in other.items():
            if make is None:
                del trace[step]
            else:
                trace[step] = make(trace)
        return trace

    return answer


_train_mode = torch.no_grad()(_listening)
_stays_in_eval = after(nn.Module.eval, _train_mode)


@quietly
def _in_place(model, head_name, image):
    return _listening(model, head_name, image.unsqueeze_(0)[0])


RIGHT = {"a hook on the head": _hook, "Identity for a while": quietly(_replacing), "everything on a copy": _on_a_copy}
WRONG = {
    "in train mode": (_train_mode, "train_mode", "statistics_moved"),
    "in train mode, what it leaves": (_train_mode, "statistics_moved", "train_mode"),
    "left in eval mode": (_stays_in_eval, "mode_left"),
    "everything back to train mode": (followed_by(_stays_in_eval, nn.Module.train), "mode_left"),
    "with a graph": (quietly(_listening, gradients=True), "graph_kept"),
    "hook left behind": (quietly(partial(_listening, hook_stays=True)), "hook_left"),
    "head not put back": (quietly(partial(_replacing, head_lost=True)), "head_replaced"),
    "unsqueeze_ in place": (_in_place, "image_changed"),
    "image normalised once more": (
        given(_hook, image=lambda image: (image - image.mean()) / image.std()),
        "other_input",
        "other_features",
        "other_logits",
        "other_probabilities",
    ),
    "features after the head": (_replaced(features=lambda trace: trace["logits"]), "logits_returned"),
    "features as a map": (_replaced(features=lambda trace: trace["features"][:, :, None, None]), "not_flat"),
    "logits that are probabilities": (_replaced(logits=lambda trace: trace["probabilities"]), "softmax_too_early"),
    "no softmax": (_replaced(probabilities=lambda trace: trace["logits"]), "no_softmax"),
    "softmax over the batch": (_replaced(probabilities=lambda trace: trace["logits"].softmax(0)), "wrong_dim"),
    "softmax twice": (_replaced(probabilities=lambda trace: trace["probabilities"].softmax(1)), "softmax_twice"),
    "sigmoid": (_replaced(probabilities=lambda trace: trace["logits"].sigmoid()), "sigmoid"),
    "log_softmax": (_replaced(probabilities=lambda trace: trace["logits"].log_softmax(1)), "log_softmax"),
    "argmax without dim": (_replaced(prediction=lambda trace: trace["logits"].argmax()), "prediction_shape"),
    "the highest logit itself": (_replaced(prediction=lambda trace: trace["logits"].max(1).values), "prediction_dtype"),
    "the least probable class": (_replaced(prediction=lambda trace: trace["logits"].argmin(1)), "other_class"),
    "a plain int": (_replaced(prediction=lambda trace: int(trace["prediction"])), "not_a_tensor"),
    "no prediction": (_replaced(prediction=None), "missing_key", "other_keys"),
    "no input": (_replaced(input=None), "other_keys", "missing_key"),
    "one key more": (_replaced(label=lambda trace: trace["prediction"]), "other_keys"),
    "without the batch": (
        changed(_hook, lambda trace: {step: value[0] for step, value in trace.items()}),
        "no_batch",
        "prediction_shape",
    ),
    "a list of steps": (changed(_hook, lambda trace: list(trace.values())), "not_a_dict"),
}
