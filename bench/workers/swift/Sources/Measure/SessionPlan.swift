// What Python planned, plan.json: bench/app/session_plan.py. Nothing of it is decided here.

import Foundation

public struct SessionPlan: Decodable, Sendable {
    public struct PlannedCase: Decodable, Sendable {
        public var record: JSONObject  // `Case`, as far as it is known
        public var job: Job  // "measure", without what compiling gives
        public var reference: String  // file of its outputs; empty where it is its own first launch

        public var name: String { record["case"]?.text ?? "" }
    }

    public var head: JSONObject  // `SessionHead`, without what only a device can tell
    public var cases: [PlannedCase]
    /// For each round the cases in their order, by their places in `cases`; the number after the
    /// last is the A/A control.
    public var rounds: [[Int]]
    public var controlMark: String
    public var probeCalls: Int
    public var giveUpAfter: Int

    public var runtime: String { cases.first?.job.runtime ?? "" }

    public init(_ file: URL) throws {
        self = try Message.decode(SessionPlan.self, Data(contentsOf: file))
    }
}

/// Where an app finds what a plan or a job names: in what was copied to it, else in what it carries.
public struct Folders: Sendable {
    private let roots: [URL]

    public init(_ roots: [URL]) { self.roots = roots }

    /// Of an absolute path the path itself.
    public func path(of name: String) throws -> String {
        if name.hasPrefix("/") { return name }
        let candidates = roots.map { $0.appendingPathComponent(name).path }
        guard let path = candidates.first(where: FileManager.default.fileExists(atPath:)) else {
            throw WorkerError("there is no \(name) in the app")
        }
        return path
    }

    func inputs(_ files: [InputFile]) throws -> [InputFile] {
        try files.map { file in
            var found = file
            found.path = try path(of: file.path)
            return found
        }
    }
}
