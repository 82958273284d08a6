"""Behaviour scores as a map of heads, and the attention pattern of the highest head."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headgraph.analysis.behaviour import BEHAVIOURS, CHANCES
from headgraph.analysis.behaviour._behaviour import behaviour, patterns_of, prompts_of
from headgraph.analysis.errors import FigureError
from headgraph.analysis.figures import style
from headgraph.analysis.figures.panels import TOP, color_bar, index_axis, panel_grid, panel_title
from headgraph.analysis.running.bridge import open_model
from headgraph.base.names import head_name
from headgraph.base.spelling import argument

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEIGHT = 384.0
_MOST_TOKENS = 40  # rows of a pattern; more could not be told apart
_LONGEST_TOKEN = 24  # characters


def behaviour_figure(
    model: Any,
    *,
    score: str = "identity",
    text: str | None = None,
    seed: int = 0,
    dark: bool = False,
) -> "Figure":
    """Draw a behaviour score of all heads, and the attention pattern of the highest head.

    Layers go up, head indices to the right. The pattern is that of the text, or of the first
    random prompt: rows attend to columns, and the first token is at the top left. With `identity`
    this is the paper's Fig. 7.

    Args:
        model: as for `headgraph.behaviour`.
        score: which of the four scores.
        text: a text to run on; by default repeated random tokens.
        seed: random seed for the tokens.
        dark: for dark pages.

    Raises:
        FigureError: an unknown score, or one that no position of the text allows.
        RunningError: the model cannot be run.
    """
    if score not in BEHAVIOURS:
        raise FigureError(f"{argument('score', score)}: expected {', '.join(BEHAVIOURS)}")
    bridge = open_model(model)
    rows = behaviour(bridge, text=text, seed=seed)
    scores = rows.pivot(index="layer", columns="head", values=score).to_numpy()
    if np.isnan(scores).all():
        raise FigureError(
            f"no position of this text allows {score}: give a longer one with {argument('text')}"
        )
    layer, head = (int(i) for i in np.unravel_index(np.argmax(scores), scores.shape))
    prompt = prompts_of(bridge, text=text, seed=seed)[0]
    ((tokens, patterns),) = patterns_of(bridge, [prompt])
    title = Path(model).name if isinstance(model, str | os.PathLike) else bridge.cfg.model_name
    theme = style.theme(dark)
    with style.styled(theme):
        figure = style.new_figure(style.WIDTH, _HEIGHT, theme)
        words = f"one text of {len(tokens)} tokens" if text else (
            f"{rows['prompts'].iloc[0]} prompts of random tokens that repeat, seed {seed}"
        )  # fmt: skip
        style.headline(
            figure,
            f"{title}: {score.replace('_', ' ')} score of each head",
            f"Mean attention to the position that the behaviour defines, over {words}.\nUniform "
            f"attention would score {rows[CHANCES[score]].iloc[0]:.2f}.",
        )
        left, right = panel_grid(figure, 1, 2, top=TOP + 12.0, gap=(96.0, 0.0), right=72.0)
        _map(figure, left, scores, theme)
        labels = _words(bridge, tokens) if text else None
        _pattern(figure, right, patterns[layer, head], labels, theme)
        panel_title(
            right, f"{head_name(layer, head)}, score {scores[layer, head]:.2f}: its pattern"
        )
    return figure


def _map(figure: "Figure", axes: "Axes", scores: NDArray[Any], theme: style.Theme) -> None:
    image = axes.imshow(
        scores, origin="lower", vmin=0, vmax=1, aspect="auto", cmap=theme.sequential
    )
    index_axis(axes.yaxis, scores.shape[0], "layer")
    index_axis(axes.xaxis, scores.shape[1], "head")
    panel_title(axes, "score of each head")
    axes.spines[:].set_visible(False)
    color_bar(figure, axes, image, "0 to 1")


def _pattern(
    figure: "Figure",
    axes: "Axes",
    pattern: NDArray[Any],
    labels: list[str] | None,
    theme: style.Theme,
) -> None:
    shown = pattern[:_MOST_TOKENS, :_MOST_TOKENS]
    hidden = np.ma.array(shown, mask=np.triu(np.ones(shown.shape, bool), 1))
    image = axes.imshow(hidden, vmin=0, vmax=1, aspect="auto", cmap=theme.sequential)
    axes.spines[:].set_visible(False)
    if labels is None:
        index_axis(axes.xaxis, len(shown), "position attended to")
        index_axis(axes.yaxis, len(shown), "position")
    else:
        places = range(len(shown))
        axes.set_xticks(places, labels[: len(shown)], rotation=90)
        axes.set_yticks(places, labels[: len(shown)])
        axes.tick_params(length=0, labelsize=style.TINY)
    color_bar(figure, axes, image, "attention")


def _words(model: Any, tokens: NDArray[np.int64]) -> list[str]:
    words = [str(model.tokenizer.decode([int(token)])).strip() or "·" for token in tokens]
    return [style.legible(word, _LONGEST_TOKEN) for word in words]
