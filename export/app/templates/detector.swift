// Written by mobilenet-coreml $tool (python -m export --swift), which replaces it: do not edit.
// $summary.
//
// Add it to the app's target together with the package it was written beside. Its authors have not
// run it on a device.

import CoreGraphics
import CoreML
import CoreVideo
import ImageIO
import Vision

#if canImport(UIKit)
import QuartzCore
import UIKit
#endif

/// Finds objects in photographs with `$model`, through Vision.
///
/// Make one and keep it: loading takes far longer than detecting. Calls block until the answer is
/// there, so make them off the main thread.
@available(iOS $ios.0, macOS $macos, tvOS $ios.0, *)
struct ${model}Detector {
    /// An object in a picture.
    struct Detection {
        let label: String
        /// The network's own score, 0 to 1. Those of Vision's labels are divided by their sum.
        let confidence: Float
        /// Both sides of the upright picture are 1, the origin is at the lower left.
        let box: CGRect
    }

    enum Failure: Error {
        /// The `UIImage` is empty or was made from a `CIImage`.
        case imageHasNoCGImage
        /// Another model bears the name `$model`.
        case modelIsNotADetector
        /// The model's metadata hold no list of labels.
        case modelHasNoLabels
    }

    /// Of the network's classes. The package may name more, which fill it up and are not shown.
    let labels: [String]

    private let model: VNCoreMLModel

    /// Loads the model onto the compute units it was exported for, unless others are given.
    /// The Simulator has no Neural Engine: give `.cpuOnly` there.
    init(
        computeUnits: MLComputeUnits = .$units, iou: Double = $iou, confidence: Double = $confidence
    ) throws {
        let configuration = MLModelConfiguration()
        configuration.computeUnits = computeUnits
        let network = try $model(configuration: configuration)
        labels = try Self.labels(of: network.model)
        model = try VNCoreMLModel(for: network.model)
        try setThresholds(iou: iou, confidence: confidence)
    }

    /// Of two boxes that share more than `iou` of their union, the better stays; no object with a
    /// score below `confidence` is found. Not while a picture is looked at.
    func setThresholds(iou: Double, confidence: Double) throws {
        model.featureProvider = try MLDictionaryFeatureProvider(dictionary: [
            "iouThreshold": MLFeatureValue(double: iou),
            "confidenceThreshold": MLFeatureValue(double: confidence),
        ])
    }

    #if canImport(UIKit)
    /// The objects in a photograph, best first, turned as it says.
    func detect(in image: UIImage) throws -> [Detection] {
        guard let bitmap = image.cgImage else { throw Failure.imageHasNoCGImage }
        return try detect(in: bitmap, orientation: Self.exif(image.imageOrientation))
    }
    #endif

    /// The objects in a bitmap, best first.
    func detect(
        in image: CGImage, orientation: CGImagePropertyOrientation
    ) throws -> [Detection] {
        try detect(VNImageRequestHandler(cgImage: image, orientation: orientation))
    }

    /// The objects in a camera's frame, best first.
    ///
    /// A buffer does not know which way is up: the back camera of an iPhone held upright gives
    /// frames that are `.right`.
    func detect(
        in pixelBuffer: CVPixelBuffer, orientation: CGImagePropertyOrientation
    ) throws -> [Detection] {
        try detect(VNImageRequestHandler(cvPixelBuffer: pixelBuffer, orientation: orientation))
    }

    /// The sides of a picture once it is upright, which is what boxes are parts of.
    static func upright(
        width: CGFloat, height: CGFloat, orientation: CGImagePropertyOrientation
    ) -> CGSize {
        let lyingDown: [CGImagePropertyOrientation] = [.left, .leftMirrored, .right, .rightMirrored]
        return lyingDown.contains(orientation)
            ? CGSize(width: height, height: width) : CGSize(width: width, height: height)
    }

    /// Where a box lies in a view, in points from its upper left, as UIKit has them.
    ///
    /// `width` and `height` are the upright picture's. It is in the view's middle: it `fills` all
    /// of it and is cut off, as `.scaleAspectFill` shows it, or fits into it: `.scaleAspectFit`.
    static func rectangle(
        of box: CGRect, width: CGFloat, height: CGFloat, viewWidth: CGFloat, viewHeight: CGFloat,
        fills: Bool
    ) -> CGRect {
        let across = viewWidth / width
        let down = viewHeight / height
        let scale = fills ? max(across, down) : min(across, down)
        let left = (viewWidth - width * scale) / 2
        let top = (viewHeight - height * scale) / 2
        return CGRect(
            x: left + box.minX * width * scale, y: top + (1 - box.maxY) * height * scale,
            width: box.width * width * scale, height: box.height * height * scale)
    }

    #if canImport(UIKit)
    /// Boxes with labels, for `view.layer.addSublayer`: over a view that shows the upright picture
    /// of size `picture` in `bounds`. `scale` is the screen's pixels per point.
    func overlay(
        of detections: [Detection], picture: CGSize, bounds: CGRect, fills: Bool, scale: CGFloat
    ) -> CALayer {
        let overlay = CALayer()
        overlay.frame = bounds
        overlay.masksToBounds = true
        for detection in detections.reversed() {  // the best lies uppermost
            let number = labels.firstIndex(of: detection.label) ?? 0
            let color = Self.color(of: number).cgColor
            let box = CALayer()
            box.frame = Self.rectangle(
                of: detection.box, width: picture.width, height: picture.height,
                viewWidth: bounds.width, viewHeight: bounds.height, fills: fills)
            box.borderColor = color
            box.borderWidth = 2
            let text = CATextLayer()
            text.string = "\(detection.label) \(Int((100 * detection.confidence).rounded())) %"
            text.fontSize = 13
            text.foregroundColor = UIColor.black.cgColor
            text.backgroundColor = color
            text.contentsScale = scale
            text.frame = CGRect(origin: .zero, size: text.preferredFrameSize())
            box.addSublayer(text)
            overlay.addSublayer(box)
        }
        return overlay
    }

    /// The same for the same class; those next to each other look unlike.
    private static func color(of number: Int) -> UIColor {
        let hue = (CGFloat(number) * 0.618034).truncatingRemainder(dividingBy: 1)
        return UIColor(hue: hue, saturation: 0.75, brightness: 1, alpha: 1)
    }
    #endif

    private func detect(_ handler: VNImageRequestHandler) throws -> [Detection] {
        let request = VNCoreMLRequest(model: model)
        request.imageCropAndScaleOption = .scaleFill  // all of the picture, as in training
        try handler.perform([request])
        guard let objects = (request.results ?? []) as? [VNRecognizedObjectObservation] else {
            throw Failure.modelIsNotADetector
        }
        let ours = Set(labels)
        return objects
            .compactMap { object in
                object.labels.first(where: { label in ours.contains(label.identifier) })
                    .map { best in
                        Detection(
                            label: best.identifier, confidence: object.confidence,
                            box: object.boundingBox)
                    }
            }
            .sorted { left, right in left.confidence > right.confidence }
    }

$listed

    #if canImport(UIKit)
$exif
    #endif
}
