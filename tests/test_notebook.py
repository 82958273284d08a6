"""The notebook runs from top to bottom, and finds what its text says."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parents[1] / "examples" / "tour.ipynb"


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The notebook and what its cells show, run by IPython in this process, which has torch.

    `test_notebook_display` sees to it that a kernel shows the same.
    """
    import nbformat
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output
    from traitlets.config import Config

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    given: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(NOTEBOOK.parents[1])
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        patch.setitem(sys.modules, "__main__", sys.modules["__main__"])
        shell = InteractiveShell.instance(config=Config(HistoryManager={"enabled": False}))
        patch.setattr(shell.displayhook, "write_output_prompt", lambda: None)
        patch.setattr(shell.displayhook, "write_format_data", lambda data, *_: given.append(data))
        try:
            for cell in notebook.cells:
                if cell.cell_type == "code":
                    with capture_output() as shown:
                        shell.run_cell(cell.source).raise_error()
                    cell.outputs = [{"text": shown.stdout}, *({"data": data} for data in given)]
                    given.clear()
            yield notebook
        finally:
            shell.restore_sys_module_state()
            InteractiveShell.clear_instance()


def text_of(notebook: Any, part: str) -> str:
    """What the first cell that holds `part` printed and gave, as text."""
    cell = next(cell for cell in notebook.cells if part in cell.source and cell.cell_type == "code")
    return "".join(
        output.get("text", "") + output.get("data", {}).get("text/plain", "")
        for output in cell.get("outputs", [])
    )


def test_it_finds_what_it_says(executed: Any) -> None:
    assert "28,512 pairs" in text_of(executed, "read_table")
    assert text_of(executed, "hub_scores").splitlines()[1].split()[1] == "L4H7"
    places = [line.split() for line in text_of(executed, "hubs_of_kind").splitlines()[1:]]
    assert next(row[1] for row in places if len(row) > 2) == "L4H7"
    hub = text_of(executed, "copying").splitlines()[1].split()
    assert (hub[1], hub[3]) == ("L4H7", "-0.9985"), "it erases"
    few, _, leader, *_ = text_of(executed, "max_decoy").splitlines()
    assert few == "45 of 858 edges, OK"
    assert leader.split()[1] == "L5H6"
    scores = {row[0]: row[1:] for row in map(str.split, text_of(executed, "pivot").splitlines())}
    assert scores["pairing"] == ["OK", "OQ", "OV"]
    ok, oq, ov = zip(*(map(float, scores[name]) for name in ("pk", "cs", "layers")), strict=True)
    assert oq[0] == 0.475
    assert ok[0] > max(ok[1:])
    assert oq[0] > max(oq[1:])
    assert ov[2] > ov[0] > ov[1]


def test_its_pictures_are_drawn(executed: Any) -> None:
    drawn = [
        output
        for cell in executed.cells
        for output in cell.get("outputs", [])
        if "image/svg+xml" in output.get("data", {})
    ]
    assert len(drawn) == 2


def test_it_is_stored_without_outputs() -> None:
    import nbformat

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not [cell for cell in notebook.cells if cell.get("outputs")]
