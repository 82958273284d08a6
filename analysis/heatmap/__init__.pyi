from .figure import heatmap as heatmap
