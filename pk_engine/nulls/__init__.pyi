from .columns import add_nulls as add_nulls
from .columns import check_nulls as check_nulls
