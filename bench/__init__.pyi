from .results.read import SessionResults, read
from .results.records import Plan
from .session.cases import candidates
from .session.runner import resume, start

__all__ = [
    "Plan",
    "SessionResults",
    "candidates",
    "read",
    "resume",
    "start",
]
