// Just so much of Core Graphics as the Swift files use, as Apple documents it:
// developer.apple.com/documentation/coregraphics. Points and rectangles are Foundation's.

import Foundation

public typealias CFData = Data
public final class CGDataProvider { public init?(data: CFData) {} }
public enum CGColorRenderingIntent: Int32, Sendable { case defaultIntent }
public enum CGImageAlphaInfo: UInt32, Sendable { case none, premultipliedLast }
public struct CGBitmapInfo: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
}
public func CGColorSpaceCreateDeviceRGB() -> CGColorSpace { fatalError() }

public final class CGImage {
    public init?(
        width: Int, height: Int, bitsPerComponent: Int, bitsPerPixel: Int, bytesPerRow: Int,
        space: CGColorSpace, bitmapInfo: CGBitmapInfo, provider: CGDataProvider,
        decode: UnsafePointer<CGFloat>?, shouldInterpolate: Bool, intent: CGColorRenderingIntent
    ) {}
    public var width: Int { 0 }
    public var height: Int { 0 }
}

public final class CGColor {}

public final class CGColorSpace {
    public static let sRGB = ""
    public init?(name: String) {}
}

public struct CGAffineTransform: Sendable {
    public init(translationX: CGFloat, y: CGFloat) {}
    public init(scaleX: CGFloat, y: CGFloat) {}
    public func concatenating(_ other: CGAffineTransform) -> CGAffineTransform { other }
}
