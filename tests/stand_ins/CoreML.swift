// Just so much of Core ML as the Swift files use, as Apple documents it:
// developer.apple.com/documentation/coreml.

@_exported import Foundation

public enum MLComputeUnits: Int, Sendable { case cpuOnly, cpuAndGPU, all, cpuAndNeuralEngine }

open class MLModelConfiguration {
    public init() {}
    public var computeUnits: MLComputeUnits = .all
}

public struct MLModelMetadataKey: Hashable, Sendable {
    public static let creatorDefinedKey = MLModelMetadataKey()
}

open class MLModelDescription { public var metadata: [MLModelMetadataKey: Any] { [:] } }

open class MLModel { public var modelDescription: MLModelDescription { fatalError() } }

open class MLMultiArray {
    public var shape: [NSNumber] { [] }
    public var count: Int { 0 }
    public subscript(index: Int) -> NSNumber { 0 }
}

open class MLFeatureValue {
    public convenience init(double value: Double) { fatalError() }
    public init() {}
    public var multiArrayValue: MLMultiArray? { nil }
}

public protocol MLFeatureProvider: AnyObject {}

open class MLDictionaryFeatureProvider: MLFeatureProvider {
    public init(dictionary: [String: Any]) throws {}
}

public struct MLShapedArray<Scalar> {
    public init(converting array: MLMultiArray) {}
    public var scalars: [Scalar] { [] }
    public var shape: [Int] { [] }
}
