// The launches of a session, in the plan's order: bench/session/runner.py.

import Foundation

extension Session {
    struct Slot {
        let of: LaunchableCase
        let round: Int
        let position: Int

        var line: JSONObject {
            [
                "kind": .text("launch"), "case": .text(of.name), "round": .integer(round),
                "position": .integer(position), "pace_hz": .number(of.job.paceHz),
            ]
        }
    }

    /// In the plan's order, without the cases that do not run here.
    func slots() -> [Slot] {
        plan.rounds.enumerated().flatMap { round, places in
            places.compactMap { place in ready.first { $0.place == place } }
                .enumerated().map { Slot(of: $1, round: round, position: $0) }
        }
    }

    /// One launch, whatever becomes of it; its line.
    func launch(_ slot: Slot) throws -> JSONObject {
        var line = slot.line
        line["started"] = .text(Self.utc())
        line["thermal_before"] = try thermal()
        do {
            if failures(of: slot.of.name) >= plan.giveUpAfter {
                throw WorkerError("not tried: \(plan.giveUpAfter) launches in a row had failed")
            }
            let ended = LaunchFailure("interrupted", "the app was ended during this launch")
            try journal.begin(line.merging(fields(ended)) { $1 })
            let package = slot.of.job.package
            let (measured, values) = try LaunchableCase.launch(
                slot.of.job, on: engine, reference: references[package])
            references[package] = references[package] ?? values
            line.merge(measured) { $1 }
            line["status"] = .text("ok")
        } catch {
            line.merge(fields(LaunchFailure(error))) { $1 }
            line["thermal_after"] = try thermal()
        }
        try checkCancellation()
        try journal.append(line)
        return line
    }

    private func fields(_ failure: LaunchFailure) -> JSONObject {
        ["status": .text(failure.status), "reason": .text(failure.reason)]
    }

    private func failures(of name: String) -> Int {
        journal.lines("launch").reversed().lazy
            .filter { $0["case"]?.text == name }
            .prefix { $0["status"]?.text != "ok" }.count
    }

    private func thermal() throws -> JSON {
        try System.thermal().map { .object(try JSONObject($0)) } ?? .null
    }
}
