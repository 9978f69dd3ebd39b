// Just so much of Core Graphics as the Swift files use, as Apple documents it:
// developer.apple.com/documentation/coregraphics. Points and rectangles are Foundation's.

import Foundation

public final class CGImage {
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
