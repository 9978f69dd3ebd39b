    /// The picture that the model gives, as it is.
    private static func picture(of results: [VNObservation]) throws -> CIImage {
        guard let mask = results.first as? VNPixelBufferObservation else {
            throw Failure.modelIsNotASegmenter
        }
        return CIImage(cvPixelBuffer: mask.pixelBuffer, options: [.colorSpace: NSNull()])
    }
