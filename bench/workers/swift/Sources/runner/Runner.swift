// `runner JOB`: one task for one fresh process, as `python -m bench.workers.python` does it.
// The answer goes to what was standard output; anything that native code prints, to standard error.

import Foundation
import Measure

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

@main
struct Runner {
    static func main() {
        doErrand()
        let arguments = CommandLine.arguments.dropFirst()
        if arguments.first == "--session", arguments.count == 3 {
            session(URL(fileURLWithPath: arguments[2]), into: URL(fileURLWithPath: arguments[3]))
        }
        let output = claimOutput()
        endWithParent()
        let write = { (message: any Encodable) in
            try output.write(contentsOf: Message.encode(message) + Data("\n".utf8))
        }
        do {
            let job = try Message.decode(Job.self, Data((CommandLine.arguments.last ?? "").utf8))
            System.end(afterS: job.timeoutS)
            let worker = Worker(job, engine: try engine(job.runtime), write: write)
            try write(worker.answer())
        } catch {
            try? write(WorkerError(error))
        }
        _exit(0)  // what a runtime does while it is torn down is no part of a launch
    }

    /// `runner --session PLAN FILE`: the session of an app, whose folder is the plan's.
    static func session(_ plan: URL, into file: URL) -> Never {
        do {
            let planned = try SessionPlan(plan)
            let session = try Session(
                planned, into: file, folders: Folders([plan.deletingLastPathComponent()]),
                engine: try engine(planned.runtime), environment: Device.environment())
            try session.run(isCancelled: { false }) { _ in }
            exit(0)
        } catch {
            FileHandle.standardError.write(Data("\(WorkerError(error).reason)\n".utf8))
            exit(2)
        }
    }

    static func engine(_ runtime: String) throws -> any Engine {
        #if canImport(CoreML)
        if runtime == "coreml-native" { return CoreMLEngine() }
        #endif
        if runtime == "made" { return MadeEngine() }
        throw WorkerError("runtime \(runtime) is unknown to this worker")
    }

    /// As the app does that stands on a phone, where this is one of `tests/xcrun.py`.
    static func doErrand() {
        let documents = URL(fileURLWithPath: FileManager.default.currentDirectoryPath)
        Errand(environment: ProcessInfo.processInfo.environment, documents: documents)?
            .run(engine: { _ in MadeEngine() }, environment: { MadePhone() })
    }

    /// Keep standard output for the answer and give everyone else standard error.
    static func claimOutput() -> FileHandle {
        let answer = dup(1)
        dup2(2, 1)
        return FileHandle(fileDescriptor: answer)
    }

    /// Exit when the parent does, however it ends: its end of standard input closes.
    static func endWithParent() {
        Thread {
            var byte: UInt8 = 0
            _ = read(0, &byte, 1)
            _exit(1)
        }.start()
    }
}
