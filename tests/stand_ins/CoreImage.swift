// Just so much of Core Image as the Swift files use, as Apple documents it:
// developer.apple.com/documentation/coreimage.

import CoreGraphics
import CoreVideo
import Foundation
import ImageIO

public final class CIColor {
    public init(red: CGFloat, green: CGFloat, blue: CGFloat) {}
    public static var white: CIColor { CIColor(red: 1, green: 1, blue: 1) }
}

public struct CIFormat: Sendable {
    public static let RGBA8 = CIFormat()
    public static let L8 = CIFormat()
}

public struct CIImageOption: Hashable, Sendable { public static let colorSpace = CIImageOption() }

public final class CIImage {
    public init(cgImage: CGImage) {}
    public init(cvPixelBuffer: CVPixelBuffer, options: [CIImageOption: Any]? = nil) {}
    public init(
        bitmapData data: Data, bytesPerRow: Int, size: CGSize, format: CIFormat,
        colorSpace: CGColorSpace?
    ) {}
    public init(color: CIColor) {}
    public func cropped(to rect: CGRect) -> CIImage { self }
    public func samplingNearest() -> CIImage { self }
    public func transformed(by matrix: CGAffineTransform) -> CIImage { self }
    public var extent: CGRect { .zero }
    public func oriented(_ orientation: CGImagePropertyOrientation) -> CIImage { self }
    public func clampedToExtent() -> CIImage { self }
    public func composited(over dest: CIImage) -> CIImage { self }
    public func transformed(
        by matrix: CGAffineTransform, highQualityDownsample: Bool
    ) -> CIImage { self }
}

public struct CIContextOption: Hashable, Sendable {
    public static let workingColorSpace = CIContextOption()
}

public final class CIContext {
    public init(options: [CIContextOption: Any]? = nil) {}
    public func render(
        _ image: CIImage, to buffer: CVPixelBuffer, bounds: CGRect, colorSpace: CGColorSpace?
    ) {}
}

/// Of CoreImage.CIFilterBuiltins, which on an Apple system is a part of its own.
open class CIFilter {
    public static func colorMap() -> any CIFilter & CIColorMap { fatalError() }
    public static func blendWithMask() -> any CIFilter & CIBlendWithMask { fatalError() }
}

public protocol CIFilterProtocol: AnyObject { var outputImage: CIImage? { get } }

public protocol CIColorMap: CIFilterProtocol {
    var inputImage: CIImage? { get set }
    var gradientImage: CIImage? { get set }
}

public protocol CIBlendWithMask: CIFilterProtocol {
    var inputImage: CIImage? { get set }
    var backgroundImage: CIImage? { get set }
    var maskImage: CIImage? { get set }
}
