// Just so much of Vision as the Swift files use, as Apple documents it:
// developer.apple.com/documentation/vision.

import CoreGraphics
import CoreImage
import CoreML
import CoreVideo
import ImageIO

public typealias VNConfidence = Float

public enum VNImageCropAndScaleOption: UInt, Sendable { case centerCrop, scaleFit, scaleFill }

open class VNObservation { public var confidence: VNConfidence { 0 } }

open class VNClassificationObservation: VNObservation { public var identifier: String { "" } }

open class VNDetectedObjectObservation: VNObservation { public var boundingBox: CGRect { .zero } }

open class VNRecognizedObjectObservation: VNDetectedObjectObservation {
    public var labels: [VNClassificationObservation] { [] }
}

open class VNCoreMLFeatureValueObservation: VNObservation {
    public var featureName: String { "" }
    public var featureValue: MLFeatureValue { MLFeatureValue() }
}

open class VNPixelBufferObservation: VNObservation {
    public var pixelBuffer: CVPixelBuffer { fatalError() }
}

open class VNCoreMLModel {
    public init(for model: MLModel) throws {}
    public var featureProvider: (any MLFeatureProvider)?
}

open class VNRequest { public var results: [VNObservation]? { nil } }

open class VNImageBasedRequest: VNRequest { public var regionOfInterest: CGRect = .zero }

open class VNCoreMLRequest: VNImageBasedRequest {
    public init(model: VNCoreMLModel) {}
    public var imageCropAndScaleOption: VNImageCropAndScaleOption = .centerCrop
}

public struct VNImageOption: Hashable, Sendable {}

open class VNImageRequestHandler {
    public init(
        cgImage image: CGImage, orientation: CGImagePropertyOrientation,
        options: [VNImageOption: Any] = [:]
    ) {}
    public init(
        cvPixelBuffer pixelBuffer: CVPixelBuffer, orientation: CGImagePropertyOrientation,
        options: [VNImageOption: Any] = [:]
    ) {}
    public init(ciImage image: CIImage, options: [VNImageOption: Any] = [:]) {}
    public func perform(_ requests: [VNRequest]) throws {}
}
