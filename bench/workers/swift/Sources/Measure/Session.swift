// A session on the device alone, as bench/session/ has them, but that all launches share one process:
// the plan's head says so.

import Foundation

/// How far a session is, for a screen.
public struct SessionProgress: Sendable {
    public var share: Double  // 0 to 1
    public var now: String  // the case that is prepared or launched next; empty at the end
    public var figures: [CaseFigures]
}

public final class Session {
    let plan: SessionPlan
    let folders: Folders
    let engine: any Engine
    let compiler: PackageCompiler
    var journal: Journal
    var ready: [LaunchableCase] = []
    var references: [String: [Float]] = [:]  // by package
    var placed: Set<[String]> = []  // packages on units
    var notes: [String] = []
    private var isCancelled: () -> Bool = { false }
    private let environment: DeviceEnvironment
    private var figures: [CaseFigures] = []

    /// Whether there is more to come into a file of results.
    public static func isUnfinished(_ file: URL) -> Bool {
        FileManager.default.fileExists(atPath: Journal.pending(of: file).path)
    }

    /// Into a new file, or going on with one. Throws where that is of another plan, device or system.
    public init(
        _ plan: SessionPlan, into file: URL, folders: Folders, engine: any Engine,
        environment: DeviceEnvironment
    ) throws {
        (self.plan, self.folders, self.engine) = (plan, folders, engine)
        self.environment = environment
        compiler = PackageCompiler(engine)
        journal = try Journal(file)
        if let head = journal.lines("session").first { try check(head) }
        try journal.resume()
    }

    /// Until all is measured, or `isCancelled` says so; a session that was cancelled, or whose app
    /// was ended, goes on in another with the same file.
    public func run(
        isCancelled: @escaping () -> Bool, report: (SessionProgress) -> Void
    ) throws {
        self.isCancelled = isCancelled
        do {
            try run(report)
        } catch is Cancellation {
            try journal.begin(nil)
        }
    }

    private struct Cancellation: Error {}

    /// Asked after a launch, too: one that was cancelled meanwhile does not count. The app may have
    /// been left, and in the background there is no GPU.
    func checkCancellation() throws {
        if isCancelled() { throw Cancellation() }
    }

    private func run(_ report: (SessionProgress) -> Void) throws {
        if journal.lines.isEmpty { try journal.append(newHead()) }
        let units = try engine.units()
        for (place, planned) in plan.cases.enumerated() {
            try checkCancellation()
            report(SessionProgress(share: 0, now: planned.name, figures: figures))
            try prepare(planned, place, units)
        }
        try addControl()
        try addNotes()
        collectFigures()
        guard !ready.isEmpty else {
            try journal.finish()
            throw WorkerError("none of these packages runs here: \(figures.first?.trouble ?? "")")
        }
        let slots = slots()
        for (index, slot) in slots.enumerated() {
            try checkCancellation()
            let share = Double(index) / Double(slots.count)
            report(SessionProgress(share: share, now: slot.of.name, figures: figures))
            if journal.line(as: slot.line) == nil { add(try launch(slot)) }
        }
        try journal.finish()
        report(SessionProgress(share: 1, now: "", figures: figures))
    }

    private func check(_ head: JSONObject) throws {
        let now = try JSONObject(environment)
        guard case .object(let before)? = head["environment"], head["plan"] == plan.head["plan"],
            ["model", "system"].allSatisfy({ before[$0] == now[$0] }), isOfPlannedPackages
        else { throw WorkerError("these results are of another plan, device or system: begin anew") }
    }

    /// Once there are launches, all cases are known.
    private var isOfPlannedPackages: Bool {
        let cases = journal.lines("case").filter { ($0["control_of"]?.text ?? "").isEmpty }
        let isWhole = journal.lines("launch").isEmpty || cases.count == plan.cases.count
        return isWhole
            && cases.allSatisfy { line in
                plan.cases.contains {
                    $0.record["case"] == line["case"] && $0.record["model"] == line["model"]
                }
            }
    }

    private func newHead() throws -> JSONObject {
        var head = plan.head
        head["session"] = .text(UUID().uuidString)
        head["started"] = .text(Self.utc())
        head["environment"] = .object(try JSONObject(environment))
        return head
    }

    /// A head that comes again stands for the first.
    private func addNotes() throws {
        guard var head = journal.lines("session").last, case .list(let before)? = head["notes"]
        else { return }
        let new = notes.map(JSON.text).filter { !before.contains($0) }
        head["notes"] = .list(before + new)
        if !new.isEmpty { try journal.append(head) }
    }

    private func collectFigures() {
        figures = journal.lines("case").map(CaseFigures.init)
        journal.lines("launch").forEach(add)
    }

    private func add(_ launch: JSONObject) {
        guard let place = figures.firstIndex(where: { .text($0.name) == launch["case"] }) else { return }
        figures[place].add(launch)
    }

    static func utc() -> String {
        let formatter = ISO8601DateFormatter()
        formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
        return formatter.string(from: Date())
    }
}
