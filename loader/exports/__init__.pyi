from ._export import export as export
from ._export_all import export_all as export_all
from .formats import FORMATS as FORMATS
from .network import to_networkx as to_networkx
