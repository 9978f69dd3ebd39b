        let results = request.results as? [VNCoreMLFeatureValueObservation]
        let output = results?.first(where: { result in result.featureName == "probabilities" })
        guard let array = output?.featureValue.multiArrayValue else {
            throw Failure.outputIsNotProbabilities
        }
        let probabilities = (0..<array.count).map { index in array[index].floatValue }
        return try Self.holding(probabilities, labels: labels, over: threshold)
    }

$holding

$listed
