    /// The classes that hold: those above the threshold, the most probable first; of equal ones,
    /// the first in the list.
    static func holding(
        _ probabilities: [Float], labels: [String], over threshold: Float
    ) throws -> [Prediction] {
        guard labels.count == probabilities.count else {
            throw Failure.labelsDoNotFit(
                labels: labels.count, probabilities: probabilities.count)
        }
        guard probabilities.allSatisfy(\.isFinite) else { throw Failure.outputIsNotProbabilities }
        return zip(labels, probabilities).enumerated()
            .filter { each in each.element.1 > threshold }
            .sorted { left, right in
                (right.element.1, left.offset) < (left.element.1, right.offset)
            }
            .map { each in Prediction(label: each.element.0, probability: each.element.1) }
    }
