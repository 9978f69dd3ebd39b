// The back camera's frames, one at a time, on a queue of their own.

import AVFoundation
import CoreMedia
import CoreVideo
import Foundation

/// `session` is for the preview alone. All else is touched on `queue` only, hence `@unchecked`.
final class Camera: NSObject, AVCaptureVideoDataOutputSampleBufferDelegate, @unchecked Sendable {
    let session = AVCaptureSession()
    private let queue = DispatchQueue(label: "camera", qos: .userInitiated)
    private let onFrame: @Sendable (CVPixelBuffer) -> Void
    private let onDrop: @Sendable () -> Void
    private var configured = false

    /// `onFrame` is called on the camera's queue, `onDrop` for each frame that comes meanwhile.
    init(
        onFrame: @escaping @Sendable (CVPixelBuffer) -> Void,
        onDrop: @escaping @Sendable () -> Void
    ) {
        (self.onFrame, self.onDrop) = (onFrame, onDrop)
    }

    /// `failed` is told why there are no frames.
    func start(_ failed: @escaping @Sendable (String) -> Void) {
        AVCaptureDevice.requestAccess(for: .video) { granted in
            guard granted else {
                failed("The camera is not allowed: Settings, MobileNet, Camera.")
                return
            }
            self.queue.async {
                if let reason = self.configure() {
                    failed(reason)
                } else {
                    self.session.startRunning()
                }
            }
        }
    }

    func stop() {
        queue.async { self.session.stopRunning() }
    }

    /// Why it cannot be used; nil where it can.
    private func configure() -> String? {
        if configured { return nil }
        guard
            let device = AVCaptureDevice.default(
                .builtInWideAngleCamera, for: .video, position: .back),
            let input = try? AVCaptureDeviceInput(device: device)
        else { return "There is no back camera here." }
        let output = AVCaptureVideoDataOutput()
        // The sensor's own format, which Vision reads: BGRA would cost a conversion of each frame.
        output.videoSettings = [
            kCVPixelBufferPixelFormatTypeKey as String:
                kCVPixelFormatType_420YpCbCr8BiPlanarFullRange
        ]
        output.alwaysDiscardsLateVideoFrames = true
        output.setSampleBufferDelegate(self, queue: queue)
        session.beginConfiguration()
        defer { session.commitConfiguration() }
        if session.canSetSessionPreset(.hd1280x720) { session.sessionPreset = .hd1280x720 }
        guard session.canAddInput(input), session.canAddOutput(output) else {
            return "The camera cannot be used."
        }
        session.addInput(input)
        session.addOutput(output)
        configured = true
        return nil
    }

    func captureOutput(
        _ output: AVCaptureOutput, didOutput sampleBuffer: CMSampleBuffer,
        from connection: AVCaptureConnection
    ) {
        if let frame = CMSampleBufferGetImageBuffer(sampleBuffer) { onFrame(frame) }
    }

    func captureOutput(
        _ output: AVCaptureOutput, didDrop sampleBuffer: CMSampleBuffer,
        from connection: AVCaptureConnection
    ) {
        onDrop()
    }
}
