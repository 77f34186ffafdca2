"""The code in the documentation runs."""

import pathlib
import re

import pytest

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "python.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_each_block_runs(block, capsys):
    exec(compile(block, str(PAGE), "exec"), {})


def test_there_are_blocks():
    assert len(BLOCKS) >= 2
