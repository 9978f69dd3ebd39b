// One case of a session inside an app: compiled, and launched as bench/workers/gate.py does it.

import Foundation

/// Why a launch does not count, with its status in the results.
struct LaunchFailure: Error {
    var status: String
    var reason: String

    init(_ status: String, _ reason: String) { (self.status, self.reason) = (status, reason) }

    init(_ error: any Error) {
        self = error as? LaunchFailure ?? LaunchFailure("failed", WorkerError(error).reason)
    }
}

struct LaunchableCase {
    let place: Int  // in the plan; the number after its last case is the A/A control
    let record: JSONObject
    let job: Job

    var name: String { record["case"]?.text ?? "" }

    /// The twin that tells what a difference without a cause is.
    func control(place: Int, mark: String) -> LaunchableCase {
        let fields: JSONObject = ["case": .text(name + mark), "control_of": .text(name)]
        return LaunchableCase(
            place: place, record: record.merging(fields) { $1 }, job: job)
    }

    /// A few calls ahead of the rounds.
    func probe(_ calls: Int) -> Job {
        var job = job
        (job.warmupS, job.warmupCalls, job.samples) = (0, calls, 0)
        return job
    }

    /// What a `Launch` holds of it, and the outputs. Neither when the process began nor what memory it
    /// takes says anything of a launch in a process that others share.
    static func launch(
        _ job: Job, on engine: any Engine, reference: [Float]?
    ) throws -> (fields: JSONObject, values: [Float]) {
        let (result, values) = try System.pooled {
            try Worker(job, engine: engine) { _ in }.launch()
        }
        let output = OutputGate.checked(values, top1: result.top1, reference: reference)
        if let reason = OutputGate.reason(against: output) {
            throw LaunchFailure("refused", reason)
        }
        var fields = try JSONObject(result)
        for name in ["type", "top1", "start_ns", "peak_memory_bytes", "memory_growth_bytes"] {
            fields[name] = nil
        }
        fields["output"] = .object(try JSONObject(output))
        return (fields, values)
    }
}

/// Compiles each package once, into a folder of its own that goes with it.
final class PackageCompiler {
    private let engine: any Engine
    private let scratch = FileManager.default.temporaryDirectory
        .appendingPathComponent("session-\(UUID().uuidString)")
    private var compiled: [String: Result<(URL, Int), WorkerError>] = [:]

    init(_ engine: any Engine) { self.engine = engine }

    deinit { try? FileManager.default.removeItem(at: scratch) }

    /// Where it is, and how many nanoseconds it took.
    func compile(_ package: String) throws -> (url: URL, ns: Int) {
        let known = compiled[package] ?? Result { try make(package) }.mapError { WorkerError($0) }
        compiled[package] = known
        return try known.get()
    }

    private func make(_ package: String) throws -> (URL, Int) {
        let folder = scratch.appendingPathComponent("\(compiled.count)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let begin = System.now()
        let url = try engine.compile(URL(fileURLWithPath: package), into: folder)
        return (url, System.now() - begin)
    }
}
