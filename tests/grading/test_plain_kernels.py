"""Is a kernel that is started anew, as where forking is not safe, as good as a forked one?"""

import time
from contextlib import contextmanager

from jupyter_client import BlockingKernelClient

from helpers.grading.sandbox.kernel_source import BoxLimits
from helpers.grading.sandbox.plain_kernels import PlainKernels


@contextmanager
def _kernel(folder, files):
    """A function that runs code in a kernel and returns what it prints; with files beside it: name -> content."""
    kernels = PlainKernels(folder, BoxLimits())
    kernels.start()
    (kernels.wire / "files").mkdir()
    for name, content in files.items():
        (kernels.wire / "files" / name).write_text(content)
    client = BlockingKernelClient(connection_file=str(folder / "kernel.json"))
    client.write_connection_file()
    known = client.get_connection_info()
    kernels.start_kernel({**known, "key": known["key"].decode()}, "files", {})

    def run(source):
        said = []

        def hear(message):
            said.append(message["content"].get("text", ""))

        client.execute_interactive(source, timeout=60, output_hook=hear)
        return "".join(said)

    client.start_channels(hb=False)
    try:
        yield run
    finally:
        kernels.end()
        client.stop_channels()
    assert kernels.state()[0] is not None


def test_modules_beside_the_notebook_are_found_and_take_nobodys_place_and_exit_is_not_obeyed(tmp_path):
    with _kernel(tmp_path, {"doubling.py": "two = 2", "tqdm.py": "raise ImportError('not the library')"}) as run:
        assert run("import tqdm, doubling\nprint(doubling.two, tqdm.__name__)\nexit()") == "2 tqdm\n"
        time.sleep(0.5)  # an obedient kernel ends a little after it has replied
        assert run("print('still there')") == "still there\n"
