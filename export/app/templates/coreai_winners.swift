    /// The most probable classes, best first; of equal ones, the first in the list.
    static func ranked(
        _ probabilities: [Float], labels: [String], top count: Int
    ) throws -> [Prediction] {
        guard labels.count == probabilities.count else {
            throw Failure.labelsDoNotFit(
                labels: labels.count, probabilities: probabilities.count)
        }
        guard probabilities.allSatisfy(\.isFinite) else { throw Failure.outputIsNotProbabilities }
        return zip(labels, probabilities).enumerated()
            .sorted { left, right in
                (right.element.1, left.offset) < (left.element.1, right.offset)
            }
            .prefix(max(count, 0))
            .map { best in Prediction(label: best.element.0, probability: best.element.1) }
    }
