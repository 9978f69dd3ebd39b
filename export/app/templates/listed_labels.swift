    /// The labels are the model's and not written down here: they travel with the weights.
    private static func labels(of model: MLModel) throws -> [String] {
        let about = model.modelDescription.metadata[.creatorDefinedKey] as? [String: String]
        guard let text = about?["$key"],
            let labels = try? JSONDecoder().decode([String].self, from: Data(text.utf8))
        else { throw Failure.modelHasNoLabels }
        return labels
    }
