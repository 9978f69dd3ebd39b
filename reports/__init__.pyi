from .choose import Choice, Requirements, choose
from .claims import ClaimResult, claim_results
from .compare_sessions import Verdicts, compare_cases, compare_sessions
from .frame import read

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
