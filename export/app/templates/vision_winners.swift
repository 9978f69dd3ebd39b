        guard let observations = request.results as? [VNClassificationObservation] else {
            throw Failure.modelIsNotAClassifier
        }
        return observations
            .sorted { left, right in left.confidence > right.confidence }
            .prefix(count)
            .map { best in Prediction(label: best.identifier, probability: best.confidence) }
    }
