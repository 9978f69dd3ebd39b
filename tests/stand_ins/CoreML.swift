// Just so much of Core ML as the Swift files use, as Apple documents it:
// developer.apple.com/documentation/coreml.

@_exported import CoreVideo
@_exported import Foundation

public enum MLComputeUnits: Int, Sendable { case cpuOnly, cpuAndGPU, all, cpuAndNeuralEngine }

open class MLModelConfiguration {
    public init() {}
    public var computeUnits: MLComputeUnits = .all
}

public struct MLModelMetadataKey: Hashable, Sendable {
    public static let creatorDefinedKey = MLModelMetadataKey()
}

open class MLModelDescription {
    public var metadata: [MLModelMetadataKey: Any] { [:] }
    public var predictedFeatureName: String? { nil }
    public var inputDescriptionsByName: [String: MLFeatureDescription] { [:] }
}

open class MLFeatureDescription {
    public var imageConstraint: MLImageConstraint? { nil }
    public var multiArrayConstraint: MLMultiArrayConstraint? { nil }
}

open class MLImageConstraint {
    public var pixelsHigh: Int { 0 }
    public var pixelsWide: Int { 0 }
}

open class MLMultiArrayConstraint { public var dataType: MLMultiArrayDataType { .float32 } }

open class MLModel {
    public init(contentsOf url: URL, configuration: MLModelConfiguration) throws {}
    public class func compileModel(at modelURL: URL) throws -> URL { modelURL }
    public var modelDescription: MLModelDescription { fatalError() }
    public func prediction(
        from input: any MLFeatureProvider
    ) throws -> any MLFeatureProvider { input }
    public func predictions(
        fromBatch inputBatch: any MLBatchProvider
    ) throws -> any MLBatchProvider { inputBatch }
}

public final class MLCPUComputeDevice {}
public final class MLGPUComputeDevice {}
public final class MLNeuralEngineComputeDevice {}
public enum MLComputeDevice {
    case cpu(MLCPUComputeDevice), gpu(MLGPUComputeDevice)
    case neuralEngine(MLNeuralEngineComputeDevice)
    public static var allComputeDevices: [MLComputeDevice] { [] }
}

public final class MLComputePlan {
    public struct DeviceUsage {
        public var supported: [MLComputeDevice]
        public var preferred: MLComputeDevice
    }
    public struct Cost { public var weight: Double }
    public class func load(
        contentsOf url: URL, configuration: MLModelConfiguration
    ) async throws -> MLComputePlan { fatalError() }
    public var modelStructure: MLModelStructure { .unsupported }
    public func deviceUsage(for operation: MLModelStructure.Program.Operation) -> DeviceUsage? {
        nil
    }
    public func estimatedCost(of operation: MLModelStructure.Program.Operation) -> Cost? { nil }
}

public enum MLModelStructure: Sendable {
    case neuralNetwork(NeuralNetwork), program(Program), pipeline(Pipeline), unsupported
    public struct NeuralNetwork: Sendable {}
    public struct Pipeline: Sendable {}
    public struct Program: Sendable {
        public struct Function: Sendable { public var block: Block }
        public struct Block: Sendable { public var operations: [Operation] }
        public struct Operation: Sendable {
            public var operatorName: String
            public var outputs: [NamedValueType]
        }
        public struct NamedValueType: Sendable { public var name: String }
        public var functions: [String: Function]
    }
}

public enum MLMultiArrayDataType: Int, Sendable { case double, float32, float16, int32 }
public enum MLFeatureType: Int, Sendable {
    case invalid, int64, double, string, image, multiArray, dictionary, sequence
}

open class MLMultiArray {
    public init(shape: [NSNumber], dataType: MLMultiArrayDataType) throws {}
    public var shape: [NSNumber] { [] }
    public var count: Int { 0 }
    public subscript(index: Int) -> NSNumber {
        get { 0 }
        set {}
    }
}

open class MLFeatureValue {
    public convenience init(double value: Double) { fatalError() }
    public convenience init(pixelBuffer value: CVPixelBuffer) { fatalError() }
    public convenience init(multiArray value: MLMultiArray) { fatalError() }
    public init() {}
    public var type: MLFeatureType { .invalid }
    public var int64Value: Int64 { 0 }
    public var doubleValue: Double { 0 }
    public var stringValue: String { "" }
    public var dictionaryValue: [AnyHashable: NSNumber] { [:] }
    public var multiArrayValue: MLMultiArray? { nil }
    public var imageBufferValue: CVPixelBuffer? { nil }
}

public protocol MLFeatureProvider: AnyObject {
    var featureNames: Set<String> { get }
    func featureValue(for featureName: String) -> MLFeatureValue?
}

public protocol MLBatchProvider: AnyObject {
    var count: Int { get }
    func features(at index: Int) -> any MLFeatureProvider
}

open class MLArrayBatchProvider: MLBatchProvider {
    public init(array: [any MLFeatureProvider]) {}
    public var count: Int { 0 }
    public func features(at index: Int) -> any MLFeatureProvider { fatalError() }
}

// Of the Objective-C runtime.
public func autoreleasepool<Result>(invoking body: () throws -> Result) rethrows -> Result {
    try body()
}

open class MLDictionaryFeatureProvider: MLFeatureProvider {
    public init(dictionary: [String: Any]) throws {}
    public var featureNames: Set<String> { [] }
    public func featureValue(for featureName: String) -> MLFeatureValue? { nil }
}

public struct MLShapedArray<Scalar> {
    public init(converting array: MLMultiArray) {}
    public var scalars: [Scalar] { [] }
    public var shape: [Int] { [] }
}
