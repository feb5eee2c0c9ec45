"""`prediction_trace`: one image through the model, in five steps."""

import copy

import torch
from torch import nn


def _kept_modes(function):
    def wrapped(model, head_name, image):
        modes = [(module, module.training) for module in model.modules()]
        model.eval()
        with torch.no_grad():
            found = function(model, head_name, image)
        for module, training in modes:
            module.training = training
        return found

    return wrapped


def _steps(batch, features, logits):
    return {
        "input": batch,
        "features": features,
        "logits": logits,
        "probabilities": logits.softmax(dim=1),
        "prediction": logits.argmax(dim=1),
    }


def _listening(model, head_name, image):
    seen = []
    handle = getattr(model, head_name).register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    logits = model(image[None])
    handle.remove()
    return _steps(image[None], seen[0], logits)


_hook = _kept_modes(_listening)


@_kept_modes
def _identity(model, head_name, image):
    head = getattr(model, head_name)
    setattr(model, head_name, nn.Identity())
    features = model(image.unsqueeze(0))
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


def _changed(**other):
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


def _train_mode(model, head_name, image):
    with torch.no_grad():
        return _listening(model, head_name, image)


def _stays_in_eval(model, head_name, image):
    model.eval()
    with torch.no_grad():
        return _listening(model, head_name, image)


def _all_back_to_train(model, head_name, image):
    trace = _stays_in_eval(model, head_name, image)
    model.train()
    return trace


def _with_graph(model, head_name, image):
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    trace = _listening(model, head_name, image)
    for module, training in modes:
        module.training = training
    return trace


@_kept_modes
def _hook_stays(model, head_name, image):
    seen = []
    getattr(model, head_name).register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    logits = model(image[None])
    return _steps(image[None], seen[0], logits)


@_kept_modes
def _head_lost(model, head_name, image):
    head = getattr(model, head_name)
    setattr(model, head_name, nn.Identity())
    features = model(image[None])
    return _steps(image[None], features, head(features))


@_kept_modes
def _in_place(model, head_name, image):
    return _listening(model, head_name, image.unsqueeze_(0)[0])


@_kept_modes
def _normalised_again(model, head_name, image):
    return _listening(model, head_name, (image - image.mean()) / image.std())


def _without_batch(trace):
    return {step: value[0] for step, value in trace.items()}


RIGHT = {"a hook on the head": _hook, "Identity for a while": _identity, "everything on a copy": _on_a_copy}
WRONG = {
    "in train mode": (_train_mode, "train_mode"),
    "in train mode, what it leaves": (_train_mode, "statistics_moved"),
    "left in eval mode": (_stays_in_eval, "mode_left"),
    "everything back to train mode": (_all_back_to_train, "mode_left"),
    "with a graph": (_with_graph, "graph_kept"),
    "hook left behind": (_hook_stays, "hook_left"),
    "head not put back": (_head_lost, "head_replaced"),
    "unsqueeze_ in place": (_in_place, "image_changed"),
    "image normalised once more": (_normalised_again, "other_input"),
    "features after the head": (_changed(features=lambda trace: trace["logits"]), "logits_returned"),
    "features as a map": (_changed(features=lambda trace: trace["features"][:, :, None, None]), "not_flat"),
    "logits that are probabilities": (_changed(logits=lambda trace: trace["probabilities"]), "softmax_too_early"),
    "no softmax": (_changed(probabilities=lambda trace: trace["logits"]), "no_softmax"),
    "softmax over the batch": (_changed(probabilities=lambda trace: trace["logits"].softmax(0)), "wrong_dim"),
    "softmax twice": (_changed(probabilities=lambda trace: trace["probabilities"].softmax(1)), "softmax_twice"),
    "sigmoid": (_changed(probabilities=lambda trace: trace["logits"].sigmoid()), "sigmoid"),
    "log_softmax": (_changed(probabilities=lambda trace: trace["logits"].log_softmax(1)), "log_softmax"),
    "argmax without dim": (_changed(prediction=lambda trace: trace["logits"].argmax()), "prediction_shape"),
    "the highest logit itself": (_changed(prediction=lambda trace: trace["logits"].max(1).values), "prediction_dtype"),
    "the least probable class": (_changed(prediction=lambda trace: trace["logits"].argmin(1)), "other_class"),
    "a plain int": (_changed(prediction=lambda trace: int(trace["prediction"])), "not_a_tensor"),
    "no prediction": (_changed(prediction=None), "missing_key"),
    "no input": (_changed(input=None), "other_keys"),
    "one key more": (_changed(label=lambda trace: trace["prediction"]), "other_keys"),
    "without the batch": (lambda *args: _without_batch(_hook(*args)), "no_batch"),
    "a list of steps": (lambda *args: list(_hook(*args).values()), "not_a_dict"),
}
