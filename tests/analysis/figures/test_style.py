"""The style holds what it promises: colours tell apart for everyone, and nothing global changes."""

import re
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from matplotlib import rcParams

from headgraph.analysis.errors import AnalysisError, FigureError
from headgraph.analysis.figures import picture_path, save, style
from headgraph.base.palette import SPARE
from headgraph.pk_engine.errors import OutputExists
from headgraph.pk_engine.labels import labels_for
from headgraph.pk_engine.table.affinity import AffinityTable
from tests.analysis.figures.vision import EYES, distance, lightness

THEMES = [style.LIGHT, style.DARK]
themes = pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)


@themes
@pytest.mark.parametrize("eyes", EYES)
def test_pairings_differ_for_all_eyes(theme: style.Theme, eyes: str) -> None:
    colors = [look.color for look in theme.pairings.values()]
    assert min(distance(a, b, eyes) for a, b in combinations(colors, 2)) > 20


@themes
def test_pairings_differ_in_grey_and_in_shape(theme: style.Theme) -> None:
    looks = list(theme.pairings.values())
    for a, b in combinations(looks, 2):
        assert abs(lightness(a.color) - lightness(b.color)) > 9
        assert a.marker != b.marker
        assert a.dashes != b.dashes
    # 3 is what WCAG 2.2 asks of graphics
    assert all(style.contrast(look.color, theme.paper) > 3 for look in looks)


@themes
@pytest.mark.parametrize("eyes", EYES)
def test_classes_of_points_differ_for_all_eyes_and_in_grey(theme: style.Theme, eyes: str) -> None:
    assert min(distance(a, b, eyes) for a, b in combinations(theme.classes, 2)) > 15
    grey = sorted(map(lightness, theme.classes))
    assert min(b - a for a, b in pairwise(grey)) > 20
    assert all(style.contrast(color, theme.paper) > 3 for color in theme.classes[:3])


@themes
@pytest.mark.parametrize("eyes", EYES)
def test_roles_differ_for_all_eyes(theme: style.Theme, eyes: str) -> None:
    """Circuits share one grey; each role also carries its tag."""
    roles = style.ROLE_ORDER[: style.ROLE_ORDER.index(style.TASK) + 1]
    colors = [theme.role(role).color for role in roles]
    colors.append(theme.plain)
    assert min(distance(a, b, eyes) for a, b in combinations(colors, 2)) > 12


@themes
def test_circuits_have_greys_that_can_be_told_apart(theme: style.Theme) -> None:
    greys = [theme.role(r).color for r in ("greater_than", "sequence_continuation", "acronyms")]
    assert min(distance(a, b, eyes) for eyes in EYES for a, b in combinations(greys, 2)) > 8


@themes
def test_words_can_be_read_on_what_they_stand_on(theme: style.Theme) -> None:
    fills = [theme.role(role).color for role in (*style.ROLE_ORDER, "some_other_role")]
    fills += [theme.plain, *SPARE]
    assert all(style.contrast(theme.ink_on(fill), fill) > 4.5 for fill in fills)
    assert style.contrast(theme.ink, theme.paper) > 12
    assert style.contrast(theme.muted, theme.band) > 4.5


def test_tags_and_markers_are_all_different(table: AffinityTable) -> None:
    roles = sorted(set(labels_for(table.meta)["role"]))
    looks = [style.LIGHT.role(role) for role in roles]
    assert len({look.tag for look in looks}) == len(roles)
    mechanisms = [style.LIGHT.role(r) for r in style.ROLE_ORDER[: style.ROLE_ORDER.index("task")]]
    assert len({look.marker for look in mechanisms}) == len(mechanisms)
    assert all(len(look.tag) <= 6 for look in looks)


def test_an_unknown_role_has_a_look_of_its_own() -> None:
    look = style.DARK.role("very_long_role_name_of_mine")
    assert (look.name, look.tag) == ("very long role name of mine", "very long")
    assert look == style.DARK.role("very_long_role_name_of_mine")
    assert style.LIGHT.role("gender").tag == "gender"


def test_settings_of_the_user_are_left_alone_and_do_not_reach_in() -> None:
    before = dict(rcParams)
    try:
        rcParams["font.size"] = 31
        with style.styled(style.DARK):
            assert rcParams["font.size"] == style.LABEL
            assert rcParams["text.color"] == style.DARK.ink
        assert rcParams["font.size"] == 31
    finally:
        rcParams["font.size"] = before["font.size"]
    assert dict(rcParams) == before


def test_a_long_title_shrinks_to_fit() -> None:
    figure = style.new_figure(400, 100, style.LIGHT)
    style.headline(figure, "a long title " * 12, "below")
    title = figure.texts[0]
    assert title.get_window_extent().x1 < figure.bbox.x1
    assert style.text_width("", 8) == 0


def test_saving_asks_first_and_names_what_is_wrong(tmp_path: Path) -> None:
    figure = style.new_figure(100, 100, style.LIGHT)
    style.headline(figure, "T & t", "what <it> shows")
    with pytest.raises(FigureError) as problem:
        save(figure, tmp_path / "a.gif")
    assert str(problem.value) == (
        "a.gif ends in '.gif': expected a picture file ending in .svg, .png or .pdf"
    )
    with pytest.raises(FigureError, match="a ends in 'nothing'"):
        picture_path(tmp_path / "a")
    with pytest.raises(FigureError, match="no folder"):
        save(figure, tmp_path / "none" / "a.svg")
    path = save(figure, tmp_path / "a.SVG")
    text = path.read_text("utf-8")
    assert "<title>T &amp; t</title>" in text
    assert "<desc>what &lt;it&gt; shows</desc>" in text
    with pytest.raises(OutputExists, match="force=True"):
        save(figure, path)
    assert save(figure, path, force=True) == path
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", ["svg", "png", "pdf"])
def test_the_same_figure_gives_the_same_bytes(tmp_path: Path, kind: str) -> None:
    files = []
    for name in ("a", "b"):
        figure = style.new_figure(100, 100, style.LIGHT)
        style.headline(figure, "title", "lines")
        files.append(save(figure, tmp_path / f"{name}.{kind}").read_bytes())
    assert files[0] == files[1]
    assert not re.search(rb"CreationDate|dc:date|date:create", files[0])


def test_a_folder_that_cannot_be_written_is_stated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    figure = style.new_figure(100, 100, style.LIGHT)
    with pytest.raises(FigureError, match=r"cannot write .*No space left on device"):
        save(figure, tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


def test_a_png_of_gigabytes_is_refused_and_an_svg_is_drawn(tmp_path: Path) -> None:
    figure = style.new_figure(2258.0, 35096.0, style.LIGHT)  # a diagram of 1,000 layers of 48 heads
    with pytest.raises(FigureError, match=r"6,272 by 97,489 pixels: expected at most .* \.svg$"):
        save(figure, tmp_path / "large.png")
    assert list(tmp_path.iterdir()) == []
    assert save(figure, tmp_path / "large.svg").exists()


def test_errors_have_one_base() -> None:
    assert issubclass(FigureError, AnalysisError)
    assert AnalysisError.exit_code == 1
