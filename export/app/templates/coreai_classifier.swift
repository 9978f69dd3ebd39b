// Written by mobilenet-coreml $tool (python -m export --swift), which replaces it: do not edit.
// $summary.
//
// Add it to the app's target together with the asset it was written beside. Nothing of it has run
// on a device, and no SDK has type-checked it: names of Core AI and Core Video are those of
// Apple's documentation of iOS 27 ("DOC", developer.apple.com/documentation), cited where they
// are used. The Simulator has no Core AI; there, only the arithmetic is left.

#if canImport(CoreAI) && canImport(CoreImage)
import CoreAI
import CoreGraphics
import CoreImage
import CoreVideo
import Foundation
import ImageIO

#if canImport(UIKit)
import UIKit
#endif
#endif

/// Classifies photographs with `$model.aimodel`, through Core AI.
${nature}///
/// Make one and keep it: the first load on a device takes seconds, since Core AI specializes the
/// asset for it.
///
/// The network sees the part that it saw when it was evaluated. Core Image scales that part
/// with a filter of its own (evaluated with: $interpolation), so probabilities differ a little.
@available(iOS $ios.0, macOS $macos, tvOS $ios.0, *)
struct ${model}Classifier {
    /// A class and its probability, 0 to 1.
    struct Prediction: Equatable, Sendable {
        let label: String
        let probability: Float
    }

    enum Failure: Error {
        /// The app's bundle has no `$model.aimodel`.
        case assetIsNotInTheBundle
        /// The asset's metadata has no list of labels.
        case assetHasNoLabels
        /// The asset has no such function, or it takes another picture than this file makes: one
        /// of the two was exported anew without the other.
        case assetIsAnother(function: String)
        /// The `UIImage` is empty or was made from a `CIImage`.
        case imageHasNoCGImage
        /// What the function gave is no row of probabilities.
        case outputIsNotProbabilities
        /// There are more or fewer labels than probabilities.
        case labelsDoNotFit(labels: Int, probabilities: Int)
    }

    /// The centred part of a picture, in pixels: how far it is from left and bottom, and its sides.
    struct Region: Equatable, Sendable {
        let x: Double
        let y: Double
        let width: Double
        let height: Double
    }

    /// A function of the asset, and how a picture is cut for it.
    struct Input: Equatable, Sendable {
        let function: String
        /// Of the picture that it takes, in pixels.
        let width: Int
        let height: Int
        /// What the shorter of both was, in pixels, before a resized picture's centre was cut out.
        let shorter: Int

$inputs

        /// What the network sees of an upright picture of this many pixels.
        func region(across: Double, down: Double) -> Region {
            let crop = Double(min(width, height)) / Double(shorter)
            let aspect = Double(width) / Double(height)
            let wide = crop * min(across, down * aspect)
            let high = crop * min(down, across / aspect)
            return Region(x: (across - wide) / 2, y: (down - high) / 2, width: wide, height: high)
        }
    }

$answer

    #if canImport(CoreAI) && canImport(CoreImage)
    private let input: Input
    private let labels: [String]
    private let function: InferenceFunction
    private let context: CIContext

    /// Loads the asset of the app's bundle, with the labels that it has.
    ///
    /// The labels are the asset's and not written down here: they travel with the weights, so
    /// that a new export, which may replace the asset alone, cannot leave names to other numbers.
    init(_ input: Input = .$default, options: SpecializationOptions = .default) async throws {
        let asset = Bundle.main.url(forResource: "$model", withExtension: "aimodel")
        guard let asset else { throw Failure.assetIsNotInTheBundle }
        let labels = try Self.labels(of: AIModelAsset(contentsOf: asset))
        try await self.init(contentsOf: asset, labels: labels, input, options: options)
    }

    /// Loads an asset from anywhere, also a compiled one (`.aimodelc`), whose metadata no API is
    /// documented for. Labels are in the order of the network's outputs.
    ///
    /// `.default` lets Core AI choose the compute units; preferring one fails for what it cannot
    /// compile (ultralytics/yolo-ios-app#319).
    init(
        contentsOf asset: URL, labels: [String], _ input: Input = .$default,
        options: SpecializationOptions = .default
    ) async throws {
        // DOC/coreai/aimodel: init(contentsOf:options:), loadFunction(named:)
        let model = try await AIModel(contentsOf: asset, options: options)
        guard let function = try model.loadFunction(named: input.function),
            // DOC/coreai/integrating-on-device-ai-models-in-your-app-with-core-ai: image inputs
            case .image(let image)? = function.descriptor.inputDescriptor(of: "image"),
            image.width == input.width, image.height == input.height,
            image.pixelFormatType == kCVPixelFormatType_32BGRA
        else { throw Failure.assetIsAnother(function: input.function) }
        self.input = input
        self.labels = labels
        self.function = function
        // As where it was evaluated: scaled as stored and not in linear light, Core Image's default.
        context = CIContext(options: [.workingColorSpace: Self.colors as Any])
    }

