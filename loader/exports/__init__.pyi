from ._export import export as export
from .formats import FORMATS as FORMATS
from .network import to_networkx as to_networkx
