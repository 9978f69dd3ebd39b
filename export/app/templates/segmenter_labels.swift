    /// The array that the model gives, copied in one go: an element at a time would take longer
    /// than the network.
    private static func picture(of results: [VNObservation]) throws -> CIImage {
        let values = results.first as? VNCoreMLFeatureValueObservation
        guard let array = values?.featureValue.multiArrayValue, array.shape.count == 3 else {
            throw Failure.modelIsNotASegmenter
        }
        let classes = MLShapedArray<Int32>(converting: array)
        let bytes = classes.scalars.map { number in UInt8(truncatingIfNeeded: number) }
        let (height, width) = (classes.shape[1], classes.shape[2])
        return CIImage(
            bitmapData: Data(bytes), bytesPerRow: width,
            size: CGSize(width: width, height: height), format: .L8, colorSpace: nil)
    }
