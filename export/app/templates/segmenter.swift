// Written by mobilenet-coreml $tool (python -m export --swift), which replaces it: do not edit.
// $summary.
//
// Add it to the app's target together with the package it was written beside. Its authors have not
// run it on a device.

import CoreGraphics
import CoreImage
import CoreImage.CIFilterBuiltins
import CoreML
import CoreVideo
import ImageIO
import Vision

/// Tells of every pixel of a photograph what it belongs to, with `$model`, through Vision.
///
/// Make one and keep it: loading takes far longer than segmenting. Calls block until the answer is
/// there, so make them off the main thread. What they return is computed by Core Image, on the GPU,
/// once a `CIContext` draws it; make that with `Self.contextOptions`.
@available(iOS $ios.0, macOS $macos, tvOS $ios.0, *)
struct ${model}Segmenter {
    enum Failure: Error {
        /// Another model bears the name `$model`.
        case modelIsNotASegmenter
        /// The model's metadata hold no list of labels.
        case modelHasNoLabels
    }

    /// Without colour management, which would change the numbers that grey values stand for.
    static let contextOptions: [CIContextOption: Any] = [.workingColorSpace: NSNull()]

    /// Of each class, by its number: the first is what is no object.
    let labels: [String]

    private let model: VNCoreMLModel

    /// Loads the model onto the compute units it was exported for, unless others are given.
    /// The Simulator has no Neural Engine: give `.cpuOnly` there.
    init(computeUnits: MLComputeUnits = .$units) throws {
        let configuration = MLModelConfiguration()
        configuration.computeUnits = computeUnits
        let network = try $model(configuration: configuration)
        labels = try Self.labels(of: network.model)
        model = try VNCoreMLModel(for: network.model)
    }

    /// An upright picture of the photograph's size, whose grey values are the numbers of classes.
    ///
    /// The network sees the whole photograph, brought to its proportions: no pixel is left out.
    func classes(
        of image: CGImage, orientation: CGImagePropertyOrientation = .up
    ) throws -> CIImage {
        let request = VNCoreMLRequest(model: model)
        request.imageCropAndScaleOption = .scaleFill
        try VNImageRequestHandler(cgImage: image, orientation: orientation).perform([request])
        let small = try Self.picture(of: request.results ?? [])
        let upright = CIImage(cgImage: image).oriented(orientation).extent.size
        return Self.stretched(small, to: upright)
    }

    /// The upright photograph with every class but the first in a colour of its own over it.
    func overlay(
        on image: CGImage, orientation: CGImagePropertyOrientation = .up, opacity: CGFloat = 0.6
    ) throws -> CIImage {
        let classes = try classes(of: image, orientation: orientation)
        let colors = CIFilter.colorMap()
        colors.inputImage = classes
        colors.gradientImage = Self.table { number in Self.color(of: number) }
        let shares = CIFilter.colorMap()
        shares.inputImage = classes
        let grey = UInt8(max(0, min(1, opacity)) * 255)
        shares.gradientImage = Self.table { number in
            number == 0 ? (0, 0, 0) : (grey, grey, grey)
        }
        let blend = CIFilter.blendWithMask()
        blend.inputImage = colors.outputImage
        blend.backgroundImage = CIImage(cgImage: image).oriented(orientation)
        blend.maskImage = shares.outputImage
        guard let drawn = blend.outputImage else { throw Failure.modelIsNotASegmenter }
        return drawn.cropped(to: classes.extent)
    }

    /// Width and height by which a map of the network's size becomes one of a photograph's.
    static func stretch(
        width: CGFloat, height: CGFloat, toWidth: CGFloat, toHeight: CGFloat
    ) -> CGSize {
        return CGSize(width: toWidth / width, height: toHeight / height)
    }

    /// The colour of a class in Pascal VOC's own pictures: bits of its number, dealt in turn.
    static func color(of number: Int) -> (UInt8, UInt8, UInt8) {
        var color: (UInt8, UInt8, UInt8) = (0, 0, 0)
        var rest = number
        for place in (0..<8).reversed() {
            color.0 |= UInt8(rest & 1) << UInt8(place)
            color.1 |= UInt8(rest >> 1 & 1) << UInt8(place)
            color.2 |= UInt8(rest >> 2 & 1) << UInt8(place)
            rest >>= 3
        }
        return color
    }

$reading

    /// Nearest pixels: between the numbers of two classes lies the number of a third.
    private static func stretched(_ classes: CIImage, to size: CGSize) -> CIImage {
        let scale = stretch(
            width: classes.extent.width, height: classes.extent.height,
            toWidth: size.width, toHeight: size.height)
        return classes.samplingNearest()
            .transformed(by: CGAffineTransform(scaleX: scale.width, y: scale.height))
    }

    /// A picture for `CIColorMap`: 256 grey values from left to right, each a few pixels wide, so
    /// that none is mixed with its neighbours.
    private static func table(_ color: (Int) -> (UInt8, UInt8, UInt8)) -> CIImage {
        let width = 8
        var bytes: [UInt8] = []
        for number in 0..<256 {
            let (red, green, blue) = color(number)
            for _ in 0..<width { bytes += [red, green, blue, 255] }
        }
        return CIImage(
            bitmapData: Data(bytes), bytesPerRow: bytes.count,
            size: CGSize(width: 256 * width, height: 1), format: .RGBA8, colorSpace: nil)
    }

    /// The labels are the model's and not written down here: they travel with the weights.
    private static func labels(of model: MLModel) throws -> [String] {
        let about = model.modelDescription.metadata[.creatorDefinedKey] as? [String: String]
        guard let text = about?["$labels"],
            let labels = try? JSONDecoder().decode([String].self, from: Data(text.utf8))
        else { throw Failure.modelHasNoLabels }
        return labels
    }
}
