// Just so much of UIKit as the Swift files use, as Apple documents it:
// developer.apple.com/documentation/uikit.

import CoreGraphics

open class UIImage {
    public var cgImage: CGImage? { nil }
    public var imageOrientation: Orientation { .up }

    public enum Orientation: Int, Sendable {
        case up, down, left, right, upMirrored, downMirrored, leftMirrored, rightMirrored
    }
}