    #if canImport(UIKit)
    /// $which of a photograph, best first, turned as it says.
    func classify(_ image: UIImage, $asked = $usual) async throws -> [Prediction] {
        guard let bitmap = image.cgImage else { throw Failure.imageHasNoCGImage }
        return try await classify(
            bitmap, orientation: Self.exif(image.imageOrientation), $argument)
    }
    #endif

    /// $which of a bitmap, best first.
    func classify(
        _ image: CGImage, orientation: CGImagePropertyOrientation, $asked = $usual
    ) async throws -> [Prediction] {
        try await classify(CIImage(cgImage: image).oriented(orientation), $argument)
    }

    /// $which of a camera's frame, best first.
    ///
    /// A buffer does not know which way is up: the back camera of an iPhone held upright gives
    /// frames that are `.right`.
    func classify(
        _ pixelBuffer: CVPixelBuffer, orientation: CGImagePropertyOrientation, $asked = $usual
    ) async throws -> [Prediction] {
        try await classify(CIImage(cvPixelBuffer: pixelBuffer).oriented(orientation), $argument)
    }

    private func classify(_ upright: CIImage, $asked) async throws -> [Prediction] {
        // DOC/coreai/integrating-on-device-ai-models-in-your-app-with-core-ai: insert, run, remove
        let buffer = try pixels(of: upright)
        var inputs = InferenceFunction.Inputs()
        inputs.insert(buffer, for: "image")
        var outputs = try await function.run(inputs: inputs)
        guard let array = outputs.remove("probabilities")?.ndArray else {
            throw Failure.outputIsNotProbabilities
        }
        return try Self.$chosen(Self.floats(array), labels: labels, $argument)
    }

    /// The part that the network sees, scaled, in a buffer that the function takes.
    private func pixels(of upright: CIImage) throws -> CVMutablePixelBuffer {
        let whole = upright.extent
        let region = input.region(across: Double(whole.width), down: Double(whole.height))
        let scale = Double(input.width) / region.width
        let moved = CGAffineTransform(
            translationX: -whole.minX - CGFloat(region.x), y: -whole.minY - CGFloat(region.y))
        let picture = upright.clampedToExtent()
            .transformed(
                by: moved.concatenating(CGAffineTransform(scaleX: CGFloat(scale), y: CGFloat(scale))),
                highQualityDownsample: true)
            .composited(over: CIImage(color: .white))  // transparent parts, as where evaluated
        // DOC/corevideo/cvmutablepixelbuffer: init(_:), withUnsafeBuffer(_:)
        let buffer = try CVMutablePixelBuffer(
            CVPixelBufferCreationAttributes(
                pixelFormatType: CVPixelFormatType(rawValue: kCVPixelFormatType_32BGRA),
                size: CVImageSize(width: input.width, height: input.height)))
        buffer.withUnsafeBuffer { target in
            context.render(
                picture, to: target,
                bounds: CGRect(x: 0, y: 0, width: input.width, height: input.height),
                colorSpace: Self.colors)
        }
        return buffer
    }

    private static var colors: CGColorSpace? { CGColorSpace(name: CGColorSpace.sRGB) }

    /// DOC/coreai/aimodelasset/metadata-swift.struct/creatordefinedmetadata
    private static func labels(of asset: AIModelAsset) throws -> [String] {
        guard case .array(let values)? = asset.metadata.creatorDefinedMetadata["$labels"] else {
            throw Failure.assetHasNoLabels
        }
        return try values.map { value in
            guard case .string(let label) = value else { throw Failure.assetHasNoLabels }
            return label
        }
    }

    /// An output of either precision. DOC/coreai/ndarray/scalartype-swift.enum
    private static func floats(_ array: NDArray) throws -> [Float] {
        if array.scalarType == .float32 { return try row(array, as: Float.self) }
        #if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
        if array.scalarType == .float16 {  // which Swift does not have on an Intel Mac
            return try row(array, as: Float16.self).map { half in Float(half) }
        }
        #endif
        throw Failure.outputIsNotProbabilities
    }

    /// The one row of an output, copied at once. DOC/coreai/ndarray/view: withUnsafePointer(_:)
    ///
    /// Rows may be padded, so that the array as a whole is not contiguous where a row is.
    private static func row<Scalar: BitwiseCopyable>(
        _ array: NDArray, as type: Scalar.Type
    ) throws -> [Scalar] {
        let view = array.view(as: type)
        guard view.interleaveLayout == nil else { throw Failure.outputIsNotProbabilities }
        let elements: [Scalar]? = view.withUnsafePointer { first, shape, strides in
            let last = shape.count - 1
            guard last >= 0, strides[last] == 1 else { return nil }
            return Array(UnsafeBufferPointer(start: first, count: shape[last]))
        }
        guard let elements else { throw Failure.outputIsNotProbabilities }
        return elements
    }

    #if canImport(UIKit)
$exif
    #endif
    #endif
}
