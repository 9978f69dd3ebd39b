// A session of an app as its screen sees it. What it writes is read by Python:
// tests/test_session_alone.py.

import Foundation
import XCTest

@testable import Measure

final class SessionTests: XCTestCase {
    private var folder = URL(fileURLWithPath: "")
    private var file: URL { folder.appendingPathComponent("results.jsonl") }

    override func setUpWithError() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for name in ["a", "b"] { try Data().write(to: folder.appendingPathComponent(name)) }
    }

    override func tearDownWithError() throws { try FileManager.default.removeItem(at: folder) }

    func testTheScreenIsToldHowFarItIs() throws {
        var told: [SessionProgress] = []
        try session().run(isCancelled: { false }) { told.append($0) }
        XCTAssertEqual(told.map(\.now), ["a", "b", "b", "a", "a (twin)", "a", "b", "a (twin)", ""])
        XCTAssertEqual(told.map(\.share), told.map(\.share).sorted())
        XCTAssertEqual(told.last?.share, 1)
        let figures = try XCTUnwrap(told.last?.figures)
        XCTAssertEqual(figures.map(\.name), ["a", "b", "a (twin)"])
        for figure in figures {
            XCTAssertEqual(figure.medians.count, 2)
            XCTAssertGreaterThan(try XCTUnwrap(figure.p50), 0)
            XCTAssertNil(figure.p50Interval)
            XCTAssertEqual(figure.trouble, "")
        }
        XCTAssertFalse(Session.isUnfinished(file))
        let paces = try lines("launch").filter { $0["case"]?.text == "b" }.map { $0["pace_hz"] }
        XCTAssertEqual(paces, [.integer(500), .integer(500)])
    }

    func testItStopsAndGoesOn() throws {
        // Asked before and after each: it prepares the first case, then the second, is in the first
        // launch, is before the second.
        for (calls, launches) in [(1, 0), (3, 0), (4, 0), (4, 1)] {
            var left = calls
            try session().run(isCancelled: { left -= 1; return left < 0 }) { _ in }
            XCTAssertTrue(Session.isUnfinished(file))
            XCTAssertEqual(try lines("launch").count, launches)
        }
        var figures: [CaseFigures] = []
        try session().run(isCancelled: { false }) { figures = $0.figures }
        XCTAssertFalse(Session.isUnfinished(file))
        XCTAssertEqual(figures.map(\.medians.count), [2, 2, 2])
        XCTAssertEqual(try lines("session").count, 1)
        XCTAssertEqual(try lines("case").count, 3)
        XCTAssertEqual(try lines("launch").map { $0["status"]?.text }, Array(repeating: "ok", count: 6))
    }

    func testAnotherDeviceDoesNotGoOn() throws {
        try session().run(isCancelled: { true }) { _ in }
        XCTAssertThrowsError(try session(on: "iPhone16,1"))
        XCTAssertNoThrow(try session())
    }

    func testOtherPackagesDoNotGoOn() throws {
        var left = 6  // until it is before the second launch
        try session().run(isCancelled: { left -= 1; return left < 0 }) { _ in }
        XCTAssertThrowsError(try session { $0.cases[1].record["model"] = .text("another") })
        XCTAssertThrowsError(try session { $0.cases.append($0.cases[0]) })
        XCTAssertThrowsError(try session { $0.cases.removeLast() })
        XCTAssertNoThrow(try session())
    }

    func testFieldsKeepTheirNamesAndNumbersTheirValues() throws {
        let text = #"{"aB_c":[1,-2.5,true,null,"x",9007199254740993,1e300,0.1],"d":{}}"#
        let read = try Message.decode(JSONObject.self, Data(text.utf8))
        XCTAssertEqual(
            read["aB_c"],
            .list([
                .integer(1), .number(-2.5), .bool(true), .null, .text("x"),
                .integer(9_007_199_254_740_993), .number(1e300), .number(0.1),
            ]))
        let again = try Message.decode(JSONObject.self, Message.encode(["all": JSON.object(read)]))
        XCTAssertEqual(again["all"], .object(read))
    }

    func testADeviceHasTheNameOfItsMaker() {
        XCTAssertEqual(Device.name(of: "iPhone8,1"), "iPhone 6s")
        XCTAssertEqual(Device.name(of: "iPhone16,1"), "iPhone 15 Pro")
        XCTAssertEqual(Device.name(of: "iPhone99,1"), "iPhone99,1")
        XCTAssertEqual(Device.chip(ofGPU: "Apple A17 Pro GPU"), "A17 Pro")
        XCTAssertGreaterThan(Device.environment().memoryBytes, 0)
    }

    func testWhatWasCopiedComesBeforeWhatIsCarried() throws {
        let (copied, carried) = (folder.appendingPathComponent("copied"), folder)
        let folders = Folders([copied, carried])
        XCTAssertEqual(try folders.path(of: "a"), carried.appendingPathComponent("a").path)
        try FileManager.default.createDirectory(at: copied, withIntermediateDirectories: true)
        try Data().write(to: copied.appendingPathComponent("a"))
        XCTAssertEqual(try folders.path(of: "a"), copied.appendingPathComponent("a").path)
        XCTAssertThrowsError(try folders.path(of: "c"))
    }

    private func session(
        on model: String = "", _ change: (inout SessionPlan) -> Void = { _ in }
    ) throws -> Session {
        var device = Device.environment()
        device.model = model
        var plan = try Message.decode(SessionPlan.self, Data(Self.plan.utf8))
        change(&plan)
        return try Session(
            plan, into: file, folders: Folders([folder]), engine: QuickEngine(), environment: device)
    }

    private func lines(_ kind: String) throws -> [JSONObject] { try Journal(file).lines(kind) }

    private static let plan: String = {
        let cases = [("a", 0), ("b", 500)].map { name, pace in
            """
            {"record": {"kind": "case", "case": "\(name)"}, "reference": "", "job": {
            "task": "measure", "runtime": "quick", "settings": {}, "package": "\(name)",
            "folder": "", "compiled": "", "unit": "ALL", "inputs": [], "outputs": "", "batch": 1,
            "warmup_s": 0, "warmup_calls": 1, "samples": 3, "pace_hz": \(pace), "seconds": 0,
            "window_s": 0, "spawned_ns": 0, "timeout_s": 9, "memory_limit_bytes": 0}}
            """
        }
        return """
            {"head": {"kind": "session", "plan": {"rounds": 2}, "notes": []},
            "cases": [\(cases.joined(separator: ","))], "rounds": [[1, 0, 2], [0, 1, 2]],
            "control_mark": " (twin)", "probe_calls": 1, "give_up_after": 3}
            """
    }()
}

/// Computes the same for every package, at once.
private struct QuickEngine: Engine {
    final class Model: LoadedModel, Prediction {
        func prepare(_ inputs: [InputFile], batch: Int) throws -> any Prediction { self }
        func run() throws {}
        func outputs() throws -> [Output] { [Output("y", .numbers([1, 2]))] }
    }

    func units() throws -> [String] { ["ALL"] }
    func compile(_ package: URL, into folder: URL) throws -> URL { package }
    func plan(_ compiled: URL, unit: String) throws -> [PlacedOp] { [] }
    func load(_ compiled: URL, unit: String) throws -> any LoadedModel { Model() }
}
