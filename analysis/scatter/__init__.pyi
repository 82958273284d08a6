from .figure import scatter as scatter
