// Core ML. Whatever is not prediction is done before or after it.

#if canImport(CoreML)
import CoreML
import CoreVideo
import Foundation

public struct CoreMLEngine: Engine {
    public init() {}

    /// Without the device Core ML would fall back in silence.
    public func units() -> [String] {
        guard #available(macOS 14, iOS 17, *) else { return CoreMLUnit.allCases.map(\.rawValue) }
        let devices = MLComputeDevice.allComputeDevices
        let hasGPU = devices.contains { if case .gpu = $0 { return true } else { return false } }
        let hasEngine = devices.contains {
            if case .neuralEngine = $0 { return true } else { return false }
        }
        return CoreMLUnit.allCases
            .filter { ($0 != .gpu || hasGPU) && ($0 != .engine || hasEngine) }
            .map(\.rawValue)
    }

    /// At a path that is new: Core ML keeps what it made for a device by the model's path.
    public func compile(_ package: URL, into folder: URL) throws -> URL {
        let made = try worded("Core ML cannot compile \(package.lastPathComponent)") {
            try MLModel.compileModel(at: package)
        }
        let compiled = folder.appendingPathComponent(made.lastPathComponent)
        try FileManager.default.moveItem(at: made, to: compiled)
        return compiled
    }

    public func plan(_ compiled: URL, unit: String) throws -> [PlacedOp] {
        try CoreMLPlan.ops(compiled, unit: unit)
    }

    public func load(_ compiled: URL, unit: String) throws -> any LoadedModel {
        let configuration = try CoreMLUnit.configuration(unit)
        let what = "Core ML cannot load \(compiled.lastPathComponent) for \(unit)"
        return CoreMLModel(
            model: try worded(what) {
                try MLModel(contentsOf: compiled, configuration: configuration)
            })
    }

    private func worded<Result>(_ what: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch {
            throw WorkerError("\(what): \(error.localizedDescription)")
        }
    }
}

/// By the names of bench/runtimes/entries.py.
enum CoreMLUnit: String, CaseIterable {
    case cpu = "CPU_ONLY"
    case gpu = "CPU_AND_GPU"
    case engine = "CPU_AND_NE"
    case all = "ALL"

    static func configuration(_ name: String) throws -> MLModelConfiguration {
        guard let unit = CoreMLUnit(rawValue: name) else { throw WorkerError("no unit is \(name)") }
        let configuration = MLModelConfiguration()
        configuration.computeUnits = try unit.units()
        return configuration
    }

    private func units() throws -> MLComputeUnits {
        switch self {
        case .cpu: return .cpuOnly
        case .gpu: return .cpuAndGPU
        case .all: return .all
        case .engine:
            guard #available(macOS 13, iOS 16, *) else {
                throw WorkerError("\(rawValue) takes macOS 13 or iOS 16")
            }
            return .cpuAndNeuralEngine
        }
    }
}

private struct CoreMLModel: LoadedModel {
    let model: MLModel

    func prepare(_ inputs: [InputFile], batch: Int) throws -> any Prediction {
        var values: [String: MLFeatureValue] = [:]
        for input in inputs {
            values[input.name] = try value(input)
        }
        let features = try MLDictionaryFeatureProvider(dictionary: values)
        return CoreMLPrediction(model, features, batch)
    }

    private func value(_ input: InputFile) throws -> MLFeatureValue {
        let description = model.modelDescription.inputDescriptionsByName[input.name]
        if description?.imageConstraint != nil {
            return MLFeatureValue(pixelBuffer: try pixelBuffer(input))
        }
        guard let tensor = description?.multiArrayConstraint else {
            throw WorkerError("input \(input.name) of the model takes neither image nor tensor")
        }
        let shape = input.shape.map { NSNumber(value: $0) }
        let array = try MLMultiArray(shape: shape, dataType: tensor.dataType)
        for (index, number) in try input.values().enumerated() {
            array[index] = NSNumber(value: number)
        }
        return MLFeatureValue(multiArray: array)
    }

    /// As a camera gives it: in memory that GPU and Neural Engine read without a copy.
    private func pixelBuffer(_ input: InputFile) throws -> CVPixelBuffer {
        let values = try input.values()
        let isGray = input.shape.count == 2
        let format: PixelRows.Format = input.type == "float32" ? .half : isGray ? .gray : .bgra
        let type = formats.first { $0.value == format }!.key
        let attributes = [kCVPixelBufferIOSurfacePropertiesKey as String: [String: Any]()]
        var made: CVPixelBuffer?
        let status = CVPixelBufferCreate(
            nil, input.shape[1], input.shape[0], type, attributes as CFDictionary, &made)
        guard let buffer = made else { throw WorkerError("no pixel buffer: CVReturn \(status)") }
        try buffer.withRows { rows in rows.fill(values) }
        return buffer
    }
}

private let formats: [OSType: PixelRows.Format] = [
    kCVPixelFormatType_32BGRA: .bgra, kCVPixelFormatType_OneComponent8: .gray,
    kCVPixelFormatType_OneComponent16Half: .half,
]

private final class CoreMLPrediction: Prediction {
    private let model: MLModel
    private let features: any MLFeatureProvider
    private let batch: (any MLBatchProvider)?
    private var last: (any MLFeatureProvider)?

    init(_ model: MLModel, _ features: any MLFeatureProvider, _ count: Int) {
        (self.model, self.features) = (model, features)
        batch = count > 1
            ? MLArrayBatchProvider(array: Array(repeating: features, count: count)) : nil
    }

    func run() throws {
        try autoreleasepool {
            guard let batch = batch else {
                last = try model.prediction(from: features)
                return
            }
            let results = try model.predictions(fromBatch: batch)
            last = results.features(at: results.count - 1)
        }
    }

    func outputs() throws -> [Output] {
        try last?.featureNames.map { name in
            guard let value = last?.featureValue(for: name) else {
                throw WorkerError("output \(name) was not computed")
            }
            return Output(name, try Self.read(value, name))
        } ?? []
    }

    private static func read(_ value: MLFeatureValue, _ name: String) throws -> Output.Value {
        switch value.type {
        case .string: return .text(value.stringValue)
        case .double: return .numbers([Float(value.doubleValue)])
        case .int64: return .numbers([Float(value.int64Value)])
        case .dictionary:
            return .keyed(
                value.dictionaryValue.map { (String(describing: $0.key.base), $0.value.doubleValue) })
        default: break
        }
        if let array = value.multiArrayValue {
            return .numbers(MLShapedArray<Float>(converting: array).scalars)
        }
        guard let buffer = value.imageBufferValue else {
            throw WorkerError("output \(name) is of a kind that this worker does not read")
        }
        return .numbers(try buffer.withRows { rows in rows.numbers() })
    }
}

extension CVPixelBuffer {
    fileprivate func withRows<Result>(_ body: (PixelRows) throws -> Result) throws -> Result {
        CVPixelBufferLockBaseAddress(self, [])
        defer { CVPixelBufferUnlockBaseAddress(self, []) }
        let type = CVPixelBufferGetPixelFormatType(self)
        guard let base = CVPixelBufferGetBaseAddress(self), let format = formats[type] else {
            throw WorkerError("a picture is of pixel format \(type), which is not read")
        }
        return try body(
            PixelRows(
                base, bytesPerRow: CVPixelBufferGetBytesPerRow(self),
                width: CVPixelBufferGetWidth(self), height: CVPixelBufferGetHeight(self),
                format: format))
    }
}
#endif
