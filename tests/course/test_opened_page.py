"""Is an untouched notebook given out with what its kernel will say, and everything else as it is?"""

import asyncio
import sys

import nbformat
import pytest

from helpers.course.opened_page import Contents

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
HANDED_OUT = {"kernelspec": KERNEL, "language_info": {"name": "python"}}


@pytest.fixture
def contents(tmp_path):
    for name, metadata in {"ours": HANDED_OUT, "bare": {}, "other": {"kernelspec": {"name": "ir", "display_name": "R"}}}.items():
        nbformat.write(nbformat.v4.new_notebook(metadata=metadata), tmp_path / f"{name}.ipynb")
    (tmp_path / "words.md").write_text("# Words", encoding="utf-8")
    return Contents(root_dir=str(tmp_path))


def test_a_notebook_for_this_kernel_says_what_the_kernel_says(contents):
    def get(path, **options):
        return asyncio.run(contents.get(path, **options))

    metadata = get("ours.ipynb")["content"]["metadata"]
    assert metadata["kernelspec"]["display_name"] == "Python 3 (ipykernel)"
    assert metadata["language_info"]["version"] == sys.version.split()[0] and metadata["language_info"]["name"] == "python"
    for name, expected in {"bare": {}, "other": {"kernelspec": {"name": "ir", "display_name": "R"}}}.items():
        assert get(f"{name}.ipynb")["content"]["metadata"] == expected
    assert get("words.md")["content"] == "# Words"
    assert get("ours.ipynb", content=False)["content"] is None
    assert "ours.ipynb" in [entry["name"] for entry in get("")["content"]]
