"""A program of its own: runs an ONNX file that nobody trusts, on batches of images. Started by `onnx_run`, never imported.

Reads from its standard input the file's length, the file, and the batches (safetensors, names ``"0"``, ``"1"``, ...); writes
safetensors with what came of each batch, twice (``"0.first"``, ``"0.again"``), and the rest as JSON in the metadata. It takes its
own rights away first: memory, seconds, and how much it may write. It imports no torch and nothing of the course.
"""

import json
import sys
from contextlib import suppress

MOST_MEMORY, MOST_SECONDS, MOST_WRITTEN = 4_000_000_000, 20, 4_000_000  # bytes, processor time, bytes


def main() -> None:
    """Run what comes in, and tell what came of it."""
    _limit()
    import numpy as np
    from safetensors.numpy import load, save

    data = sys.stdin.buffer.read()
    length = int.from_bytes(data[:8], "little")
    content, batches = data[8 : 8 + length], load(data[8 + length :])
    told, arrays = _run(content, batches)
    kept = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    sys.stdout.buffer.write(save(kept, {"told": json.dumps(told)}))


def _limit() -> None:
    with suppress(ImportError, ValueError, OSError):  # Windows has no such limits, macOS not all of them
        import resource

        limits = {resource.RLIMIT_AS: MOST_MEMORY, resource.RLIMIT_CPU: MOST_SECONDS, resource.RLIMIT_FSIZE: MOST_WRITTEN}
        for kind, most in limits.items():
            with suppress(ValueError, OSError):
                resource.setrlimit(kind, (most, most))


def _run(content: bytes, batches: dict) -> tuple[dict, dict]:
    """(what is told of the file, what came of each batch)."""
    import numpy as np
    import onnx
    import onnxruntime

    told = {"error": "", "outside": False, "inputs": [], "outputs": [], "stopped": {}}
    try:
        graph = onnx.load_model_from_string(content).graph
        told["outside"] = any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in graph.initializer)
        options = onnxruntime.SessionOptions()
        # Left to itself ONNX Runtime takes Dropout out even where the file has it active: other programs would not.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.intra_op_num_threads, options.log_severity_level = 1, 4
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        told["inputs"], told["outputs"] = (
            [value.name for value in found()] for found in (session.get_inputs, session.get_outputs)
        )
    except Exception as error:
        told["error"] = _words(error)
        return told, {}
    arrays = {}
    for name, batch in batches.items():
        try:
            for turn in ("first", "again"):
                arrays[f"{name}.{turn}"] = np.asarray(session.run(None, {told["inputs"][0]: batch})[0], dtype=np.float32)
        except Exception as error:
            told["stopped"][name] = _words(error)
    return told, arrays


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


if __name__ == "__main__":
    main()
