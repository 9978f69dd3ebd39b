from .choose import Choice, Requirements, choose
from .claims import ClaimResult, claim_results
from .compare_sessions import compare_cases, compare_sessions
from .frame import read
from .verdicts import Verdicts

__all__ = [
    "Choice",
    "ClaimResult",
    "Requirements",
    "Verdicts",
    "choose",
    "claim_results",
    "compare_cases",
    "compare_sessions",
    "read",
]
