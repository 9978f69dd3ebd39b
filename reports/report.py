"""A session, ready to be shown."""

import msgspec

from bench.records import Case, Session
from reports.compare import Comparison, compare_launches
from reports.read import Results
from reports.summary import Summary, summarize
from reports.trust import warnings_about


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One session: the fastest case of each runtime first, cases without figures last."""

    source: str
    session: Session | None
    warnings: tuple[str, ...]
    controls: tuple[Comparison, ...]
    cases: tuple[Summary, ...]

    def runtimes(self) -> dict[str, list[Summary]]:
        """Cases by runtime: runtimes are never ranked together."""
        groups: dict[str, list[Summary]] = {}
        for case in self.cases:
            groups.setdefault(case.runtime, []).append(case)
        return groups


def report(results: Results) -> Report:
    """The summary of one session. A/A twins become controls, not rows."""
    cases = results.cases.values()
    summaries = [summarize(case, results.launches.get(case.case, [])) for case in cases]
    controls = tuple(_control(results, case) for case in cases if case.control_of)
    rows = tuple(sorted((row for row in summaries if not row.control_of), key=_order))
    return Report(
        source=results.source.name,
        session=results.session,
        warnings=(*results.warnings, *warnings_about(results, summaries, controls)),
        controls=controls,
        cases=rows,
    )


def _control(results: Results, twin: Case) -> Comparison:
    return compare_launches(
        results.measured(twin.control_of),
        results.measured(twin.case),
        (twin.control_of, twin.case),
    )


def _order(row: Summary) -> tuple[str, bool, float, str]:
    return row.runtime, row.p50 is None, row.p50.value if row.p50 else 0.0, row.case
