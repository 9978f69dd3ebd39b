// Just so much of Core Video as the Swift files use, as Apple documents it:
// developer.apple.com/documentation/corevideo, iOS 26, read in November 2026.

public typealias OSType = UInt32

public let kCVPixelFormatType_32BGRA: OSType = 0x4247_5241
public let kCVPixelFormatType_420YpCbCr8BiPlanarFullRange: OSType = 0x3432_3066
public let kCVPixelFormatType_OneComponent8: OSType = 0x4C30_3038
public let kCVPixelFormatType_OneComponent16Half: OSType = 0x4C30_3068

// Linux has no bridges between Swift's types and these: they are the same here.
public typealias CFString = String
public typealias CFDictionary = [String: Any]
public final class CFAllocator {}

public typealias CVReturn = Int32
public struct CVPixelBufferLockFlags: OptionSet, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    public static let readOnly = CVPixelBufferLockFlags(rawValue: 1)
}

public let kCVPixelBufferIOSurfacePropertiesKey: CFString = ""
public let kCVPixelBufferPixelFormatTypeKey: CFString = ""
public func CVPixelBufferCreate(
    _ allocator: CFAllocator?, _ width: Int, _ height: Int, _ pixelFormatType: OSType,
    _ pixelBufferAttributes: CFDictionary?,
    _ pixelBufferOut: UnsafeMutablePointer<CVPixelBuffer?>
) -> CVReturn { 0 }
@discardableResult public func CVPixelBufferLockBaseAddress(
    _ pixelBuffer: CVPixelBuffer, _ lockFlags: CVPixelBufferLockFlags
) -> CVReturn { 0 }
@discardableResult public func CVPixelBufferUnlockBaseAddress(
    _ pixelBuffer: CVPixelBuffer, _ unlockFlags: CVPixelBufferLockFlags
) -> CVReturn { 0 }
public func CVPixelBufferGetPixelFormatType(_ pixelBuffer: CVPixelBuffer) -> OSType { 0 }
public func CVPixelBufferGetBaseAddress(
    _ pixelBuffer: CVPixelBuffer
) -> UnsafeMutableRawPointer? { nil }
public func CVPixelBufferGetBytesPerRow(_ pixelBuffer: CVPixelBuffer) -> Int { 0 }

public final class CVBuffer {}
public typealias CVImageBuffer = CVBuffer
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
