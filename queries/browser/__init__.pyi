from .favourites import Favourite as Favourite
from .favourites import favourites as favourites
from .files import write_kit as write_kit
from .grass import grass as grass
from .grass import rules as rules
from .setup_page import kit_link as kit_link
from .setup_page import served_files as served_files
