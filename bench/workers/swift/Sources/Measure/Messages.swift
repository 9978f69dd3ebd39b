// What is asked of a worker and what it answers: bench/workers/protocol.py, field for field.

import Foundation

/// One input of the model: an image in bytes, or a tensor in float32, row by row.
public struct InputFile: Codable, Sendable {
    public var name: String
    public var type: String
    public var shape: [Int]
    public var path: String
}

/// One task for one fresh process. Every field is there; unknown ones are ignored.
public struct Job: Codable, Sendable {
    public var task: String
    public var runtime: String
    public var settings: [String: Int]
    public var package: String
    public var folder: String
    public var compiled: String
    public var unit: String
    public var inputs: [InputFile]
    public var outputs: String
    public var batch: Int
    public var warmupS: Double
    public var warmupCalls: Int
    public var samples: Int
    public var paceHz: Double
    public var seconds: Double
    public var windowS: Double
    public var spawnedNs: Int
    public var timeoutS: Double
    public var memoryLimitBytes: Int
}

/// Answer to "describe".
public struct Units: Codable, Sendable {
    public var type = "units"
    public var units: [String]
}

/// Answer to "compile".
public struct Compiled: Codable, Sendable {
    public var type = "compiled"
    public var compiled: String
    public var compileNs: Int
}

/// Answer to "plan": where Core ML means to run what. Nothing is measured.
public struct ComputePlan: Codable, Sendable {
    public var type = "plan"
    public var ops: [PlacedOp]

    public init(ops: [PlacedOp]) { self.ops = ops }
}

/// Where one operation would run: "CPU", "GPU" or "ANE".
public struct PlacedOp: Codable, Sendable {
    public var function: String
    public var name: String
    public var type: String
    public var preferred: String
    public var supported: [String]
    public var cost: Double?  // estimated share of the whole, 0 to 1
}

/// Answer to "measure" and "soak".
public struct WorkerResult: Codable, Sendable {
    public var type = "result"
    public var startNs: Int
    public var loadNs: Int
    public var firstCallNs: Int
    public var warmupNs: [Int]
    public var samplesNs: [Int]
    public var callsPerSample: Int
    public var cpuNs: [Int]
    public var voluntarySwitches: Int?
    public var involuntarySwitches: Int?
    public var nativeNs: [Int]
    public var loopOverheadNs: Int?
    public var peakMemoryBytes: Int
    public var memoryGrowthBytes: Int
    public var thermalBefore: Thermal?
    public var thermalAfter: Thermal?
    public var top1: String
}

/// Answer to any task: why it cannot be done, in one line.
public struct WorkerError: Codable, Error, Sendable {
    public var type = "error"
    public var reason: String

    public init(_ reason: String) {
        self.reason = reason.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    /// Of whatever a framework throws.
    public init(_ error: any Error) {
        self = error as? WorkerError ?? WorkerError(String(describing: error))
    }
}

/// How hot the machine is; nil where the system has no word for it.
public struct Thermal: Codable, Equatable, Sendable {
    public var pressure: String
}

public struct SoakWindow: Codable, Equatable, Sendable {
    public var beginNs: Int
    public var tookNs: Int
    public var cpuNs: Int?
    public var calls: Int
    public var thermal: Thermal?
}

/// One window of a soak, written as soon as it is over.
public struct SoakProgress: Codable, Sendable {
    public var type = "progress"
    public var window: SoakWindow
}

/// JSON with the names of Python's fields.
public enum Message {
    public static func decode<T: Decodable>(_ type: T.Type, _ text: Data) throws -> T {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(type, from: text)
    }

    public static func encode(_ message: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        return try encoder.encode(message)
    }
}
