"""The notebook runs from top to bottom, and is kept without its outputs."""

import json
import pathlib
import subprocess
import sys

import pytest
from serinus import stats

NOTEBOOK = pathlib.Path(__file__).parents[2] / "examples" / "python" / "rollout.ipynb"
# In a process of its own: a kernel's event loop and its warnings are not those of the suite.
RUN = """
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], as_version=4)
nbformat.validate(notebook)
nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[2])
"""


def cells(path):
    return json.loads(path.read_text())["cells"]


def test_it_is_kept_without_outputs():
    code = [cell for cell in cells(NOTEBOOK) if cell["cell_type"] == "code"]
    assert len(code) >= 5
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


@pytest.mark.slow
def test_it_runs_and_shows_what_it_says(tmp_path):
    pytest.importorskip("nbclient", reason="running the notebook needs nbclient, ipykernel, matplotlib and pandas")
    ran = tmp_path / "ran.ipynb"
    done = subprocess.run([sys.executable, "-c", RUN, NOTEBOOK, ran], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    outputs = json.dumps([cell.get("outputs") for cell in cells(ran)])
    assert outputs.count("image/png") == 2 and "<th>rolled back falsely</th>" in outputs
    assert "medium risk" in outputs and "judged failures: " in outputs
    size = stats.sample_size(
        0.03, design="two-proportions", baseline=0.03, alternative="less", alpha=0.01, canary_share=0.1
    )
    assert f"{size.b:.1f}" in outputs and "power with the first stage" in outputs
