// One package on one compute unit, which looks at frames through Vision.

import CoreGraphics
import CoreImage
import CoreML
import CoreVideo
import Foundation
import ImageIO
import Vision

final class Recognizer {
    private let request: VNCoreMLRequest
    private let geometry: Geometry
    private let input: CGSize  // in pixels
    private let labels: [String]  // that the package lists; empty where Core ML has them itself

    init(_ file: ModelFile, unit: String) throws {
        let model = try MLModel(
            contentsOf: ModelLibrary.compiled(file),
            configuration: CoreMLUnit.configuration(unit))
        let about = model.modelDescription
        let image = about.inputDescriptionsByName.values.compactMap(\.imageConstraint).first
        guard let image = image else {
            throw WorkerError("\(file.name) takes no picture: it can be measured")
        }
        let own = about.metadata[.creatorDefinedKey] as? [String: String] ?? [:]
        let squashed = #"{"geometry": {"crop": 1, "whole": "squash"}}"#
        geometry = Geometry(
            metadata: own["mobilenet"] ?? (about.predictedFeatureName == nil ? squashed : nil),
            width: image.pixelsWide, height: image.pixelsHigh)
        input = CGSize(width: image.pixelsWide, height: image.pixelsHigh)
        labels = own["labels"]
            .flatMap { try? JSONDecoder().decode([String].self, from: Data($0.utf8)) } ?? []
        request = VNCoreMLRequest(model: try VNCoreMLModel(for: model))
        request.imageCropAndScaleOption = .scaleFill  // of a region of the input's proportions
    }

    /// What a frame shows that is upright once turned by `orientation`.
    func answer(
        to frame: CVPixelBuffer, orientation: CGImagePropertyOrientation
    ) throws -> Answer {
        let size = Self.upright(frame, orientation)
        if geometry.whole == "corner" {
            let picture = corner(CIImage(cvPixelBuffer: frame).oriented(orientation))
            try VNImageRequestHandler(ciImage: picture).perform([request])
        } else {
            let region = geometry.region(width: size.width, height: size.height)
            request.regionOfInterest = CGRect(
                x: region.x, y: region.y, width: region.width, height: region.height)
            try VNImageRequestHandler(cvPixelBuffer: frame, orientation: orientation)
                .perform([request])
        }
        return try answer(of: request.results ?? [], frame: size)
    }

    /// Vision turns the picture first: regions are of the upright one.
    static func upright(
        _ frame: CVPixelBuffer, _ orientation: CGImagePropertyOrientation
    ) -> CGSize {
        let lyingDown: Set<CGImagePropertyOrientation> = [
            .left, .leftMirrored, .right, .rightMirrored,
        ]
        let (width, height) = (CVPixelBufferGetWidth(frame), CVPixelBufferGetHeight(frame))
        return lyingDown.contains(orientation)
            ? CGSize(width: height, height: width) : CGSize(width: width, height: height)
    }

    private func answer(of results: [VNObservation], frame: CGSize) throws -> Answer {
        if let classes = results as? [VNClassificationObservation], !classes.isEmpty {
            return .classes(RankedClass.best(classes.map { ($0.identifier, $0.confidence) }))
        }
        // Where there is nothing, an empty list is of every kind: only a detector gives one.
        if let objects = results as? [VNRecognizedObjectObservation] {
            return .objects(detected(objects))
        }
        let values = results.compactMap { $0 as? VNCoreMLFeatureValueObservation }
        if let probabilities = values.first(where: { $0.featureName == "probabilities" }),
            let array = probabilities.featureValue.multiArrayValue, array.count == labels.count
        {
            let numbers = MLShapedArray<Float>(converting: array).scalars
            return .classes(RankedClass.best(Array(zip(labels, numbers))))
        }
        if let array = values.first?.featureValue.multiArrayValue, array.shape.count == 3 {
            let classes = MLShapedArray<Int32>(converting: array)
            let bytes = classes.scalars.map { UInt8(truncatingIfNeeded: $0) }
            return .classMap(cutOut(bytes, classes.shape[2], classes.shape[1], frame))
        }
        if let mask = results.first as? VNPixelBufferObservation {
            let (bytes, width, height) = try mask.pixelBuffer.grays()
            return .classMap(cutOut(bytes, width, height, frame))
        }
        throw WorkerError("what this package gives is not drawn: it can be measured")
    }

    /// Of classes that the package lists: it may name more, which fill it up.
    private func detected(_ objects: [VNRecognizedObjectObservation]) -> [DetectedObject] {
        let ours = Set(labels)
        return objects.sorted { $0.confidence > $1.confidence }.enumerated()
            .compactMap { rank, object in
                let label = object.labels.first { ours.isEmpty || ours.contains($0.identifier) }
                let box = object.boundingBox
                return label.map {
                    DetectedObject(
                        id: rank, label: $0.identifier, confidence: object.confidence,
                        box: CGRect(
                            x: box.minX, y: 1 - box.maxY, width: box.width, height: box.height))
                }
            }
    }
}

extension Recognizer {
    /// As large as the input holds, in its upper left corner. Core Image's origin is at the lower
    /// left.
    private func corner(_ upright: CIImage) -> CIImage {
        let size = fitted(upright.extent.size)
        let scaling = CGAffineTransform(
            scaleX: size.width / upright.extent.width, y: size.height / upright.extent.height)
        let raising = CGAffineTransform(translationX: 0, y: input.height - size.height)
        let grey: CGFloat = 128 / 255
        return upright.clampedToExtent()
            .transformed(by: scaling.concatenating(raising), highQualityDownsample: true)
            .cropped(to: CGRect(origin: CGPoint(x: 0, y: input.height - size.height), size: size))
            .composited(over: CIImage(color: CIColor(red: grey, green: grey, blue: grey)))
            .cropped(to: CGRect(origin: .zero, size: input))
    }

    /// A frame's size in the input, in whole pixels.
    private func fitted(_ frame: CGSize) -> CGSize {
        let longer = max(frame.width, frame.height * input.width / input.height)
        return CGSize(
            width: max(1, rint(frame.width * input.width / longer)),
            height: max(1, rint(frame.height * input.width / longer)))
    }

    /// The frame's part of a map, row by row.
    private func cutOut(_ map: [UInt8], _ width: Int, _ height: Int, _ frame: CGSize) -> ClassMap {
        let size = geometry.whole == "corner" ? fitted(frame) : input
        let across = max(1, Int(CGFloat(width) * size.width / input.width))
        let down = max(1, Int(CGFloat(height) * size.height / input.height))
        return ClassMap(map, rowLength: width, width: across, height: down, labels: labels)
    }
}

extension CVPixelBuffer {
    /// Of a picture with one byte for each pixel: the bytes row by row, width and height.
    fileprivate func grays() throws -> ([UInt8], Int, Int) {
        guard CVPixelBufferGetPixelFormatType(self) == kCVPixelFormatType_OneComponent8 else {
            throw WorkerError("what this package gives is not drawn: it can be measured")
        }
        CVPixelBufferLockBaseAddress(self, .readOnly)
        defer { CVPixelBufferUnlockBaseAddress(self, .readOnly) }
        guard let base = CVPixelBufferGetBaseAddress(self) else {
            throw WorkerError("a picture has no memory")
        }
        let (width, height) = (CVPixelBufferGetWidth(self), CVPixelBufferGetHeight(self))
        let bytes = (0..<height).flatMap { row in
            UnsafeRawBufferPointer(
                start: base + row * CVPixelBufferGetBytesPerRow(self), count: width)
        }
        return (bytes, width, height)
    }
}
