// Just so much of UIKit as the Swift files use, as Apple documents it:
// developer.apple.com/documentation/uikit.

import CoreGraphics
import Foundation

open class UIImage {
    public var cgImage: CGImage? { nil }
    public var imageOrientation: Orientation { .up }

    public enum Orientation: Int, Sendable {
        case up, down, left, right, upMirrored, downMirrored, leftMirrored, rightMirrored
    }
}

open class UIColor {
    public init(hue: CGFloat, saturation: CGFloat, brightness: CGFloat, alpha: CGFloat) {}
    public class var black: UIColor { UIColor(hue: 0, saturation: 0, brightness: 0, alpha: 1) }
    public var cgColor: CGColor { fatalError() }
}
