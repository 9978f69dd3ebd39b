// Just so much of UIKit as the Swift files use, as Apple documents it:
// developer.apple.com/documentation/uikit.

import CoreGraphics
import Foundation
@_exported import QuartzCore

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

@MainActor open class UIResponder { public init() {} }

@MainActor open class UIView: UIResponder {
    public init(frame: CGRect) {}
    open class var layerClass: AnyClass { CALayer.self }
    public var layer: CALayer { CALayer() }
}

@MainActor open class UIViewController: UIResponder {}
@MainActor open class UIActivity {}
@MainActor open class UIActivityViewController: UIViewController {
    public init(activityItems: [Any], applicationActivities: [UIActivity]?) {}
}

@MainActor open class UIApplication: UIResponder {
    public class var shared: UIApplication { UIApplication() }
    public var isIdleTimerDisabled = false
}

@MainActor open class UIDevice {
    public enum BatteryState: Int, Sendable { case unknown, unplugged, charging, full }
    public class var current: UIDevice { fatalError() }
    public var isBatteryMonitoringEnabled = false
    public var batteryState: BatteryState { .unknown }
    public var batteryLevel: Float { 0 }
}
