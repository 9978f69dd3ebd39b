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
    static var contextOptions: [CIContextOption: Any] { [.workingColorSpace: NSNull()] }

    /// Of the network's input, in pixels.
    static let inputWidth: CGFloat = $width.0
    static let inputHeight: CGFloat = $height.0

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
    /// The network sees the whole photograph as it did when it was evaluated: as large as its input
    /// holds, with grey below or to the right, which is cut off again. No pixel is left out. Core
    /// Image scales it with a filter of its own (evaluated with: $interpolation).
    func classes(
        of image: CGImage, orientation: CGImagePropertyOrientation = .up
    ) throws -> CIImage {
        let upright = CIImage(cgImage: image).oriented(orientation)
        let request = VNCoreMLRequest(model: model)
        request.imageCropAndScaleOption = .scaleFill  // of the input's size already
        try VNImageRequestHandler(ciImage: Self.input(upright)).perform([request])
        let small = try Self.picture(of: request.results ?? [])
        return Self.cutOut(small, for: upright.extent.size)
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

    /// Where an upright photograph of this many pixels lies in the network's input: in the upper
    /// left corner, in whole pixels. The origin is at the lower left, as Core Image has it.
    static func place(width: CGFloat, height: CGFloat) -> CGRect {
        let longer = max(width, height * inputWidth / inputHeight)
        let across = max(1, rint(width * inputWidth / longer))
        let down = max(1, rint(height * inputWidth / longer))
        return CGRect(x: 0, y: inputHeight - down, width: across, height: down)
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

    /// What the network sees of an upright photograph.
    private static func input(_ upright: CIImage) -> CIImage {
        let whole = upright.extent
        let place = place(width: whole.width, height: whole.height)
        let grey: CGFloat = 128 / 255
        return upright.clampedToExtent()
            .transformed(by: transform(from: whole, to: place), highQualityDownsample: true)
            .cropped(to: place)
            .composited(over: CIImage(color: CIColor(red: grey, green: grey, blue: grey)))
            .cropped(to: CGRect(x: 0, y: 0, width: inputWidth, height: inputHeight))
    }

    /// The photograph's part of the network's map, of its size.
    ///
    /// Nearest pixels: between the numbers of two classes lies the number of a third.
    private static func cutOut(_ classes: CIImage, for size: CGSize) -> CIImage {
        let place = place(width: size.width, height: size.height)
        return classes.samplingNearest()
            .transformed(by: transform(from: place, to: CGRect(origin: .zero, size: size)))
            .cropped(to: CGRect(origin: .zero, size: size))
    }

    private static func transform(from: CGRect, to: CGRect) -> CGAffineTransform {
        return CGAffineTransform(translationX: -from.minX, y: -from.minY)
            .concatenating(
                CGAffineTransform(
                    scaleX: to.width / from.width, y: to.height / from.height))
            .concatenating(CGAffineTransform(translationX: to.minX, y: to.minY))
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

$listed
}
