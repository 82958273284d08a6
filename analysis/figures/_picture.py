"""A matplotlib figure that a notebook displays, in a module that is imported only to draw."""

from matplotlib.figure import Figure


class Picture(Figure):
    """A figure without a window, which a notebook displays as `save` writes it."""

    def _repr_svg_(self) -> str:
        from headgraph.analysis.figures.output import render

        return render(self).decode()
