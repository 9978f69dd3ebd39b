// What the worker in Python computes, to the last bit: tests/swift_goldens.py writes it.

import Foundation
import XCTest

@testable import Measure

final class GoldenTests: XCTestCase {
    func testMessagesHavePythonsFields() throws {
        let messages = try XCTUnwrap(Goldens.all()["messages"] as? [String: Any])
        let kinds: [String: any Codable.Type] = [
            "job": Job.self, "units": Units.self, "compiled": Compiled.self,
            "plan": ComputePlan.self, "result": WorkerResult.self, "error": WorkerError.self, "progress": SoakProgress.self,
        ]
        XCTAssertEqual(Set(kinds.keys), Set(messages.keys))
        for (name, kind) in kinds {
            let pythons = try XCTUnwrap(messages[name] as? NSDictionary)
            let read = try Message.decode(kind, JSONSerialization.data(withJSONObject: pythons))
            let again = try JSONSerialization.jsonObject(with: Message.encode(read))
            XCTAssertEqual(again as? NSDictionary, pythons)
        }
    }

    func testAMessageIsALine() throws {
        let line = try Message.encode(WorkerError("two\nlines \u{2028} and a /"))
        XCTAssertFalse(line.contains(UInt8(ascii: "\n")))
        XCTAssertEqual(try Message.decode(WorkerError.self, line).reason, "two lines and a /")
    }

    func testTheLoopReadsTheClockAsOftenAsPythons() throws {
        struct Golden: Decodable {
            var steps: [Int], warmupS: Double, warmupCalls: Int, samples: Int, paceHz: Double
            var sleptNs: [Int], warmupNs: [Int], samplesNs: [Int], cpuNs: [Int]
            var callsPerSample: Int, loopOverheadNs: Int
        }
        for golden in try Goldens.read("loops", of: Golden.self) {
            let (clock, cpuClock) = (ScriptedClock(golden.steps), ScriptedClock([3, 5]))
            let sleep = { (nanoseconds: Int) in  // waiting that was timed would be seen in both
                clock.sleep(nanoseconds)
                cpuClock.sleep(nanoseconds)
            }
            let frames = golden.paceHz > 0
                ? Frames(hertz: golden.paceHz, clock: clock.read, sleep: sleep) : nil
            let timings = try loop(clock, cpuClock).measure(
                { _ = clock.read() }, warmupS: golden.warmupS, warmupCalls: golden.warmupCalls,
                samples: golden.samples, pace: frames?.wait)
            XCTAssertEqual(timings.warmupNs, golden.warmupNs)
            XCTAssertEqual(timings.samplesNs, golden.samplesNs)
            XCTAssertEqual(timings.cpuNs, golden.cpuNs)
            XCTAssertEqual(timings.callsPerSample, golden.callsPerSample)
            XCTAssertEqual(timings.loopOverheadNs, golden.loopOverheadNs)
            XCTAssertEqual(clock.slept, golden.sleptNs)
        }
    }

    func testWindowsOfASoak() throws {
        struct Golden: Decodable {
            var steps: [Int], seconds: Double, windowS: Double, windows: [SoakWindow]
        }
        for golden in try Goldens.read("soaks", of: Golden.self) {
            var windows: [SoakWindow] = []
            try loop(ScriptedClock(golden.steps), ScriptedClock([3, 5])).soak(
                {}, seconds: golden.seconds, windowS: golden.windowS, thermal: { nil }
            ) { windows.append($0) }
            XCTAssertFalse(windows.isEmpty)
            XCTAssertEqual(windows, golden.windows)
        }
    }

    func testOutputsAreLeftBitForBit() throws {
        struct Golden: Decodable {
            struct Line: Decodable { var name: String, text: String?, keys, numbers: [String]? }
            var outputs: [Line], file: Data, top1: String
        }
        for golden in try Goldens.read("outputs", of: Golden.self) {
            let outputs = golden.outputs.map { line -> Output in
                let numbers = (line.numbers ?? []).map { Double($0)! }
                if let text = line.text { return Output(line.name, .text(text)) }
                guard let keys = line.keys else {
                    return Output(line.name, .numbers(numbers.map { Float($0) }))
                }
                return Output(line.name, .keyed(zip(keys, numbers).map { ($0, $1) }))
            }
            let vector = Outputs.vector(outputs)
            XCTAssertEqual(Outputs.data(vector), golden.file)
            if !vector.contains(where: \.isNaN) {  // NaN has no place among numbers
                XCTAssertEqual(
                    Array(Outputs.top1(outputs).unicodeScalars), Array(golden.top1.unicodeScalars))
            }
        }
    }

    func testPixelsOfABuffer() throws {
        struct Golden: Decodable {
            var width, height, bytesPerRow: Int, format: String, numbers: [Float], rows: Data
        }
        for golden in try Goldens.read("pictures", of: Golden.self) {
            var buffer = [UInt8](repeating: 0, count: golden.bytesPerRow * golden.height)
            let numbers = buffer.withUnsafeMutableBytes { raw in
                let rows = PixelRows(
                    raw.baseAddress!, bytesPerRow: golden.bytesPerRow, width: golden.width,
                    height: golden.height, format: PixelRows.Format(rawValue: golden.format)!)
                rows.fill(golden.numbers)
                return rows.numbers()
            }
            XCTAssertEqual(Data(buffer), golden.rows)
            XCTAssertEqual(numbers, golden.numbers)
        }
    }

    func testHalvesAreTheNearest() throws {
        struct Golden: Decodable { var numbers, again: [String], bits: [UInt16] }
        for golden in try Goldens.read("halves", of: Golden.self) {
            XCTAssertEqual(golden.numbers.map { Half.bits(Float($0)!) }, golden.bits)
            XCTAssertEqual(golden.bits.map(Half.number), golden.again.map { Float($0)! })
        }
        XCTAssertTrue(Half.number(Half.bits(.nan)).isNaN)
    }

    private func loop(_ clock: ScriptedClock, _ cpuClock: ScriptedClock) -> Loop {
        var loop = Loop()
        loop.clock = clock.read
        loop.cpuClock = cpuClock.read
        return loop
    }
}

/// Each reading is one of `steps` later, over and over; sleeping takes its time.
private final class ScriptedClock {
    private let steps: [Int]
    private var readings = 0
    private var now = 0
    private(set) var slept: [Int] = []

    init(_ steps: [Int]) { self.steps = steps }

    func read() -> Int {
        now += steps[readings % steps.count]
        readings += 1
        return now
    }

    func sleep(_ nanoseconds: Int) {
        slept.append(nanoseconds)
        now += nanoseconds
    }
}
