"""The code in the documentation runs."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[2]
BLOCKS = [
    pytest.param(page, block, id=f"{page}-{number}")
    for page in ["README.md", "docs/python.md", "docs/integrations.md"]
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL))
]


@pytest.mark.parametrize(("page", "block"), BLOCKS)
def test_each_block_runs(page, block, capsys):
    exec(compile(block, str(ROOT / page), "exec"), {"__name__": page})


def test_there_are_blocks():
    assert len(BLOCKS) >= 7
