// Just so much of Core Image as the Swift file of an asset uses, as Apple documents it:
// developer.apple.com/documentation/coreimage.

import CoreGraphics
import CoreVideo
import Foundation
import ImageIO

public final class CIColor { public static var white: CIColor { CIColor() } }

public final class CIImage {
    public init(cgImage: CGImage) {}
    public init(cvPixelBuffer: CVPixelBuffer) {}
    public init(color: CIColor) {}
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
