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
/// The network sees the part that it saw when it was evaluated. Vision scales that part with a
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

    /// What the network sees of the largest part of a picture that has its input's proportions:
    /// input pixels / pixels after resizing.
    static let crop: CGFloat = $size.0 / $shorter.0

    /// Width / height of the input.
    static let aspect: CGFloat = $width.0 / $height.0

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

    /// `crop` of the largest centred part of `aspect` in an upright picture of this many pixels.
    ///
    /// In Vision's coordinates: width and height are each 1, the origin is at the lower left.
    /// A photograph of $example.
    static func regionOfInterest(width: CGFloat, height: CGFloat) -> CGRect {
        let across = crop * min(width, height * aspect)
        let down = crop * min(height, width / aspect)
        return CGRect(
            x: (width - across) / 2 / width, y: (height - down) / 2 / height,
            width: across / width, height: down / height)
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
        request.imageCropAndScaleOption = .centerCrop  // of these proportions: all of it
        try handler.perform([request])
$answer

    #if canImport(UIKit)
$exif
    #endif
}
