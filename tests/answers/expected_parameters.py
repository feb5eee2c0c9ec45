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
    "bias forgotten": ({**_RIGHT, "head": 20_480, "total": 23_528_512}, "bias_forgotten"),
    "still 1000 outputs": ({**_RIGHT, "total": 25_557_032, "head": 2_049_000}, "still_thousand"),
    "head not in the total": ({**_RIGHT, "total": 23_508_032}, "head_missing"),
    "old head not taken away": ({**_RIGHT, "base": 25_557_032}, "head_not_subtracted"),
    "both heads": ({**_RIGHT, "total": 25_577_522}, "both_heads"),
    "tensors": ({"total": 161, "head": 2, "base": 159}, "tensors_counted"),
    "a key is missing": ({"total": 23_528_522, "head": 20_490}, "not_int"),
    "floats": ({key: float(value) for key, value in _RIGHT.items()}, "not_int"),
    "a list": (list(_RIGHT.values()), "not_int"),
    "a slip of the pen": ({**_RIGHT, "base": 23_508_023}, "does_not_add_up"),
}
