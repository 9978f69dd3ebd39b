// An engine that plays a script, for tests of all that surrounds an engine: it lies beside the
// package, says what is computed how fast, and which fault there is.

import Foundation
import Measure

struct Script: Codable {
    struct Line: Codable {
        var name: String
        var numbers: [Double]?  // of the keys, where there are some
        var keys: [String]?
        var text: String?
        var input: String?  // whose numbers are given back
    }

    var loadNs: Int
    var callNs: Int
    var outputs: [Line]
    var fault: String?
    var faultyCall: Int  // from which on the fault is there
    var ops: [PlacedOp]?  // nil: of a system that does not tell
}

struct MadeEngine: Engine {
    static let name = "made.json"

    func units() -> [String] { ["CPU_ONLY", "ALL"] }

    func compile(_ package: URL, into folder: URL) throws -> URL {
        let compiled = folder.appendingPathComponent(Self.name)
        try FileManager.default.copyItem(
            at: package.appendingPathExtension(Self.name), to: compiled)
        return compiled
    }

    func plan(_ compiled: URL, unit: String) throws -> [PlacedOp] {
        guard let ops = try script(compiled).ops else {
            throw WorkerError("where operations run is not told here")
        }
        return ops
    }

    func load(_ compiled: URL, unit: String) throws -> any LoadedModel {
        let script = try script(compiled)
        if script.fault == "load" { throw WorkerError("it cannot be loaded\nfor \(unit)") }
        spend(script.loadNs)
        return MadeModel(script: script)
    }

    private func script(_ compiled: URL) throws -> Script {
        try Message.decode(Script.self, Data(contentsOf: compiled))
    }
}

private func spend(_ nanoseconds: Int) {
    let end = System.now() + nanoseconds
    while System.now() < end {}
}

private struct MadeModel: LoadedModel {
    let script: Script

    func prepare(_ inputs: [InputFile], batch: Int) throws -> any Prediction {
        var values: [String: [Float]] = [:]
        for input in inputs {
            values[input.name] = try input.values()
        }
        return MadePrediction(script, values, batch)
    }
}

private final class MadePrediction: Prediction {
    private let script: Script
    private let inputs: [String: [Float]]
    private let batch: Int
    private var calls = 0
    private var kept: [[UInt8]] = []

    init(_ script: Script, _ inputs: [String: [Float]], _ batch: Int) {
        (self.script, self.inputs, self.batch) = (script, inputs, batch)
    }

    private var fault: String? { calls >= script.faultyCall ? script.fault : nil }

    func run() throws {
        calls += 1
        spend(script.callNs * batch)
        switch fault {
        case "crash": abort()
        case "trap": fatalError("made to crash")
        case "hang": while true { Thread.sleep(forTimeInterval: 1) }
        case "error": throw WorkerError("made to fail")
        case "exit": exit(3)
        case "noise": print(#"{"type":"result"}"#, "\nprinted by native code")
        case "leak": kept.append([UInt8](repeating: 1, count: 1 << 22))
        case "gulp": kept.append([UInt8](repeating: 1, count: 1 << 40))
        default: break
        }
    }

    func outputs() throws -> [Output] {
        let factor = fault == "nan" ? Double.nan : fault == "wrong" ? -1 : 1
        return script.outputs.map { line in
            if let text = line.text { return Output(line.name, .text(text)) }
            if let input = line.input { return Output(line.name, .numbers(inputs[input] ?? [])) }
            let numbers = (line.numbers ?? []).map { $0 * factor }
            guard let keys = line.keys else {
                return Output(line.name, .numbers(numbers.map { Float($0) }))
            }
            return Output(line.name, .keyed(zip(keys, numbers).map { ($0, $1) }))
        }
    }
}
