// Just so much of Core AI as the Swift file of an asset uses, as Apple documents it:
// developer.apple.com/documentation/coreai, iOS 27, read in November 2026.

import CoreVideo
import Foundation

public struct SpecializationOptions: Sendable { public static let `default` = Self() }

public struct AIModel: Sendable {
    public init(
        contentsOf modelURL: URL, options: SpecializationOptions = .default
    ) async throws { fatalError() }
    public func loadFunction(named functionName: String) throws -> InferenceFunction? { nil }
}

public struct AIModelAsset: Sendable {
    public init(contentsOf url: URL) throws { fatalError() }
    public var metadata: Metadata { fatalError() }

    public struct Metadata: Sendable {
        public var creatorDefinedMetadata: [String: CreatorDefinedValue]

        public enum CreatorDefinedValue: Sendable {
            case string(String)
            case integer(Int)
            case number(Double)
            case bool(Bool)
            case array([CreatorDefinedValue])
            case dictionary([String: CreatorDefinedValue])
        }
    }
}

public struct InferenceFunction: Sendable {
    public let descriptor: InferenceFunctionDescriptor

    public func run(
        inputs: borrowing Inputs, states: consuming MutableViews = MutableViews(),
        outputViews: consuming MutableViews = MutableViews()
    ) async throws -> Outputs { fatalError() }

    public struct Inputs: ~Copyable {
        public init() {}
        public mutating func insert(
            _ value: borrowing some InferenceValue.ViewRepresentable & ~Copyable,
            for inputName: String
        ) {}
    }

    public struct MutableViews: ~Copyable { public init() {} }

    public struct Outputs: ~Copyable {
        public mutating func remove(_ name: String) -> InferenceValue? { nil }
    }
}

public struct InferenceFunctionDescriptor: Sendable {
    public func inputDescriptor(of inputName: String) -> InferenceValue.Descriptor? { nil }
}

public struct ImageDescriptor: Sendable {
    public var width: Int { 0 }
    public var height: Int { 0 }
    public var pixelFormatType: OSType { 0 }
}

public struct NDArrayDescriptor: Sendable {}

public struct InferenceValue: ~Copyable {
    public var ndArray: NDArray? { consuming get { nil } }

    public enum Descriptor: Sendable {
        case image(ImageDescriptor)
        case ndArray(NDArrayDescriptor)
    }

    public protocol ViewRepresentable: ~Copyable {}
}

extension CVMutablePixelBuffer: InferenceValue.ViewRepresentable {}

public struct NDArray {
    public enum ScalarType: Sendable { case float16, float32, int32 }
    public struct InterleaveLayout: Sendable {}

    public var scalarType: ScalarType { .float32 }
    public func view<T: BitwiseCopyable>(as type: T.Type = T.self) -> View<T> { fatalError() }

    public struct View<Element: BitwiseCopyable>: ~Copyable {
        public var interleaveLayout: InterleaveLayout? { nil }
        public func withUnsafePointer<R, E: Error>(
            _ body: (UnsafePointer<Element>, Span<Int>, Span<Int>) throws(E) -> R
        ) throws(E) -> R { fatalError() }
    }
}

/// Of the standard library from Swift 6.2 on.
public struct Span<Element> {
    public var count: Int { 0 }
    public subscript(index: Int) -> Element { fatalError() }
}
