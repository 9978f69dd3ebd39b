// Just so much of AVFoundation as the app uses, as Apple documents it:
// developer.apple.com/documentation/avfoundation.

@_exported import CoreMedia
import Foundation
import QuartzCore

public struct AVMediaType: Hashable, Sendable { public static let video = AVMediaType() }

open class AVCaptureInput {}
open class AVCaptureOutput {}
open class AVCaptureConnection {}

open class AVCaptureDevice {
    public enum Position: Int, Sendable { case unspecified, back, front }
    public struct DeviceType: Hashable, Sendable {
        public static let builtInWideAngleCamera = DeviceType()
    }
    open class func requestAccess(
        for mediaType: AVMediaType, completionHandler handler: @escaping @Sendable (Bool) -> Void
    ) {}
    open class func `default`(
        _ deviceType: DeviceType, for mediaType: AVMediaType?, position: Position
    ) -> AVCaptureDevice? { nil }
}

open class AVCaptureDeviceInput: AVCaptureInput { public init(device: AVCaptureDevice) throws {} }

// Both methods are optional, as Objective-C has that: an extension stands for it.
public protocol AVCaptureVideoDataOutputSampleBufferDelegate: NSObject {
    func captureOutput(
        _ output: AVCaptureOutput, didOutput sampleBuffer: CMSampleBuffer,
        from connection: AVCaptureConnection)
    func captureOutput(
        _ output: AVCaptureOutput, didDrop sampleBuffer: CMSampleBuffer,
        from connection: AVCaptureConnection)
}

open class AVCaptureVideoDataOutput: AVCaptureOutput {
    public override init() {}
    public var videoSettings: [String: Any]! = [:]
    public var alwaysDiscardsLateVideoFrames = true
    public func setSampleBufferDelegate(
        _ sampleBufferDelegate: (any AVCaptureVideoDataOutputSampleBufferDelegate)?,
        queue sampleBufferCallbackQueue: DispatchQueue?
    ) {}
}

open class AVCaptureSession {
    public struct Preset: Hashable, Sendable { public static let hd1280x720 = Preset() }
    public init() {}
    public func beginConfiguration() {}
    public func commitConfiguration() {}
    public func canSetSessionPreset(_ preset: Preset) -> Bool { true }
    public var sessionPreset = Preset.hd1280x720
    public func canAddInput(_ input: AVCaptureInput) -> Bool { true }
    public func addInput(_ input: AVCaptureInput) {}
    public func canAddOutput(_ output: AVCaptureOutput) -> Bool { true }
    public func addOutput(_ output: AVCaptureOutput) {}
    public func startRunning() {}
    public func stopRunning() {}
}

public struct AVLayerVideoGravity: Hashable, Sendable {
    public static let resizeAspectFill = AVLayerVideoGravity()
}

open class AVCaptureVideoPreviewLayer: CALayer {
    public var session: AVCaptureSession?
    public var videoGravity = AVLayerVideoGravity.resizeAspectFill
}
