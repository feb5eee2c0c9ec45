"""What IPython runs when a kernel of the course starts: the file that PYTHONSTARTUP names in its environment.

Python looks for unreachable objects after every 700 new ones. Importing torch and what comes with it makes a million that all
stay, and a third of the time went into looking.

Where a page has opened a notebook that imports torch, its kernel imports it while its learner reads: the first cell then waits a
tenth of a second, and not three. A cell that comes earlier waits for the module at hand, so that no two threads import at once.
No name is left behind: the learner's variables are the learner's.
"""


def _start() -> None:
    __import__("gc").set_threshold(100_000, 50, 100)
    import os
    import threading
    from contextlib import suppress
    from pathlib import Path

    with suppress(OSError, ImportError, UnicodeDecodeError):
        from helpers.course import memory

        opened = Path(os.environ.get("JPY_SESSION_NAME", "")).read_text(encoding="utf-8")
        # With all three a kernel takes 0.4 GB, and JupyterLab starts one for each notebook that it opens again.
        if "import torch" in opened and memory.total_and_free()[1] > 2 * 10**9:
            events, wanted = get_ipython().events, threading.Event()  # noqa: F821 (IPython's)

            def read_ahead() -> None:
                for module in ("torch", "torchvision", "timm"):
                    with suppress(Exception):  # the learner's own import says what is wrong
                        __import__(module)
                    if wanted.is_set():
                        return

            def wait() -> None:
                wanted.set()
                reader.join()
                events.unregister("pre_execute", wait)

            reader = threading.Thread(target=read_ahead, daemon=True)
            reader.start()
            events.register("pre_execute", wait)


_start()
del _start
