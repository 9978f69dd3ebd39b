// Just so much of Core Video as the Swift files use, as Apple documents it:
// developer.apple.com/documentation/corevideo, iOS 26, read in November 2026.

public typealias OSType = UInt32

public let kCVPixelFormatType_32BGRA: OSType = 0x4247_5241

public final class CVBuffer {}
public typealias CVPixelBuffer = CVBuffer

public func CVPixelBufferGetWidth(_ pixelBuffer: CVPixelBuffer) -> Int { 0 }
public func CVPixelBufferGetHeight(_ pixelBuffer: CVPixelBuffer) -> Int { 0 }

public struct CVPixelFormatType: Sendable { public init(rawValue: OSType) {} }
public struct CVImageSize: Sendable { public init(width: Int, height: Int) {} }

public struct CVPixelBufferCreationAttributes: Sendable {
    public init(pixelFormatType: CVPixelFormatType, size: CVImageSize) {}
}

public struct CVMutablePixelBuffer: ~Copyable {
    public init(_ attributes: CVPixelBufferCreationAttributes) throws {}
    public func withUnsafeBuffer<R: ~Copyable>(
        _ body: (CVPixelBuffer) throws -> sending R
    ) rethrows -> sending R { try body(CVBuffer()) }
}
