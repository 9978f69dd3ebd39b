"""A session, ready to be shown."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from bench.results import session_lines
from bench.results.camera_frames import CameraFrames, camera_frames
from bench.results.compare import Comparison, compare_launches
from bench.results.disagreements import Agreement
from bench.results.metrics import MetricComparison
from bench.results.paired_accuracies import PairedAccuracies, paired
from bench.results.read import SessionResults, read
from bench.results.records import Accuracy, Case, Metrics, Model, SessionHead
from bench.results.reliability import Trust, trust_in
from bench.results.summary import COREAI, COREML, CaseSummary, summarize
from bench.results.top1 import Top1, top1_by_identity, unranked
from mobilenet.common.text import one_line


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One session: the fastest case of each runtime first, cases without figures last."""

    source: str
    session: SessionHead | None
    trust: Trust
    controls: tuple[Comparison, ...]
    cases: tuple[CaseSummary, ...]
    facts: tuple[str, ...]  # the machine, the plan, the controls, and what else was measured
    top1: dict[str, Top1]  # by identity of the model, all of one kind
    unranked: dict[str, str]  # of the other models: what else is known of their accuracy
    camera_frames: tuple[CameraFrames, ...] = ()
    accuracies: tuple[Accuracy, ...] = ()
    agreements: tuple[Agreement, ...] = ()
    metrics: tuple[Metrics, ...] = ()
    metric_comparisons: tuple[MetricComparison, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """Doubts about the session, the gravest first."""
        return self.trust.lines

    @property
    def is_shared(self) -> bool:
        """Whether one process served all launches."""
        return self.session is not None and self.session.isolation == "shared"

    def tables(self) -> dict[str, list[CaseSummary]]:
        """Cases that are ranked together, by a title: as `runtimes`, but both of Apple's as one.

        What was measured comes before what could not be. A package and an asset of one network
        are two formats on the same machine's units.
        """
        apples = {COREML, COREAI}
        both = f"{COREML} and {COREAI}" if apples <= {row.runtime for row in self.cases} else ""
        groups = self._groups(lambda row: (row.runtime in apples and both) or row.runtime)
        ranked = {title: sorted(rows, key=_speed) for title, rows in groups.items()}
        return dict(sorted(ranked.items(), key=_has_no_figures))

    def runtimes(self) -> dict[str, list[CaseSummary]]:
        """Cases by runtime, told apart by how they were called and in what processes."""
        return self._groups(lambda row: row.runtime)

    def _groups(self, name_of: Callable[[CaseSummary], str]) -> dict[str, list[CaseSummary]]:
        groups: dict[str, list[CaseSummary]] = {}
        for row in self.cases:
            title = session_lines.launched(name_of(row), row.pace_hz, self.session)
            groups.setdefault(title, []).append(row)
        return groups


def read_reports(paths: Iterable[Path]) -> list[Report]:
    """The summaries of all sessions of `paths`. Raises `RecordError`."""
    return reports_of(read(paths))


def reports_of(sessions: Sequence[SessionResults]) -> list[Report]:
    """The summaries of several sessions; accuracies that one measured count for all."""
    accuracies = [accuracy for results in sessions for accuracy in results.accuracies]
    pairs = [*paired(sessions)]
    return [report(results, accuracies, pairs) for results in sessions]


def report(
    results: SessionResults,
    accuracies: Sequence[Accuracy] = (),
    pairs: Sequence[PairedAccuracies] = (),
) -> Report:
    """The summary of one session. A/A twins become controls, not rows."""
    cases = results.cases.values()
    otherwise = {soak.case for soak in results.soaks} | {p.case for p in results.placements}
    summaries = [_summary(results, case, case.case in otherwise) for case in cases]
    controls = tuple(_control(results, case) for case in cases if case.control_of)
    rows = tuple(sorted((row for row in summaries if not row.control_of), key=_order))
    trust = trust_in(results, summaries, controls)
    models = list(_classifiers(rows, results))
    top1 = top1_by_identity(models, accuracies, pairs)
    return Report(
        source=results.source.name,
        session=results.session,
        trust=trust,
        controls=controls,
        cases=rows,
        facts=tuple(map(one_line, _facts(results, controls, trust))),
        top1=top1,
        unranked=unranked(models, accuracies, top1),
        camera_frames=tuple(camera_frames(results, rows)),
        accuracies=tuple(results.accuracies),
        agreements=tuple(results.agreements),
        metrics=tuple(results.metrics),
        metric_comparisons=tuple(results.metric_comparisons),
    )


def _classifiers(rows: Iterable[CaseSummary], results: SessionResults) -> Iterator[Model]:
    """Models of cases but those that were measured as a detector or a segmenter."""
    others = {metrics.model.identity for metrics in results.metrics}
    yield from (row.model for row in rows if row.model.identity not in others)


def _facts(results: SessionResults, controls: Iterable[Comparison], trust: Trust) -> Iterator[str]:
    if results.session:
        yield session_lines.machine(results.session)
        if results.cases and results.session.plan.samples:
            yield session_lines.plan(results.session)
    yield from map(session_lines.control, controls)
    if trust.sensitivity:
        yield str(trust.sensitivity)
    yield from session_lines.others(results)


def _summary(results: SessionResults, case: Case, is_soaked_or_placed: bool) -> CaseSummary:
    summary = summarize(case, results.launches.get(case.case, []))
    if summary.status == "not run" and is_soaked_or_placed:
        return msgspec.structs.replace(summary, reason="only a soak or a placement of it")
    return summary


def _control(results: SessionResults, twin: Case) -> Comparison:
    return compare_launches(
        results.measured(twin.control_of),
        results.measured(twin.case),
        (twin.control_of, twin.case),
    )


def _order(row: CaseSummary) -> tuple[str, bool, float, str]:
    return row.runtime, *_speed(row)


def _speed(row: CaseSummary) -> tuple[bool, float, str]:
    return row.p50 is None, row.p50.value if row.p50 else 0.0, row.case


def _has_no_figures(table: tuple[str, list[CaseSummary]]) -> bool:
    """Whether nothing of it was measured."""
    return all(row.p50 is None for row in table[1])
