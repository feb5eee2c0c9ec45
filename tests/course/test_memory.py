"""Is the memory that doctor speaks of the one that a process may use?"""

import psutil
import pytest

from helpers.course import memory


def test_without_a_container_it_is_what_psutil_says(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "LIMIT", tmp_path / "nowhere")
    total, free = memory.total_and_free()
    assert total == psutil.virtual_memory().total and 0 < free <= total


@pytest.mark.parametrize(("said", "limit"), [("1000000\n", 1_000_000), ("max\n", psutil.virtual_memory().total)])
def test_a_containers_limit_is_kept(monkeypatch, tmp_path, said, limit):
    monkeypatch.setattr(memory, "LIMIT", tmp_path / "memory.max")
    memory.LIMIT.write_text(said)
    total, free = memory.total_and_free()
    assert total == limit and free <= limit
