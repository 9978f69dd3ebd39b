// Before the first round: compile, try, and find out what will not run; bench/session/prepare.py.

import Foundation

extension Session {
    /// Adds the line of a case, unless an earlier run did, and keeps it where it runs.
    func prepare(_ planned: SessionPlan.PlannedCase, _ place: Int, _ units: [String]) throws {
        let line = journal.line(as: planned.record)
        if let skipped = line?["skipped"]?.text, !skipped.isEmpty { return }
        do {
            if line == nil {
                try journal.begin(
                    skipped(planned, "interrupted: the app was ended while it was prepared"))
            }
            try check(planned, units)
            let (compiled, compileNs) = try compiler.compile(folders.path(of: planned.job.package))
            let job = try self.job(planned.job, compiled)
            if references[planned.job.package] == nil, !planned.reference.isEmpty {
                references[planned.job.package] = try numbers(planned.reference)
            }
            var record = line ?? planned.record
            if line == nil {
                record["compile_ns"] = .integer(compileNs)
                record["first_load_ns"] = try probe(LaunchableCase(place: place, record: record, job: job))
                try checkCancellation()
                try journal.append(record)
            }
            ready.append(LaunchableCase(place: place, record: record, job: job))
        } catch {
            try checkCancellation()
            let reason = (error as? LaunchFailure).map { "\($0.status): \($0.reason)" }
            guard line == nil else { throw error }
            try journal.append(skipped(planned, reason ?? WorkerError(error).reason))
            return
        }
        try addPlacement(of: ready[ready.count - 1])
    }

    /// The twin of the first case that runs.
    func addControl() throws {
        guard let first = ready.first else { return }
        let control = first.control(place: plan.cases.count, mark: plan.controlMark)
        if journal.line(as: control.record) == nil { try journal.append(control.record) }
        ready.append(control)
    }

    private func check(_ planned: SessionPlan.PlannedCase, _ units: [String]) throws {
        if let reason = planned.record["skipped"]?.text, !reason.isEmpty {
            throw WorkerError(reason)
        }
        guard units.contains(planned.job.unit) else {
            throw WorkerError("this device has no \(planned.job.unit)")
        }
    }

    private func skipped(_ planned: SessionPlan.PlannedCase, _ reason: String) -> JSONObject {
        planned.record.merging(["skipped": .text(reason)]) { $1 }
    }

    private func job(_ planned: Job, _ compiled: URL) throws -> Job {
        var job = planned
        job.compiled = compiled.path
        job.inputs = try folders.inputs(planned.inputs)
        job.memoryLimitBytes = Int(ProcessInfo.processInfo.physicalMemory)  // iOS has a limit itself
        return job
    }

    private func numbers(_ name: String) throws -> [Float] {
        let path = try folders.path(of: name)
        let size = try Data(contentsOf: URL(fileURLWithPath: path)).count / 4
        return try InputFile(name: name, type: "float32", shape: [size], path: path).values()
    }

    /// The first load. What is computed is the reference where there is none.
    private func probe(_ tried: LaunchableCase) throws -> JSON? {
        let package = tried.job.package
        do {
            let (fields, values) = try LaunchableCase.launch(
                tried.probe(plan.probeCalls), on: engine, reference: references[package])
            if references[package] == nil { references[package] = values }
            return fields["load_ns"]
        } catch {
            throw LaunchFailure(error)
        }
    }

    /// Where the operations run, if the system tells; if not, a note says so.
    private func addPlacement(of planned: LaunchableCase) throws {
        var line: JSONObject = [
            "kind": .text("placement"), "case": .text(planned.name), "started": .text(Self.utc()),
            "ops": .list([]),
        ]
        let isFirst = placed.insert([planned.job.package, planned.job.unit]).inserted
        if !isFirst || journal.line(as: line) != nil { return }  // a pace changes no place
        try journal.begin(line)
        do {
            let compiled = URL(fileURLWithPath: planned.job.compiled)
            let ops = try engine.plan(compiled, unit: planned.job.unit)
            line["ops"] = .list(try ops.map { .object(try JSONObject($0)) })
            try journal.append(line)
        } catch let error as WorkerError {
            try journal.begin(nil)
            if !notes.contains(error.reason) { notes.append(error.reason) }
        }
    }
}
