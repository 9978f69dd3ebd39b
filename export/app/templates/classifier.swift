// Written by mobilenet-coreml $tool (python -m export --swift), which replaces it: do not edit.
// $summary.
//
// Add it to the app's target together with the package it was written beside. The tool's macOS
// workflow type-checks such a file against the generated class and the iOS SDK; its authors have
// not run it on a device.

import CoreGraphics
import CoreML
import CoreVideo
import ImageIO
import Vision

#if canImport(UIKit)
import UIKit
#endif

/// Classifies photographs with `$model`, through Vision.
${nature}///
/// Make one and keep it: loading takes far longer than classifying. Calls block until the answer is
/// there, so make them off the main thread.
///
/// The network sees the square that it saw when it was evaluated. Vision scales that square with a
/// filter of its own (evaluated with: $interpolation), so probabilities differ a little.
@available(iOS $ios.0, macOS $macos, tvOS $ios.0, *)
struct ${model}Classifier {
    /// A class and its probability, 0 to 1.
    struct Prediction {
        let label: String
        let probability: Float
    }

    enum Failure: Error {
        /// The `UIImage` is empty or was made from a `CIImage`.
        case imageHasNoCGImage
$failures
    }

    /// Part of the shorter side that the network sees: input pixels / shorter side after resizing.
    static let crop: CGFloat = $size.0 / $shorter.0

    private let model: VNCoreMLModel
${fields}
    /// Loads the model onto the compute units it was exported for, unless others are given.
    /// The Simulator has no Neural Engine: give `.cpuOnly` there.
    init(computeUnits: MLComputeUnits = .$units) throws {
        let configuration = MLModelConfiguration()
        configuration.computeUnits = computeUnits
        let network = try $model(configuration: configuration)
        model = try VNCoreMLModel(for: network.model)
${loading}    }

    #if canImport(UIKit)
    /// $which of a photograph, best first, turned as it says.
    func classify(_ image: UIImage, $asked = $usual) throws -> [Prediction] {
        guard let bitmap = image.cgImage else { throw Failure.imageHasNoCGImage }
        return try classify(bitmap, orientation: Self.exif(image.imageOrientation), $argument)
    }
    #endif

    /// $which of a bitmap, best first.
    func classify(
        _ image: CGImage, orientation: CGImagePropertyOrientation, $asked = $usual
    ) throws -> [Prediction] {
        try classify(
            VNImageRequestHandler(cgImage: image, orientation: orientation),
            width: image.width, height: image.height, orientation: orientation, $argument)
    }

    /// $which of a camera's frame, best first.
    ///
    /// A buffer does not know which way is up: the back camera of an iPhone held upright gives
    /// frames that are `.right`.
    func classify(
        _ pixelBuffer: CVPixelBuffer, orientation: CGImagePropertyOrientation, $asked = $usual
    ) throws -> [Prediction] {
        try classify(
            VNImageRequestHandler(cvPixelBuffer: pixelBuffer, orientation: orientation),
            width: CVPixelBufferGetWidth(pixelBuffer), height: CVPixelBufferGetHeight(pixelBuffer),
            orientation: orientation, $argument)
    }

    /// The centred square, `crop` times the shorter side, of an upright picture of this many pixels.
    ///
    /// In Vision's coordinates: width and height are each 1, the origin is at the lower left.
    /// A photograph of $example.
    static func regionOfInterest(width: CGFloat, height: CGFloat) -> CGRect {
        let side = crop * min(width, height)
        return CGRect(
            x: (width - side) / 2 / width, y: (height - side) / 2 / height,
            width: side / width, height: side / height)
    }

    private func classify(
        _ handler: VNImageRequestHandler, width: Int, height: Int,
        orientation: CGImagePropertyOrientation, $asked
    ) throws -> [Prediction] {
        // Vision turns the picture first: the region is one of the upright picture.
        let lyingDown: [CGImagePropertyOrientation] = [.left, .leftMirrored, .right, .rightMirrored]
        let (across, down) = lyingDown.contains(orientation) ? (height, width) : (width, height)
        let request = VNCoreMLRequest(model: model)
        request.regionOfInterest = Self.regionOfInterest(
            width: CGFloat(across), height: CGFloat(down))
        request.imageCropAndScaleOption = .centerCrop  // of a square: all of it, undistorted
        try handler.perform([request])
$answer

    #if canImport(UIKit)
$exif
    #endif
}
