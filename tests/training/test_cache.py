"""Does the cache give back what was put in, or nothing at all?"""

import multiprocessing
import os
import sys
import time
import weakref
from unittest.mock import Mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.training import cache

KEY = cache.make_key("a test")


def tensors(seed=0, count=6):
    generator = torch.Generator().manual_seed(seed)
    return {"features": torch.randn(count, 3, 2, generator=generator), "labels": torch.arange(count)}


def same(first, second):
    return first is not None and first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


@pytest.fixture
def kept(tmp_path):
    """(folder, file) of one entry."""
    assert cache.write(tmp_path, KEY, tensors(), limit_mb=1)
    return tmp_path, next(tmp_path.iterdir())


def test_what_was_kept_comes_back_bit_for_bit(kept):
    folder, file = kept
    assert same(cache.read(folder, KEY), tensors())
    assert cache.read(folder, cache.make_key("another")) is None
    assert list(folder.iterdir()) == [file], "no temporary file is left"


def test_a_folder_that_is_not_there_is_made(tmp_path):
    assert cache.read(tmp_path / "a" / "b", KEY) is None
    assert cache.write(tmp_path / "a" / "b", KEY, tensors(), limit_mb=1) and cache.read(tmp_path / "a" / "b", KEY)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_file_cut_short_counts_as_absent(kept, share):
    folder, file = kept
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    assert cache.read(folder, KEY) is None and not file.exists()


@given(place=st.floats(0, 0.999), bit=st.integers(0, 7))
@settings(max_examples=80, deadline=None)
def test_a_flipped_bit_is_noticed_wherever_it_is(tmp_path_factory, place, bit):
    folder = tmp_path_factory.mktemp("flip")
    cache.write(folder, KEY, tensors(), limit_mb=1)
    file = next(folder.iterdir())
    content = bytearray(file.read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    file.write_bytes(content)
    found = cache.read(folder, KEY)
    # A bit between the parts of the header means nothing; any other makes the file worthless.
    assert found is None or same(found, tensors())


def test_an_entry_under_another_name_is_refused(kept):
    folder, file = kept
    other = cache.make_key("another")
    file.rename(file.with_name(file.name.replace(KEY, other)))
    assert cache.read(folder, other) is None


def test_a_file_of_other_making_is_refused(tmp_path):
    from safetensors.torch import save_file

    save_file(tensors(), tmp_path / f"{KEY}{cache.SUFFIX}")
    assert cache.read(tmp_path, KEY) is None


def test_what_exceeds_the_limit_is_not_kept(tmp_path):
    assert not cache.write(tmp_path, KEY, tensors(), limit_mb=1e-5) and not list(tmp_path.iterdir())


def test_the_least_recently_used_makes_room(tmp_path):
    keys = [cache.make_key(str(number)) for number in range(4)]
    entry = tensors(count=5000)
    limit = 3.5 * cache.size_mb(entry)
    for age, key in zip((300, 200, 100), keys, strict=False):
        cache.write(tmp_path, key, entry, limit)
        os.utime(tmp_path / f"{key}{cache.SUFFIX}", (time.time() - age,) * 2)
    assert cache.read(tmp_path, keys[0]) is not None, "reading makes the oldest the youngest"
    assert cache.write(tmp_path, keys[3], entry, limit)
    assert [cache.read(tmp_path, key) is not None for key in keys] == [True, False, True, True]


def test_what_a_stopped_process_left_is_cleared_away(tmp_path):
    old, young, other = (tmp_path / name for name in ("old.tmp", "young.tmp", "notes.txt"))
    for path in (old, young, other):
        path.write_text("half")
    os.utime(old, (time.time() - 2 * cache.STALE_SECONDS,) * 2)
    cache.write(tmp_path, KEY, tensors(), limit_mb=1)
    assert not old.exists() and young.exists() and other.exists()


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path):
    blocked = tmp_path / "a file, not a folder"
    blocked.write_text("")
    assert cache.read(blocked, KEY) is None and not cache.write(blocked, KEY, tensors(), limit_mb=1)


def test_a_disk_that_fills_up_is_no_error(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "save_file", Mock(side_effect=OSError(28, "No space left on device")))
    assert not cache.write(tmp_path, KEY, tensors(), limit_mb=1) and not list(tmp_path.iterdir())


def test_a_checksum_depends_on_name_type_shape_and_value():
    base = torch.arange(6, dtype=torch.float32)
    others = [{"a": base}, {"b": base}, {"a": base.reshape(2, 3)}, {"a": base.int()}, {"a": base + 1}, {"a": base.bfloat16()}]
    assert len({cache.checksum(other) for other in others}) == len(others)
    assert cache.checksum({"a": base.reshape(2, 3).t()}) == cache.checksum({"a": base.reshape(2, 3).t().contiguous()})
    assert cache.checksum({"a": torch.tensor(3)}) != cache.checksum({"a": torch.tensor(4)})


def _work(folder, number, failures):
    """Write and read in turns, with a limit so small that entries of one process push out those of the other."""
    for turn in range(60):
        seed = (turn + number) % 3
        key = cache.make_key(str(seed))
        cache.write(folder, key, tensors(seed, count=50), limit_mb=0.005)
        found = cache.read(folder, key)
        if found is not None and not same(found, tensors(seed, count=50)):
            failures.put((number, turn))


def test_two_processes_at_once_do_no_harm(tmp_path):
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")  # spawned, each imports torch
    failures = context.SimpleQueue()
    workers = [context.Process(target=_work, args=(tmp_path, number, failures)) for number in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0] and failures.empty() and not list(tmp_path.glob("*.tmp"))


def rows(entry, size=4):
    """An entry's rows, batch by batch."""
    return zip(entry["features"].split(size), entry["labels"].split(size), strict=True)


def test_what_comes_batch_by_batch_is_kept_as_what_comes_at_once(tmp_path):
    entry = tensors(count=10)
    assert cache.write_rows(tmp_path, KEY, rows(entry), 10, limit_mb=1)
    assert same(cache.read(tmp_path, KEY), entry) and len(list(tmp_path.iterdir())) == 1
    file = next(tmp_path.iterdir())
    content = bytearray(file.read_bytes())
    for place in range(0, len(content), 7):
        other = bytearray(content)
        other[place] ^= 1
        file.write_bytes(other)
        found = cache.read(tmp_path, KEY)
        assert found is None or same(found, entry)


def test_few_batches_are_in_memory_at_any_time(tmp_path):
    alive = []

    def batches():
        for number in range(12):
            assert sum(seen() is not None for seen in alive) <= 2
            batch = torch.full((4, 3, 2), float(number))
            alive.append(weakref.ref(batch))
            yield batch, torch.arange(4)
            del batch

    assert cache.write_rows(tmp_path, KEY, batches(), 48, limit_mb=1)
    assert torch.equal(cache.read(tmp_path, KEY)["features"][:, 0, 0], torch.arange(12.0).repeat_interleave(4))


def test_rows_without_room_are_not_even_computed(tmp_path):
    asked = []

    def batches():
        for batch in rows(tensors(count=10)):
            asked.append(batch)
            yield batch

    assert not cache.write_rows(tmp_path, KEY, batches(), 10, limit_mb=1e-5)
    assert len(asked) == 1 and not list(tmp_path.iterdir())


def test_rows_that_stop_half_way_leave_nothing(tmp_path):
    def batches():
        yield from list(rows(tensors(count=10)))[:2]
        raise OSError("no space left on device")

    assert not cache.write_rows(tmp_path, KEY, batches(), 10, limit_mb=1) and not list(tmp_path.iterdir())
