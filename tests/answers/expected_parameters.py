"""`expected_parameters`: ResNet50's counts after the swap, predicted."""

_RIGHT = {"total": 23_528_522, "head": 20_490, "base": 23_508_032}

RIGHT = {
    "written out": _RIGHT,
    "reckoned from the old model": {
        "head": 2048 * 10 + 10,
        "base": 25_557_032 - 2_049_000,
        "total": 25_557_032 - 2_049_000 + 20_490,
    },
    "another order": dict(sorted(_RIGHT.items())),
}
WRONG = {
    "outputs for parameters": ({**_RIGHT, "head": 10, "total": 23_508_042}, "outputs_counted", "wrong_count"),
    "inputs for parameters": ({**_RIGHT, "head": 2048}, "inputs_counted", "does_not_add_up"),
    "the base is the whole new model": ({**_RIGHT, "base": 23_528_522}, "head_not_subtracted", "does_not_add_up"),
    "other keys": ({"all": 23_528_522, "head": 20_490, "base": 23_508_032}, "missing_key", "incomplete"),
    "bias forgotten": ({**_RIGHT, "head": 20_480, "total": 23_528_512}, "bias_forgotten"),
    "still 1000 outputs": ({**_RIGHT, "total": 25_557_032, "head": 2_049_000}, "still_thousand"),
    "head not in the total": ({**_RIGHT, "total": 23_508_032}, "head_missing", "does_not_add_up"),
    "old head not taken away": ({**_RIGHT, "base": 25_557_032}, "head_not_subtracted", "does_not_add_up"),
    "both heads": ({**_RIGHT, "total": 25_577_522}, "both_heads", "does_not_add_up"),
    "tensors": ({"total": 161, "head": 2, "base": 159}, "tensors_counted"),
    "a key is missing": ({"total": 23_528_522, "head": 20_490}, "missing_key", "incomplete"),
    "floats": ({key: float(value) for key, value in _RIGHT.items()}, "not_int", "incomplete"),
    "a list": (list(_RIGHT.values()), "not_a_dict", "missing_key"),
    "a slip of the pen": ({**_RIGHT, "base": 23_508_023}, "does_not_add_up", "wrong_count"),
}
