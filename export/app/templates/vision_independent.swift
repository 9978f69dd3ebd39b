        let results = request.results as? [VNCoreMLFeatureValueObservation]
        let output = results?.first(where: { result in result.featureName == "probabilities" })
        guard let array = output?.featureValue.multiArrayValue else {
            throw Failure.outputIsNotProbabilities
        }
        let probabilities = (0..<array.count).map { index in array[index].floatValue }
        return try Self.holding(probabilities, labels: labels, over: threshold)
    }

$holding

    /// The labels are the model's and not written down here: they travel with the weights.
    private static func labels(of model: MLModel) throws -> [String] {
        let about = model.modelDescription.metadata[.creatorDefinedKey] as? [String: String]
        guard let text = about?["$labels"],
            let labels = try? JSONDecoder().decode([String].self, from: Data(text.utf8))
        else { throw Failure.modelHasNoLabels }
        return labels
    }
