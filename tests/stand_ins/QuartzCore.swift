// Just so much of Core Animation as the Swift files use, as Apple documents it:
// developer.apple.com/documentation/quartzcore.

import CoreGraphics
import Foundation

open class CALayer {
    public init() {}
    public var frame: CGRect = .zero
    public var masksToBounds = false
    public var borderColor: CGColor?
    public var borderWidth: CGFloat = 0
    public var backgroundColor: CGColor?
    public var contentsScale: CGFloat = 1
    public func addSublayer(_ layer: CALayer) {}
    public func preferredFrameSize() -> CGSize { .zero }
}

open class CATextLayer: CALayer {
    public var string: Any?
    public var fontSize: CGFloat = 36
    public var foregroundColor: CGColor?
}
