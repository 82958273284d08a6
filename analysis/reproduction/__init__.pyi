from ._reproduce import Report as Report
from ._reproduce import reproduce as reproduce
