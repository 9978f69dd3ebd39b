// A job that came with the launch of the app, from bench/devices/phone_launcher.py on a Mac: in the
// variable BENCH_JOB, its answer's name in BENCH_ANSWER. The answer is a file in the app's container,
// since what an app prints reaches the Mac only through a debug session. A last line tells the whole
// file from half of one.

import Foundation

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

public struct Errand: Sendable {
    private let job: Data
    private let name: String
    private let folder: URL  // where all paths of a job begin

    private struct DeviceLine<Environment: Encodable>: Encodable {
        var type = "device"
        var environment: Environment
    }

    private struct EndLine: Encodable {
        var type = "end"
        var outputsBytes: Int
    }

    /// nil when a person opened the app.
    public init?(environment: [String: String], documents: URL) {
        guard let job = environment["BENCH_JOB"], let name = environment["BENCH_ANSWER"],
            !name.isEmpty, name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) })
        else { return nil }
        (self.job, self.name) = (Data(job.utf8), name)
        folder = documents.appendingPathComponent("Errands")
    }

    /// Does the job, leaves the answer, and ends the process. Off the main thread: an app whose main
    /// thread computes is killed. `environment` is the record of bench/results/environment_record.py.
    public func run(
        engine: (String) throws -> any Engine, environment: () -> some Encodable
    ) -> Never {
        try? answer(System.now(), engine, environment)
        _exit(0)  // what a runtime does while it is torn down is no part of a launch
    }

    private func answer(
        _ startedNs: Int, _ engine: (String) throws -> any Engine,
        _ environment: () -> some Encodable
    ) throws {
        var job = try Message.decode(Job.self, self.job)
        System.end(afterS: job.timeoutS)
        if job.task == "describe" { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let file = try newFile()
        let write = { (line: any Encodable) in
            try file.write(contentsOf: Message.encode(line) + Data("\n".utf8))
            try file.synchronize()
        }
        if job.task == "describe" { try write(DeviceLine(environment: environment())) }
        do {
            job = try here(job, startedNs)
            let worker = Worker(job, engine: try engine(job.runtime), write: write)
            try write(there(worker.answer()))
        } catch {
            try write(WorkerError(error))
        }
        let outputs = try? FileManager.default.attributesOfItem(atPath: job.outputs)
        try write(EndLine(outputsBytes: outputs?[.size] as? Int ?? 0))
    }

    private func newFile() throws -> FileHandle {
        let file = folder.appendingPathComponent("\(name).jsonl")
        try Data().write(to: file)
        return try FileHandle(forWritingTo: file)
    }

    /// With the paths of this container, and the start of this process: the Mac's clock is another.
    private func here(_ job: Job, _ startedNs: Int) throws -> Job {
        var job = job
        let place = { (path: String) in
            path.isEmpty ? "" : folder.appendingPathComponent(path).path
        }
        (job.package, job.folder) = (place(job.package), place(job.folder))
        (job.compiled, job.outputs) = (place(job.compiled), place(job.outputs))
        for index in job.inputs.indices { job.inputs[index].path = place(job.inputs[index].path) }
        job.spawnedNs = startedNs
        if job.task == "compile" {
            let made = URL(fileURLWithPath: job.folder)
            try FileManager.default.createDirectory(at: made, withIntermediateDirectories: true)
        }
        return job
    }

    /// A path that is good for the next launch: a container may move.
    private func there(_ answer: any Encodable) -> any Encodable {
        guard var compiled = answer as? Compiled else { return answer }
        compiled.compiled = compiled.compiled.replacingOccurrences(of: folder.path + "/", with: "")
        return compiled
    }
}
