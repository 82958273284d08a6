"""A matplotlib figure that a notebook shows by itself, as `save` would write it."""

from matplotlib.figure import Figure


class Picture(Figure):
    """A figure of no window; pyplot need not be imported for it to be seen."""

    def _repr_svg_(self) -> str:
        from headgraph.analysis.figures.output import render

        return render(self).decode()
