"""A warning for a line of ours fails a test; a deprecation inside a dependency does not."""

import warnings

import pytest


@pytest.mark.parametrize("module", ["headgraph", "headgraph.pk_engine.table", "tests.tables"])
def test_a_warning_for_a_line_of_ours_is_an_error(module: str) -> None:
    with pytest.raises(DeprecationWarning, match="planted"):
        warnings.warn_explicit("planted", DeprecationWarning, "file.py", 1, module)


class OfPyparsing(UserWarning, DeprecationWarning):
    """Of two kinds, as the warnings of pyparsing are, which older versions of matplotlib cause."""


OTHERS = [
    (kind, module)
    for module in ("numpy.linalg", "torch", "headgraphics")
    for kind in (DeprecationWarning, FutureWarning, UserWarning)
]


@pytest.mark.parametrize(("kind", "module"), [*OTHERS, (OfPyparsing, "matplotlib._mathtext")])
def test_a_dependency_may_deprecate_what_it_calls_itself(kind: type[Warning], module: str) -> None:
    with warnings.catch_warnings(record=True) as shown:
        warnings.warn_explicit("planted", kind, "file.py", 1, module)
    assert [str(one.message) for one in shown] == ["planted"]


@pytest.mark.parametrize(
    ("kind", "module"),
    [(RuntimeWarning, "numpy._core._methods"), (ResourceWarning, "socket"),
     (UserWarning, "matplotlib.text"), (pytest.PytestUnraisableExceptionWarning, "_pytest")],
)  # fmt: skip
def test_what_is_our_fault_wherever_it_is_found(kind: type[Warning], module: str) -> None:
    with pytest.raises(kind, match="planted"):
        warnings.warn_explicit("planted", kind, "file.py", 1, module)
