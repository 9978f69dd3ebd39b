// A session on this device alone: bench's plan in one process, its results a file that reports read.

import Combine
import Foundation

@MainActor
final class MeasureModel: ObservableObject {
    @Published private(set) var progress: SessionProgress?
    @Published private(set) var isRunning = false
    @Published private(set) var trouble = ""
    /// Of the last session, whole or not.
    @Published private(set) var file: URL?
    private let queue = DispatchQueue(label: "measuring", qos: .userInitiated)
    private var stopping = Flag()

    static var plan: URL? { Bundle.main.url(forResource: "plan", withExtension: "json") }

    init() { file = Self.unfinished() }

    /// Begins, or goes on with what was stopped.
    func measure() {
        guard let plan = Self.plan, !isRunning else { return }
        (isRunning, trouble, stopping) = (true, "", Flag())
        let (stopping, environment) = (stopping, Device.environment())
        queue.async {
            var reason = ""
            do {
                let (session, file) = try Self.session(plan, environment)
                self.tell { $0.file = file }
                try session.run(isCancelled: { stopping.isSet }) { progress in
                    self.tell { $0.progress = progress }
                }
            } catch {
                reason = error.words
            }
            self.tell { [reason] in ($0.isRunning, $0.trouble) = (false, reason) }
        }
    }

    /// After the launch that is on its way. In the background there is no GPU, and soon nothing.
    func stop() { stopping.set() }

    private nonisolated func tell(_ change: @escaping @MainActor (MeasureModel) -> Void) {
        Task { @MainActor in change(self) }
    }

    /// The one that was stopped, unless it is of another plan or system.
    private nonisolated static func session(
        _ plan: URL, _ environment: DeviceEnvironment
    ) throws -> (Session, URL) {
        let planned = try SessionPlan(plan)
        let folders = Folders([ModelLibrary.documents, plan.deletingLastPathComponent()])
        func session(into file: URL) throws -> (Session, URL) {
            (try Session(
                planned, into: file, folders: folders, engine: CoreMLEngine(),
                environment: environment), file)
        }
        if let before = unfinished(), let continued = try? session(into: before) {
            return continued
        }
        let second = Int(Date().timeIntervalSince1970)
        return try session(into: results.appendingPathComponent("phone-\(second).jsonl"))
    }

    private nonisolated static var results: URL {
        ModelLibrary.documents.appendingPathComponent("results")
    }

    private nonisolated static func unfinished() -> URL? {
        ModelLibrary.contents(results)
            .filter { $0.pathExtension == "jsonl" && Session.isUnfinished($0) }
            .max { $0.path < $1.path }
    }
}

/// A switch that another thread may ask.
final class Flag: @unchecked Sendable {
    private let lock = NSLock()
    private var value = false

    func set() {
        lock.lock()
        defer { lock.unlock() }
        value = true
    }

    var isSet: Bool {
        lock.lock()
        defer { lock.unlock() }
        return value
    }
}
