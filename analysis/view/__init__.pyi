from .page import Page as Page
from .pages import view as view
from .pages import view_answer as view_answer
from .pages import view_run as view_run
